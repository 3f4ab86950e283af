"""The verifier of tokens without a gateway around it, in a world where time stands still."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from joserfc.jwk import RSAKey

from gateway.proxy.identity.bearer import BearerTokens
from gateway.proxy.identity.claims import Expected, NotAccepted
from gateway.proxy.identity.denied import Denied
from gateway.proxy.identity.keys import KeyLimits, Keys
from gateway.proxy.upstream.fetch import Answer, FetchFailed
from tests.gateway.signing import ISSUER, jwks, key, token

LIMITS = KeyLimits(refresh=300.0, retry=5.0, oldest=7200.0)


@dataclass
class World:
    """Time as we like it, and an auth that says what it is told."""

    published: dict[str, Any] = field(default_factory=lambda: jwks(key()))
    away: bool = False
    asked: int = 0
    now: float = 1000.0
    wall_offset: float = 1_800_000_000.0
    answer_after: list[Callable[[], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.keys = Keys(self.fetch, lambda: self.now, LIMITS)
        self.denied = Denied(lambda: self.now, self.wall)
        expected = Expected(ISSUER, {"shop"})
        self.bearer = BearerTokens(self.keys, self.denied, expected, lambda: self.now, self.wall)
        self.bearer.look_at_the_clock()

    def wall(self) -> float:
        return self.now + self.wall_offset

    async def fetch(self, path: str) -> Answer:
        assert path == "/oauth2/jwks"
        self.asked += 1
        body = json.dumps(self.published).encode()
        await asyncio.sleep(0)
        for each in self.answer_after[:1]:
            self.answer_after.remove(each)
            each()
        if self.away:
            raise FetchFailed("away")
        return Answer(200, [], body)

    def token(self, by: RSAKey | None = None, lives: float = 300.0, **said: Any) -> bytes:
        now = self.wall()
        made = token(by, **{"iat": int(now), "exp": now + lives, **said})
        return b"Bearer " + made.encode()

    async def good(self, authorization: bytes) -> bool:
        """Whether a token is accepted."""
        try:
            found = (
                self.bearer.at_hand(authorization)
                or self.bearer.verify(authorization)
                or await self.bearer.ask(authorization)
            )
        except NotAccepted:
            return False
        return found.kind == "bearer"
