"""Documents and health of all services, asked for in parallel, the last good one kept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from gateway.api.contracts import Document
from gateway.proxy.upstream.fetch import FetchFailed, fetch
from gateway.proxy.upstream.pool import Pool

FRESH_SECONDS = 30.0
RETRY_SECONDS = 3.0


class Collected:
    """One document of each service, and who did not answer when we last asked."""

    def __init__(
        self, pools: Mapping[str, Pool], path: Callable[[str], str], now: Callable[[], float]
    ) -> None:
        self.documents: dict[str, Document] = {}
        self.unavailable: list[str] = []
        self._pools = pools
        self._path = path
        self._now = now
        self._good_until = 0.0
        self._asking = asyncio.Lock()

    async def refresh(self) -> None:
        """Ask again if what we have is old; sooner if something was missing."""
        async with self._asking:
            if self._now() < self._good_until:
                return
            answers = await asyncio.gather(*(self._ask(service) for service in self._pools))
            found = dict(zip(self._pools, answers, strict=True))
            self.documents |= {name: each for name, each in found.items() if each is not None}
            self.unavailable = [name for name, each in found.items() if each is None]
            seconds = RETRY_SECONDS if self.unavailable else FRESH_SECONDS
            self._good_until = self._now() + seconds

    async def _ask(self, service: str) -> Document | None:
        try:
            answer = await fetch(self._pools[service], self._path(service))
            document = json.loads(answer.body) if answer.status == 200 else None
        except (FetchFailed, ValueError):
            return None
        return document if isinstance(document, dict) else None


async def readiness(pools: Mapping[str, Pool], seconds: float) -> dict[str, dict[str, Any]]:
    """What each service says about itself; {"status": "unreachable"} if it says nothing."""
    answers = await asyncio.gather(*(_ready(pool, seconds) for pool in pools.values()))
    return dict(zip(pools, answers, strict=True))


async def _ready(pool: Pool, seconds: float) -> dict[str, Any]:
    try:
        answer = await fetch(pool, "/readyz", seconds=seconds)
        said = json.loads(answer.body)
    except (FetchFailed, ValueError):
        return {"status": "unreachable"}
    if not isinstance(said, dict):
        return {"status": "unreadable"}
    return said | {"status": "ready" if answer.status == 200 else "not ready"}
