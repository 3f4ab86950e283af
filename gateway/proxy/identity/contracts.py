"""The services' contracts, fetched in the background; the last good one of each is kept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress

from gateway.proxy.identity.requirements import Contract, NotAContract
from gateway.proxy.upstream.fetch import Answer, FetchFailed
from shared.logging import get

Sample = tuple[str, str, str, dict[str, str], float]
Fetch = Callable[[str, str], Awaitable[Answer]]

REFRESH = 60.0  # seconds
RETRY = 3.0

log = get("gateway.contracts")


class Contracts:
    """Who may call what, by service. A service whose contract we never saw is not in `known`."""

    def __init__(self, fetch: Fetch, services: Callable[[], Iterable[str]]) -> None:
        self.known: dict[str, Contract] = {}
        self.failures = 0
        self._fetch = fetch
        self._services = services
        self._bodies: dict[str, bytes] = {}  # what we compiled, to spare ourselves the same again
        self._releases: dict[str, str] = {}
        self._in_vain = 0  # how often in a row not everybody told
        self._wake = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None

    def doubt(self) -> None:
        """A service may have changed: look again, in the background."""
        self._wake.set()

    def announced(self, service: str, release: str) -> None:
        """A replica serves; one of another release than the last may have another contract."""
        if self._releases.get(service) != release:
            self._releases[service] = release
            self.doubt()

    async def refresh(self) -> None:
        """Ask every service once."""
        services = list(self._services())
        told = await asyncio.gather(*(self._refresh(service) for service in services))
        self._in_vain = 0 if all(told) else self._in_vain + 1

    def start(self) -> None:
        """Begin to ask, on the running loop."""
        self._keeping = asyncio.get_running_loop().create_task(
            self._keep(), name="gateway-contracts"
        )

    async def stop(self) -> None:
        """Stop asking."""
        if self._keeping is not None:
            self._keeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeping

    def samples(self) -> Iterator[Sample]:
        """Our figures: name, kind, help, labels, value."""
        text = "Operations that need somebody known, by contract."
        for service, contract in sorted(self.known.items()):
            labels = {"service": service}
            yield "contract_operations", "gauge", text, labels, float(len(contract))
        text = "Times a service did not tell its contract."
        yield "contract_failures_total", "counter", text, {}, float(self.failures)

    async def _keep(self) -> None:
        while True:
            await self.refresh()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause()):
                    await self._wake.wait()
            self._wake.clear()

    def _pause(self) -> float:
        """Soon again if somebody was away; seldom if there is one that never tells."""
        if not self._in_vain:
            return REFRESH
        return float(min(REFRESH, RETRY * 2 ** min(self._in_vain - 1, 10)))

    async def _refresh(self, service: str) -> bool:
        try:
            answer = await self._fetch(service, f"/api/{service}/openapi.json")
            if answer.status != 200:
                raise NotAContract(f"status {answer.status}")
            if answer.body != self._bodies.get(service):
                self.known[service] = Contract(json.loads(answer.body))
                self._bodies[service] = answer.body
        except (FetchFailed, ValueError, KeyError) as error:
            self.failures += 1
            log.debug("contract not refreshed", of=service, reason=str(error))
            return False
        return True
