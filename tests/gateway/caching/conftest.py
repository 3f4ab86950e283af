"""A gateway whose cache has a clock of its own, in front of a service that answers by script."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from email.utils import formatdate

import httpx
import pytest

from gateway.proxy.caching.cache import SharedCache
from tests.gateway.conftest import Services, settings_for
from tests.gateway.stage import RunningGateway, Seen, Upstream, answer, read_body, wait_until

Said = tuple[int, dict[str, str], bytes]


@dataclass
class Origin:
    """The service behind the cache. It answers what it is told to, one answer after the other."""

    upstream: Upstream
    now: Callable[[], float]
    said: dict[str, list[Said]] = field(default_factory=dict)

    def says(
        self,
        cache_control: str = "",
        *,
        path: str = "/a",
        status: int = 200,
        body: str = "",
        **fields: str,
    ) -> None:
        """Answer this from now on, after what was told before is said once each."""
        named = {name.replace("_", "-"): value for name, value in fields.items()}
        if cache_control:
            named["cache-control"] = cache_control
        number = len(self.said.setdefault(path, []))
        self.said[path].append((status, named, (body or f"answer {number}").encode()))
        self.upstream.on(path, self._answer)

    async def _answer(
        self, seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await read_body(seen, reader)
        path = seen.target.partition("?")[0]
        told = self.said[path]
        status, fields, body = told.pop(0) if len(told) > 1 else told[0]
        fields = {"date": formatdate(self.now(), usegmt=True), **fields}
        lines = [f"HTTP/1.1 {status} Said", *(f"{k}: {v}" for k, v in fields.items() if v)]
        if status not in (204, 304) and "content-length" not in fields:
            lines.append(f"content-length: {len(body)}")
        silent = seen.method == "HEAD" or status in (204, 304)
        writer.write("\r\n".join([*lines, "", ""]).encode() + (b"" if silent else body))

    @property
    def seen(self) -> list[Seen]:
        """The requests that reached the service."""
        return self.upstream.seen


class Slow:
    """A service that holds its answers back until it is told to go on."""

    def __init__(self, origin: Origin, *fields: str, status: str = "200 OK") -> None:
        self.origin = origin
        self.go_on = threading.Event()
        self._answer = answer(b"slow", *fields, status=status)
        origin.upstream.on("/a", self._script)

    async def _script(
        self, _: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while not self.go_on.is_set() and not writer.transport.is_closing():
            await asyncio.sleep(0.005)
        writer.write(self._answer)

    def wait_for(self, count: int) -> None:
        """Wait until so many questions have come."""
        wait_until(lambda: len(self.origin.seen) >= count)


@dataclass
class Watch:
    """A clock that tests set forward."""

    ahead: float = 0.0

    def now(self) -> float:
        """Seconds since 1970, by this clock."""
        return time.time() + self.ahead

    def pass_by(self, seconds: float) -> None:
        """So much later."""
        self.ahead += seconds


@pytest.fixture(scope="session")
def cached_gateway(_standing: Services) -> Iterator[RunningGateway]:
    with closing(RunningGateway(settings_for(_standing))) as gateway:
        yield gateway


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def cache(cached_gateway: RunningGateway, services: Services, watch: Watch) -> SharedCache:
    """The cache of the gateway, empty."""
    found: SharedCache = cached_gateway.app.cache
    found.memory.now = watch.now
    found.asking.forget_lanes()
    found.purge(everything=True)
    return found


@pytest.fixture
def origin(services: Services, watch: Watch) -> Origin:
    return Origin(services.catalog, watch.now)


@pytest.fixture
def visitor(cached_gateway: RunningGateway, cache: SharedCache) -> Iterator[httpx.Client]:
    """A client of the gateway that adds no fields of its own but those that HTTP needs."""
    with httpx.Client(
        base_url=cached_gateway.url, headers={"accept-encoding": "identity"},
        timeout=30.0, trust_env=False,
    ) as client:  # fmt: skip
        yield client


def status_of_cache(response: httpx.Response) -> str:
    """What the cache says it did."""
    return str(response.headers.get("cache-status", ""))
