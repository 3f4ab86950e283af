"""One count for many gateways, on a Redis of our own that is stopped, frozen and emptied."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.proxy.limits.limits import Limits
from gateway.proxy.limits.policy import LimitPolicy
from gateway.proxy.limits.store import RedisStore
from gateway.refusals import Refused
from tests.gateway.counted import Asked, limits_of
from tests.gateway.redis_server import Server, need_redis

need_redis()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.kill()


@asynccontextmanager
async def gateway(
    server: Server, *policies: LimitPolicy, seconds: float = 10.0
) -> AsyncIterator[Limits]:
    """The limits of one gateway process; patient, for our machine may be busy."""
    limits = limits_of(*policies, store=RedisStore(server.url, seconds=seconds))
    limits._now = time.monotonic_ns  # the tests of this file live in real time
    await limits.start()
    try:
        yield limits
    finally:
        await limits.stop()


async def passes(limits: Limits, asked: Asked | None = None) -> bool:
    """Whether a request is let through, by whomever."""
    try:
        waiting = limits.check(asked or Asked())
        if waiting is not None:
            await waiting
    except Refused:
        return False
    return True


async def crowd(count: int, *gateways: Limits) -> int:
    """How many of so many requests at once are let through, the gateways taking turns."""
    turns = [passes(gateways[n % len(gateways)]) for n in range(count)]
    return sum(await asyncio.gather(*turns))


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is true."""
    for _ in range(500):
        if true():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("waited in vain")


def figure(limits: Limits, wanted: str) -> float:
    return sum(value for name, _, _, _, value in limits.samples() if name == wanted)


HOUR = LimitPolicy("hour", 100, 36_000)  # nothing comes back while a test runs


def test_two_gateways_let_exactly_the_quota_pass_under_concurrency(server: Server) -> None:
    async def play() -> int:
        async with gateway(server, HOUR) as one, gateway(server, HOUR) as other:
            return await crowd(400, one, other)

    assert asyncio.run(play()) == 100


def test_answers_tell_what_is_left_for_all_gateways(server: Server) -> None:
    async def play() -> Asked:
        async with gateway(server, HOUR) as one, gateway(server, HOUR) as other:
            await crowd(10, one)
            asked = Asked()
            assert await passes(other, asked)
            return asked

    asked = asyncio.run(play())

    assert asked.fields["ratelimit"].startswith('"hour";r=89;t=360;pk=:')
    assert asked.fields["ratelimit-policy"].startswith('"hour";q=100;w=36000;pk=:')


def test_a_request_takes_of_all_its_policies_or_of_none_there_too(server: Server) -> None:
    narrow = LimitPolicy("narrow", 2, 36_000, key=("user",))

    async def play() -> tuple[int, Asked]:
        async with gateway(server, HOUR, narrow) as one, gateway(server, HOUR, narrow) as other:
            both = [await passes(each, Asked(subject="ann")) for each in (one, other) * 4]
            asked = Asked(subject="bob")
            await passes(other, asked)
            return sum(both), asked

    passed, asked = asyncio.run(play())

    assert passed == 2
    assert asked.fields["ratelimit"].startswith('"hour";r=97;')


def test_whoever_is_over_the_limit_is_refused_without_asking_redis(server: Server) -> None:
    def asked() -> int:
        told = str(server.ask("INFO", "commandstats"))
        return sum(int(told.partition(f"cmdstat_{each}:calls=")[2].partition(",")[0] or 0)
                   for each in ("evalsha", "eval"))  # fmt: skip

    async def play() -> tuple[int, int]:
        async with gateway(server, LimitPolicy("few", 3, 36_000)) as limits:
            assert [await passes(limits) for _ in range(4)] == [True] * 3 + [False]
            before = asked()
            assert not any([await passes(limits) for _ in range(200)])
            return before, asked()

    before, after = asyncio.run(play())

    assert before == after


def test_nothing_is_kept_for_longer_than_it_matters(server: Server) -> None:
    async def play() -> None:
        async with gateway(server, LimitPolicy("minute", 10, 60)) as limits:
            await crowd(5, limits)

    asyncio.run(play())

    (name,) = server.ask("KEYS", "*")
    assert name.startswith(b"quintet:limit:minute:")
    assert b"192.0.2.1" not in name
    assert 20_000 < int(str(server.ask("PTTL", name))) <= 30_001


def test_redis_killed_under_load_fails_no_request_and_gives_nobody_a_fresh_quota(
    server: Server,
) -> None:
    async def play() -> tuple[int, int, float, float]:
        async with gateway(server, HOUR) as limits:
            before = await crowd(60, limits)
            running = asyncio.gather(*(crowd(20, limits) for _ in range(6)))
            await asyncio.sleep(0)
            server.kill()
            after = sum(await running)
            await until(lambda: figure(limits, "limit_store_up") == 0.0)
            assert await passes(limits, Asked(client="192.0.2.99"))
            failed = figure(limits, "limit_store_failures_total")
            return before, after, failed, figure(limits, "limit_counted_in_memory_total")

    before, after, failed, here = asyncio.run(play())

    assert (before, after) == (60, 40)
    assert failed >= 1
    assert here >= 1


def test_redis_comes_back_by_itself_and_learns_what_was_counted_without_it(
    server: Server,
) -> None:
    async def play() -> tuple[int, int]:
        async with gateway(server, HOUR) as one, gateway(server, HOUR) as other:
            server.kill()
            away = await crowd(70, one)
            server.start()
            await until(lambda: figure(one, "limit_store_up") == 1.0)
            await until(lambda: figure(other, "limit_store_up") == 1.0)
            assert await passes(one)  # which tells Redis what `one` has counted
            return away, await crowd(200, other)

    assert asyncio.run(play()) == (70, 29)


def test_an_emptied_redis_neither_fails_nor_forgives(server: Server) -> None:
    async def play() -> int:
        async with gateway(server, HOUR) as limits:
            passed = await crowd(90, limits)
            server.ask("FLUSHALL")
            server.ask("SCRIPT", "FLUSH")
            return passed + await crowd(90, limits)

    assert asyncio.run(play()) == 100


def test_a_frozen_redis_is_waited_for_once(server: Server) -> None:
    async def play() -> float:
        async with gateway(server, HOUR, seconds=1.0) as limits:
            server.process.send_signal(signal.SIGSTOP)
            assert await passes(limits)
            for _ in range(20):
                assert limits.check(Asked()) is None  # judged at once, in memory
            server.process.send_signal(signal.SIGCONT)
            await until(lambda: figure(limits, "limit_store_up") == 1.0)
            waiting = limits.check(Asked())
            assert waiting is not None
            await waiting
            return figure(limits, "limit_counted_in_memory_total")

    assert asyncio.run(play()) == 21


def test_a_gateway_starts_without_redis(tmp_path: Path) -> None:
    async def play() -> bool:
        limits = limits_of(HOUR, store=RedisStore(f"unix://{tmp_path}/nothing"))
        await limits.start()
        try:
            return limits.check(Asked()) is None
        finally:
            await limits.stop()

    assert asyncio.run(play())
