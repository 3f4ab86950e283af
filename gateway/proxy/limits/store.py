"""One count for many gateways, in Redis; and what happens when Redis does not answer.

Checks that come while another is on its way travel together in the next one: a busy gateway asks
seldom and much, an idle one at once. If an answer takes longer than `seconds`, or is an error, the
store counts as away: everybody who waits is let go, and from then on nobody asks, until a probe of
our own has found it well again.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.resources import files
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError

from gateway.proxy.limits.elsewhere import Demand, Said, Sample
from shared.logging import get

MOST_AT_ONCE = 128
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 4.0
SCRIPT = files("gateway.proxy.limits").joinpath("gcra.lua").read_text("utf-8")

log = get("gateway.limits")


Question = tuple[Sequence[Demand], "asyncio.Future[Said | None]"]


class RedisStore:
    """Asks Redis. `usable` says whether it is worth while at this moment."""

    def __init__(self, url: str, *, seconds: float = 0.05, prefix: str = "quintet:limit:") -> None:
        self.usable = False
        self.failures: Counter[str] = Counter()
        self._seconds = seconds
        self._prefix = prefix.encode()
        # Untyped: the library's annotations and its commands do not agree.
        self._redis: Any = Redis.from_url(
            url,
            socket_timeout=max(seconds * 4, 0.5),  # ours comes first
            socket_connect_timeout=max(seconds * 4, 0.5),
            retry=Retry(NoBackoff(), 0),
            max_connections=4,
        )
        self._sha = ""
        self._waiting: list[Question] = []
        self._asking: asyncio.Task[None] | None = None
        self._returning: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to use it; says so if it is not there, and goes on trying."""
        try:
            await self._probe()
            self.usable = True
        except Exception as error:
            self._away(error)

    async def stop(self) -> None:
        """Let go of it."""
        self.usable = False
        for task in (self._asking, self._returning):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        self._waiting = _let_go(self._waiting)
        await self._redis.aclose()

    def ask(self, demands: Sequence[Demand]) -> asyncio.Future[Said | None]:
        """Whether this may pass: counted if so. None when the store does not say."""
        future: asyncio.Future[Said | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((demands, future))
        if self._asking is None:
            self._asking = asyncio.create_task(self._run(), name="gateway-limits")
        return future

    def samples(self) -> Iterator[Sample]:
        """Figures: name, kind, help, labels, value."""
        text = "Whether limits are counted in Redis now."
        yield "limit_store_up", "gauge", text, {}, float(self.usable)
        text = "How often Redis failed us."
        for reason, count in self.failures.items():
            yield "limit_store_failures_total", "counter", text, {"reason": reason}, count

    async def _run(self) -> None:
        """Ask for all who wait, then for those who came meanwhile, until nobody waits."""
        try:
            while self._waiting:
                batch = self._waiting[:MOST_AT_ONCE]
                del self._waiting[:MOST_AT_ONCE]
                try:
                    async with asyncio.timeout(self._seconds):
                        answer = await self._call(batch)
                    _tell(batch, answer)
                except Exception as error:  # whatever it was, nobody must wait any longer
                    self._away(error)
                    self._waiting = _let_go(batch + self._waiting)
                except asyncio.CancelledError:
                    _let_go(batch)
                    raise
        finally:
            self._asking = None

    async def _call(self, batch: list[Question]) -> list[int]:
        names: list[bytes] = []
        numbers: list[str] = []
        for demands, _ in batch:
            numbers.append(f"{len(demands)}")
            for each in demands:
                names.append(self._prefix + each.name)
                numbers.append(f"{each.limit} {each.step} {each.debt}")
        parts: list[Any] = [len(names), *names, " ".join(numbers)]
        try:
            said: bytes = await self._redis.execute_command("EVALSHA", self._sha, *parts)
        except NoScriptError:  # Redis was started anew
            said = await self._redis.execute_command("EVAL", SCRIPT, *parts)
        return [int(number) for number in said.split()]

    async def _probe(self) -> None:
        async with asyncio.timeout(max(self._seconds * 4, 0.5)):
            self._sha = str(await self._redis.script_load(SCRIPT))

    def _away(self, error: Exception) -> None:
        """Nobody asks from now on; a task of ours looks whether it comes back."""
        self.usable = False
        reason = "slow" if isinstance(error, TimeoutError) else "down"
        self.failures[reason] += 1
        if self._returning is None:
            log.warning("limits are counted in memory: Redis is away", why=f"{error!r:.200}")
            self._returning = asyncio.create_task(self._return(), name="gateway-limits-return")

    async def _return(self) -> None:
        pause = FIRST_PAUSE
        while not self.usable:
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
            with suppress(Exception):
                await self._probe()
                self.usable = True
        self._returning = None
        log.info("limits are counted in Redis again")


def _let_go(questions: list[Question]) -> list[Question]:
    """Leave all of these without an answer; returns who still waits: nobody."""
    for _, future in questions:
        if not future.done():
            future.set_result(None)
    return []


def _tell(batch: list[Question], answer: list[int]) -> None:
    """Give each request its part of the answer: whether it may pass, then the debts."""
    if len(answer) != sum(1 + len(demands) for demands, _ in batch):
        raise ValueError("The answer of the store is not one of our script.")
    at = 0
    for demands, future in batch:
        end = at + 1 + len(demands)
        if not future.done():
            future.set_result(Said(answer[at] == 1, answer[at + 1 : end]))
        at = end
