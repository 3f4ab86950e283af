"""Which permissions there are in auth, and who may hand out which."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from auth_service.domain.errors import BeyondYourReach
from shared.eventplane.permissions import bus_permissions
from shared.identity import Principal

VIEW_USER = "auth.view_user"
CHANGE_USER = "auth.change_user"
VIEW_GROUP = "auth.view_group"
CHANGE_GROUP = "auth.change_group"
VIEW_SESSION = "auth.view_session"
END_SESSION = "auth.end_session"

OURS: Mapping[str, str] = {
    VIEW_USER: "See users",
    CHANGE_USER: "Change users: activate, deactivate, put into groups",
    VIEW_GROUP: "See groups and permissions",
    CHANGE_GROUP: "Change groups and what they may do",
    VIEW_SESSION: "See who is signed in where",
    END_SESSION: "End other people's sessions",
    **bus_permissions("auth"),
}
# The gateway says nothing on the bus and keeps no permissions: it asks us what an operator may.
GATEWAY = "gateway"
OF_THE_GATEWAY: Mapping[str, str] = {
    "gateway.view_traffic": "See the gateway's page: traffic, services, limits",
    "gateway.steer_traffic": "Drain replicas and purge the cache at the gateway",
}
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}\.[a-z][a-z0-9_]{0,59}\Z")


def service_of(permission: str) -> str:
    """The service that a permission belongs to."""
    return permission.partition(".")[0]


def announced_by(service: str, permissions: Mapping[str, str]) -> dict[str, str]:
    """What of an announcement counts: well-formed names of the announcing service itself."""
    return {
        name: text[:200]
        for name, text in permissions.items()
        if NAME.match(name) and service_of(name) == service
    }


def for_audiences(permissions: Iterable[str], audiences: Iterable[str]) -> list[str]:
    """Those that the services a token is for can use."""
    wanted = set(audiences)
    return sorted(each for each in permissions if service_of(each) in wanted)


def check_reach(by: Principal, permissions: Iterable[str]) -> None:
    """Nobody hands out, or takes away, what they do not hold: that would be a way up."""
    beyond = sorted(each for each in permissions if not by.may(each))
    if beyond:
        raise BeyondYourReach(f"You do not hold {', '.join(beyond)} yourself.")
