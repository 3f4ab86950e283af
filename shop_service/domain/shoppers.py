"""Who fills a cart: a signed-in user, a guest who holds a token, or a user who was a guest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Shopper:
    """`guest` is the digest of the guest's token: the token itself is never kept."""

    user_id: UUID | None = None
    guest: str | None = None

    @classmethod
    def of(cls, user_id: UUID | None, token: str | None) -> Shopper:
        """The shopper with this user id, this cart token, or both."""
        return cls(user_id, digest_of(token) if token else None)

    @property
    def known(self) -> bool:
        """Whether we can tell this shopper from any other."""
        return self.user_id is not None or self.guest is not None

    @property
    def name(self) -> str:
        """A short name under which this shopper's idempotency keys are kept."""
        return f"user:{self.user_id}" if self.user_id else f"guest:{self.guest or ''}"


def digest_of(token: str) -> str:
    """What we keep of a cart token. It has 256 random bits, so a plain digest is enough."""
    return hashlib.sha256(token.encode()).hexdigest()
