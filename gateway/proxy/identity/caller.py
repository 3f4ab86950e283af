"""Who is asking, as far as the gateway found out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever sent a request; `authorization` is what the service is told about them."""

    kind: Literal["nobody", "session", "bearer"] = "nobody"
    subject: str = ""
    session_id: str = ""
    client_id: str = ""
    scopes: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()
    authorization: bytes | None = None
    superuser: bool = False

    def may(self, permission: str) -> bool:
        """Whether this caller holds `permission` (`service.verb_noun`)."""
        return self.superuser or permission in self.permissions


NOBODY = Caller()
