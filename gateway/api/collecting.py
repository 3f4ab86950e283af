"""Documents and health of all services, asked for in parallel, the last good one kept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from gateway.api.additions import Document
from gateway.proxy.upstream.cluster import Cluster
from gateway.proxy.upstream.fetch import FetchFailed, fetch

FRESH_SECONDS = 30.0
RETRY_SECONDS = 3.0
ASKED_SECONDS = 600.0  # how long after the last reader we go on asking
OVERDUE_SECONDS = 15.0  # how much older than fresh a document may be before a reader waits


class Collected:
    """One document of each service, and who does not answer since when.

    Who reads gets what is at hand; a task asks the services again every now and then. It begins
    with the first reader and ends some time after the last. Services may come and go: whoever is
    in `pools` is asked.
    """

    def __init__(
        self, pools: Mapping[str, Cluster], path: Callable[[str], str], now: Callable[[], float]
    ) -> None:
        self.documents: dict[str, Document] = {}
        self.away: dict[str, str] = {}
        self.changes = 0  # how often any of this has changed
        self._pools = pools
        self._path = path
        self._now = now
        self._good_until = float("-inf")
        self._read_at = float("-inf")
        self._asking = asyncio.Lock()
        self._refreshing: asyncio.Task[None] | None = None

    async def ready(self) -> None:
        """Have something to read; waits only for the first answers, or after a long silence."""
        self._read_at = self._now()
        if self._now() > self._good_until + OVERDUE_SECONDS:
            await self._refresh()
        if self._refreshing is None:
            self._refreshing = asyncio.create_task(self._keep_fresh(), name="gateway-contracts")

    async def _keep_fresh(self) -> None:
        try:
            while self._now() < self._read_at + ASKED_SECONDS:
                await asyncio.sleep(RETRY_SECONDS if self.away else FRESH_SECONDS)
                await self._refresh()
        finally:
            self._refreshing = None

    async def _refresh(self) -> None:
        """Ask everybody, unless somebody else just did."""
        async with self._asking:
            if self._now() < self._good_until:
                return
            names = [*self._pools]
            answers = await asyncio.gather(*(self._ask(service) for service in names))
            self._take(dict(zip(names, answers, strict=True)))
            seconds = RETRY_SECONDS if self.away else FRESH_SECONDS
            self._good_until = self._now() + seconds

    def _take(self, found: Mapping[str, Document | None]) -> None:
        good = {name: each for name, each in found.items() if each is not None}
        silent = (found.keys() | self.documents.keys()) - good.keys()
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        away = {name: self.away.get(name, now) for name in sorted(silent)}
        documents = self.documents | good
        if (documents, away) != (self.documents, self.away):
            self.documents, self.away = documents, away
            self.changes += 1

    async def _ask(self, service: str) -> Document | None:
        try:
            answer = await fetch(self._pools[service], self._path(service))
            document = json.loads(answer.body) if answer.status == 200 else None
        except (FetchFailed, KeyError, ValueError):
            return None
        return document if isinstance(document, dict) else None


async def readiness(pools: Mapping[str, Cluster], seconds: float) -> dict[str, dict[str, Any]]:
    """What each service says about itself; {"status": "unreachable"} if it says nothing."""
    answers = await asyncio.gather(*(_ready(pool, seconds) for pool in pools.values()))
    return dict(zip(pools, answers, strict=True))


async def _ready(pool: Cluster, seconds: float) -> dict[str, Any]:
    try:
        answer = await fetch(pool, "/readyz", seconds=seconds)
        said = json.loads(answer.body)
    except (FetchFailed, ValueError):
        return {"status": "unreachable"}
    if not isinstance(said, dict):
        return {"status": "unreadable"}
    return said | {"status": "ready" if answer.status == 200 else "not ready"}
