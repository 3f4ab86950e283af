"""When the gateway surely knows who was sent away, second by second."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from gateway.proxy.identity.denied import Denied
from gateway.proxy.identity.revocations import LATE, Revocations
from gateway.proxy.upstream.fetch import Answer, FetchFailed


@dataclass
class World:
    """A bus that is heard or not, and an auth that answers or not."""

    now: float = 1000.0
    hears: bool = False
    away: bool = False
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        denied = Denied(lambda: self.now, lambda: self.now)
        self.gone: list[str] = []
        self.known = Revocations(
            self.fetch, denied, self.gone.append, lambda: self.hears, lambda: self.now
        )

    async def fetch(self, path: str) -> Answer:
        self.asked.append(path)
        if self.away:
            raise FetchFailed("away")
        return Answer(200, [], json.dumps({"sessions": [], "next": None}).encode())

    async def joined(self) -> None:
        """The bus is heard (again)."""
        self.known.gap()
        self.hears = True
        await asyncio.sleep(0.01)

    async def deafened(self) -> None:
        """It is not any more."""
        self.hears = False
        self.known.deaf()
        await asyncio.sleep(0.01)


def run(play: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(play, 30.0))


def test_a_gateway_that_has_just_started_knows_before_it_hears() -> None:
    async def play() -> None:
        world = World()
        await world.known.start()
        assert world.known.current()
        await world.joined()
        assert world.known.current()
        world.now += 1000
        assert world.known.current()
        await world.known.stop()

    run(play())


def test_while_it_hears_nobody_is_asked() -> None:
    async def play() -> None:
        world = World()
        await world.known.start()
        await world.joined()
        asked = len(world.asked)
        await asyncio.sleep(1.2)
        assert len(world.asked) == asked
        await world.known.stop()

    run(play())


def test_a_moment_of_deafness_shuts_nobody_out_if_auth_answers() -> None:
    async def play() -> None:
        world = World()
        await world.known.start()
        await world.joined()
        world.now += 1000
        await world.deafened()
        assert world.known.current()
        world.now += 1
        await world.joined()
        assert world.known.current()
        await world.known.stop()

    run(play())


def test_deaf_and_without_an_answer_it_knows_no_longer_than_a_moment() -> None:
    async def play() -> None:
        world = World()
        await world.known.start()
        await world.joined()
        world.away = True
        await world.deafened()
        assert world.known.current()
        world.now += LATE
        assert not world.known.current()
        await world.joined()
        assert not world.known.current()
        world.away = False
        world.known.gap()
        await asyncio.sleep(0.01)
        assert world.known.current()
        await world.known.stop()

    run(play())


def test_a_hole_in_what_was_heard_is_closed_before_anybody_is_let_in() -> None:
    async def play() -> None:
        world = World()
        await world.known.start()
        await world.joined()
        world.away = True
        world.known.gap()
        assert not world.known.current()
        await world.known.stop()

    run(play())


def test_it_looks_back_no_further_than_it_must() -> None:
    async def play() -> None:
        world = World()
        await world.known.start()
        world.now += 10
        await world.joined()
        seconds = [int(path.partition("seconds=")[2]) for path in world.asked]
        assert seconds[0] == 3660
        assert seconds[-1] == 70
        await world.known.stop()

    run(play())
