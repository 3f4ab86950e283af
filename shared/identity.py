"""Who is calling, and what they may do: the verified result, never a bare header."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from shared.errors import Forbidden, Unauthenticated


class SignInNeeded(Unauthenticated):
    """This needs a signed-in caller."""


class PermissionMissing(Forbidden):
    """The caller is known, and lacks the permission this needs."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller whose token we verified; ANONYMOUS when there was none."""

    user_id: UUID | None = None
    name: str = ""
    email: str = ""
    session_id: str = ""
    staff: bool = False
    superuser: bool = False
    permissions: frozenset[str] = field(default_factory=frozenset)

    @property
    def signed_in(self) -> bool:
        """Whether we know who this is."""
        return self.user_id is not None

    @property
    def id(self) -> UUID:
        """The user's id; raises SignInNeeded for a guest."""
        if self.user_id is None:
            raise SignInNeeded("Sign in first.")
        return self.user_id

    def may(self, permission: str) -> bool:
        """Whether this caller holds `permission` (`service.verb_noun`)."""
        return self.superuser or permission in self.permissions

    def must(self, permission: str) -> None:
        """Raise unless this caller holds `permission`."""
        if not self.signed_in:
            raise SignInNeeded("Sign in first.")
        if not self.may(permission):
            raise PermissionMissing(f"This needs the permission {permission}.")

    @classmethod
    def of(cls, claims: Mapping[str, Any]) -> Principal:
        """The principal that a verified token's claims describe (RFC 9068 plus our own)."""
        return cls(
            user_id=UUID(str(claims["sub"])),
            name=str(claims.get("name", "")),
            email=str(claims.get("email", "")),
            session_id=str(claims.get("sid", "")),
            staff=claims.get("staff") is True,
            superuser=claims.get("superuser") is True,
            permissions=frozenset(map(str, claims.get("permissions", ()))),
        )


ANONYMOUS = Principal()
