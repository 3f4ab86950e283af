"""Groups, and the permissions that services announce."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import select

from auth_service.db.groups import group_by_id, permissions_named, permissions_of_service
from auth_service.db.models import Group, Permission
from auth_service.domain.errors import GroupExists, NameUnusable
from auth_service.domain.permissions import CHANGE_GROUP, announced_by, check_reach
from shared.database import insert_if_absent
from shared.identity import Principal
from shared.work import Work

LONGEST_NAME = 80


def note_permissions(work: Work, service: str, permissions: Mapping[str, str]) -> None:
    """Remember what a service says one may be allowed to do there.

    Nothing is removed: a release that is rolled back must not take people's rights with it.
    """
    known = permissions_of_service(work, service)
    for name, description in announced_by(service, permissions).items():
        if name in known:
            known[name].description = description
        else:
            row = {"name": name, "service": service, "description": description}
            insert_if_absent(work.session, Permission.__table__, row)


def make_group(work: Work, name: str, permissions: Collection[str], *, by: Principal) -> Group:
    """A new group. Raises GroupExists, or BeyondYourReach."""
    by.must(CHANGE_GROUP)
    group = Group(name=_tidy(name), permissions=[])
    _check_free(work, group.name)
    _allow(work, group, permissions, by)
    work.session.add(group)
    work.session.flush()
    return group


def change_group(
    work: Work, group_id: UUID, name: str, permissions: Collection[str], *, by: Principal
) -> Group:
    """Let a group have another name, and other permissions; they count with the next token."""
    by.must(CHANGE_GROUP)
    group = group_by_id(work, group_id)
    if _tidy(name) != group.name:
        _check_free(work, _tidy(name))
    group.name = _tidy(name)
    group.version += 1
    _allow(work, group, permissions, by)
    work.session.flush()
    return group


def remove_group(work: Work, group_id: UUID, *, by: Principal) -> None:
    """Dissolve a group; its members lose what it allowed."""
    by.must(CHANGE_GROUP)
    group = group_by_id(work, group_id)
    check_reach(by, {each.name for each in group.permissions})
    work.session.delete(group)


def _allow(work: Work, group: Group, names: Collection[str], by: Principal) -> None:
    permissions = permissions_named(work, names)
    check_reach(by, {each.name for each in [*group.permissions, *permissions]})
    group.permissions = permissions


def _check_free(work: Work, name: str) -> None:
    if work.session.scalar(select(Group.id).where(Group.name == name)):
        raise GroupExists(name)


def _tidy(name: str) -> str:
    tidy = " ".join(name.split())
    if not tidy or len(tidy) > LONGEST_NAME or not tidy.isprintable():
        raise NameUnusable(f"Give the group a name of 1 to {LONGEST_NAME} characters.")
    return tidy
