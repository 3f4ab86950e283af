"""Whoever asks after a change was told never sees the world before it, whatever is under way."""

from __future__ import annotations

import asyncio
import random
import threading

import httpx

from gateway.proxy.caching.cache import SharedCache
from tests.gateway.caching.conftest import Origin
from tests.gateway.stage import RunningGateway, Seen, answer

ROUNDS = 25
READERS = 6


class World:
    """A number that grows, and a service that tells it after a while."""

    def __init__(self, origin: Origin, *fields: str) -> None:
        self.version = 0
        self._fields = ("cache-control: max-age=600, stale-while-revalidate=60", *fields)
        origin.upstream.on("/a", self._tell)

    async def _tell(self, _: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen = self.version
        await asyncio.sleep(random.random() * 0.01)  # what was read gets old on its way
        body = b"%d" % seen
        writer.write(answer(body, *self._fields, f'etag: "{seen}"', 'cache-groups: "a"'))


def read_until(done: threading.Event, url: str, told: list[int], wrong: list[str]) -> None:
    with httpx.Client(trust_env=False, timeout=30.0) as client:
        while not done.is_set():
            least = told[0]
            found = client.get(url, headers={"foo": random.choice("12")}).text
            if int(found) < least:
                wrong.append(f"{found} after {least}")


def test_no_answer_is_older_than_the_last_change_that_was_told(
    cached_gateway: RunningGateway, cache: SharedCache, origin: Origin
) -> None:
    for fields in ((), ("vary: foo",)):
        world, told, wrong = World(origin, *fields), [0], list[str]()
        done = threading.Event()
        url = f"{cached_gateway.url}/a"
        readers = [
            threading.Thread(target=read_until, args=(done, url, told, wrong))
            for _ in range(READERS)
        ]
        for each in readers:
            each.start()
        for _ in range(ROUNDS):
            world.version += 1
            purge(cached_gateway, cache)
            told[0] = world.version
            done.wait(random.random() * 0.02)
        done.set()
        for each in readers:
            each.join()
        purge(cached_gateway, cache)

        assert wrong == []


def purge(gateway: RunningGateway, cache: SharedCache) -> None:
    """Tell of the change, and wait until it was heard."""
    heard = threading.Event()

    def hear() -> None:
        cache.purge(groups=[b"a"])
        heard.set()

    gateway.app.clock.loop.call_soon_threadsafe(hear)
    assert heard.wait(30)
