"""A load generator that costs little: keep-alive connections, one request each at a time.

`python -m tests.benchmarks.gateway.load '{"port": …, "request": …, "connections": …, "seconds": …}'`
prints how many answers came and how long they took, in steps of 10 µs.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any, cast

import uvloop

PROCESSES = 2
STEP = 10e-6
GRACE = 20.0


@dataclass(frozen=True)
class Load:
    """What came back of one round."""

    count: int
    errors: int
    seconds: float
    p50: float  # milliseconds
    p99: float


class Caller(asyncio.Protocol):
    """One connection: the next request leaves when the answer to the last is whole."""

    def __init__(self, request: bytes, until: float) -> None:
        self.times: Counter[int] = Counter()
        self.errors = 0
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._request = request
        self._until = until
        self._got = b""
        self._began = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the first time."""
        self._transport = cast(asyncio.Transport, transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Look whether the answer is whole."""
        got = self._got = self._got + data if self._got else data
        end = got.find(b"\r\n\r\n")
        if end < 0:
            return
        length = _length(got[:end])
        if len(got) < end + 4 + length:
            return
        self._got = b""
        now = time.perf_counter()
        self.times[int((now - self._began) / STEP)] += 1
        if not got.startswith(b"HTTP/1.1 200"):
            self.errors += 1
        if now < self._until:
            self._ask()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end, of the round or of the other side."""
        if time.perf_counter() < self._until:
            self.errors += 1
        if not self.over.done():
            self.over.set_result(None)

    def _ask(self) -> None:
        self._began = time.perf_counter()
        self._transport.write(self._request)


def _length(head: bytes) -> int:
    at = head.find(b"ontent-")
    while at >= 0 and head[at + 7 : at + 14].lower() != b"length:":
        at = head.find(b"ontent-", at + 7)
    if at < 0:
        raise ValueError("The answer does not say how long it is.")
    return int(head[at + 14 :].split(b"\r\n", 1)[0])


async def _run(port: int, request: bytes, connections: int, seconds: float) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    callers = []
    for _ in range(connections):
        _, caller = await loop.create_connection(
            lambda: Caller(request, began + seconds), "127.0.0.1", port
        )
        callers.append(caller)
    await asyncio.wait([each.over for each in callers], timeout=seconds + GRACE)
    times: Counter[int] = sum((each.times for each in callers), Counter())
    errors = sum(each.errors for each in callers)
    return {"times": times, "errors": errors, "seconds": time.perf_counter() - began}


def run(port: int, request: bytes, connections: int, seconds: float) -> Load:
    """Load a port from several processes at once."""
    asked = {"port": port, "request": request.decode("latin-1"), "seconds": seconds}
    share = {"connections": connections // PROCESSES}
    command = [sys.executable, "-m", "tests.benchmarks.gateway.load", json.dumps(asked | share)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(PROCESSES)]
    times: Counter[int] = Counter()
    errors, longest = 0, 0.0
    for process in processes:
        out, _ = process.communicate(timeout=seconds + 2 * GRACE)
        said = json.loads(out)
        times.update({int(step): count for step, count in said["times"].items()})
        errors, longest = errors + said["errors"], max(longest, said["seconds"])
    return Load(sum(times.values()), errors, longest, _at(times, 0.5), _at(times, 0.99))


def _at(times: Counter[int], share: float) -> float:
    """Milliseconds below which this share of the answers came."""
    left = sum(times.values()) * share
    for step in sorted(times):
        left -= times[step]
        if left <= 0:
            return (step + 1) * STEP * 1000
    return 0.0


def main() -> None:
    """One process of the load."""
    asked = json.loads(sys.argv[1])
    request = asked.pop("request").encode("latin-1")
    print(json.dumps(uvloop.run(_run(request=request, **asked))))


if __name__ == "__main__":
    main()
