"""Bodies of auth's JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from auth_service.db.models import Group, User, UserSession
from auth_service.domain.visits import device
from shared.http.schemas import In, Out

# Taken exactly as typed; whether it will do is said by the rules, in words.
Password = Annotated[
    str,
    StringConstraints(strip_whitespace=False, max_length=1024),
    Field(json_schema_extra={"format": "password"}),
]
Email = Annotated[str, Field(max_length=320, examples=["ada@quintet.example"])]
GroupNames = Annotated[list[str], Field(max_length=100)]


class NewUserIn(In):
    """Somebody who wants an account."""

    email: Email
    password: Password
    name: Annotated[str, Field(max_length=500, examples=["Ada Lovelace"])]


class CredentialsIn(In):
    """What people sign in with."""

    email: Email
    password: Password


class RefreshIn(In):
    """A refresh token, to be exchanged."""

    refresh_token: Annotated[str, Field(max_length=512)]


class ProfileIn(In):
    """What people may change about themselves."""

    name: Annotated[str, Field(max_length=500)]


class PasswordChangeIn(In):
    """The present password, and the one to come."""

    current: Password
    password: Password


class FarewellIn(In):
    """The password, once more: an account is not erased by accident."""

    password: Password


class AccountChangeIn(In):
    """What staff may change about an account; what is left out stays."""

    is_active: bool | None = None
    is_staff: bool | None = None
    is_superuser: bool | None = None
    groups: GroupNames | None = None
    permissions: GroupNames | None = None


class SessionKeyIn(In):
    """What the gateway found in a browser's cookie, and the service it wants a token for."""

    session: Annotated[str, Field(max_length=4096)]
    audience: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_\-]{0,39}$")]


class UserOut(Out):
    """An account, as its owner sees it."""

    id: UUID
    email: str
    name: str
    is_staff: bool
    is_superuser: bool
    created_at: datetime
    permissions: list[str]

    @classmethod
    def of(cls, user: User, permissions: tuple[str, ...] = ()) -> UserOut:
        """From its row, and what its owner may do."""
        return cls(
            id=user.id,
            email=user.email,
            name=user.name,
            is_staff=user.is_staff,
            is_superuser=user.is_superuser,
            created_at=user.created_at,
            permissions=sorted(permissions),
        )


class AccountOut(Out):
    """An account, as staff see it."""

    id: UUID
    email: str
    name: str
    is_active: bool
    is_staff: bool
    is_superuser: bool
    groups: list[str]
    permissions: list[str]
    version: int
    created_at: datetime
    last_sign_in_at: datetime | None

    @classmethod
    def of(cls, user: User) -> AccountOut:
        """From its row; `permissions` are those given to the person, not through groups."""
        return cls(
            id=user.id,
            email=user.email,
            name=user.name,
            is_active=user.is_active,
            is_staff=user.is_staff,
            is_superuser=user.is_superuser,
            groups=[group.name for group in user.groups],
            permissions=[permission.name for permission in user.permissions],
            version=user.version,
            created_at=user.created_at,
            last_sign_in_at=user.last_sign_in_at,
        )


class GroupOut(Out):
    """A group and what its members may do."""

    id: UUID
    name: str
    permissions: list[str]

    @classmethod
    def of(cls, group: Group) -> GroupOut:
        """From its row."""
        names = [permission.name for permission in group.permissions]
        return cls(id=group.id, name=group.name, permissions=names)


class PermissionOut(Out):
    """Something one may be allowed to do."""

    name: str
    service: str
    description: str


class SessionOut(Out):
    """A sign-in that is still good."""

    id: UUID
    kind: Literal["browser", "api"]
    device: str
    ip: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    current: bool

    @classmethod
    def of(cls, session: UserSession, current: str) -> SessionOut:
        """From its row; `current` is the session that asks."""
        kind: Literal["browser", "api"] = "api" if session.kind == "api" else "browser"
        return cls(
            id=session.id,
            kind=kind,
            device=device(session.user_agent),
            ip=session.ip,
            created_at=session.created_at,
            last_seen_at=session.last_seen_at,
            expires_at=session.expires_at,
            current=str(session.id) == current,
        )


class TokensOut(Out):
    """An access token, and the refresh token that brings the next one (once)."""

    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int


class InternalTokenOut(Out):
    """A token for one service, for the session that was asked about."""

    access_token: str
    expires_in: int


class EndedSessionsOut(Out):
    """Sessions that ended early, oldest first; `next` asks for those that follow."""

    sessions: list[UUID]
    next: str | None = None
