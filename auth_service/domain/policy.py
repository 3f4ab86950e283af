"""The figures that the rules go by, as the settings have them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Policy:
    """Who we are in tokens, for whom they are, and how long things live."""

    issuer: str
    audiences: tuple[str, ...]
    access_life: timedelta
    session_life: timedelta
    session_idle: timedelta
    password_score: int
    trusted_proxies: tuple[str, ...]

    @property
    def secure(self) -> bool:
        """Whether clients come by https."""
        return self.issuer.startswith("https://")

    @property
    def session_cookie(self) -> str:
        """The cookie that holds a session key; bound to this very host under https."""
        return "__Host-quintet_session" if self.secure else "quintet_session"
