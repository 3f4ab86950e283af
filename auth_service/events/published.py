"""What auth says."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from shared import announcing
from shared.events import Event


class UserRegistered(Event, type="auth.user.registered.v1", key="user_id"):
    """Somebody has an account now."""

    user_id: UUID
    email: Annotated[str, Field(examples=["robin@shoppers.example"])]
    name: Annotated[str, Field(examples=["Robin"])]


class UserDisabled(Event, type="auth.user.disabled.v1", key="user_id"):
    """An account was closed; all its sessions end with it."""

    user_id: UUID


class UserErased(Event, type="auth.user.erased.v1", key="user_id"):
    """Somebody left for good. Forget who they were; keep what the law wants kept, without them."""

    user_id: UUID


class SessionRevoked(Event, type="auth.session.revoked.v1", key="session_id"):
    """A session has ended before its time. Forget its tokens; none lives past `expires_at`."""

    session_id: UUID
    user_id: UUID
    expires_at: datetime


class KeysRotated(Event, type="auth.keys.rotated.v1", key="active_kid"):
    """Tokens are signed with another key now. `kids` are all that still verify."""

    active_kid: Annotated[str, Field(examples=["2026-03"])]
    kids: Annotated[list[str], Field(examples=[["2026-03", "2026-02"]])]


class ReplicaAnnounced(
    announcing.ReplicaAnnounced, type="auth.replica.announced.v1", key="service"
):
    """A process of ours answers HTTP at `url`, will soon no longer, or is gone."""


PUBLISHED: tuple[type[Event], ...] = (
    UserRegistered,
    UserDisabled,
    UserErased,
    SessionRevoked,
    KeysRotated,
    ReplicaAnnounced,
)
