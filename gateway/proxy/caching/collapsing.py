"""One question for many requests: those that want the same wait for the first one's answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from gateway.proxy.caching.stored import Stored
from gateway.proxy.clock import NEVER
from gateway.proxy.flight import Flight
from gateway.proxy.listener.handover import Guest
from gateway.proxy.upstream.connection import Connection, Fields
from gateway.refusals import Refused


@dataclass(slots=True)
class Outcome:
    """What came of a question: exactly one of the first three."""

    answer: Stored | None = None
    connection: Connection | None = None  # not for the store: to be passed on by the one who asked
    refused: Refused | None = None
    status: int = 0  # what the service said; 0: nothing
    stored: bool = False
    stale: bool = False  # the answer stands in for one that failed


class Errand(Flight):
    """A question on our own account. It has as much time as whoever waits longest for its answer.

    Its end may therefore move while it waits: what it waits for has an end of its own.
    """

    until = NEVER

    def wait_for(self, what: str, until: float) -> None:
        """What it waits for now, and until when it may."""
        self.until = until
        super().wait_for(what, until)

    def last(self, flight: Flight) -> None:
        """Go on for as long as `flight` has left, if that is longer."""
        if flight.end > self.end:
            self.end, self.hurried = flight.end, flight.hurried
            self.by(min(self.until, self.end))


@dataclass(slots=True, eq=False)
class Fetch:
    """A question under way. `number` is that of the last purge before it was asked.

    Others may wait for the answer under the name `shared_as`, unless that is None.
    """

    key: bytes
    errand: Errand
    before: Stored | None
    number: int
    shared_as: object | None = None
    task: asyncio.Task[None] | None = None
    reading: bool = False  # the head of an answer to keep is here
    leader: asyncio.Future[Outcome] | None = None
    followers: list[asyncio.Future[bool]] = field(default_factory=list)
    shared: bool = False  # somebody waited for the answer besides the one who asked

    def join(self, loop: asyncio.AbstractEventLoop) -> asyncio.Future[bool]:
        """True when the question is answered, false when it is no use to wait any longer."""
        waiter: asyncio.Future[bool] = loop.create_future()
        self.followers.append(waiter)
        self.shared = True
        return waiter

    def leave(self, waiter: asyncio.Future[bool]) -> None:
        """One of the followers has gone."""
        if waiter in self.followers:
            self.followers.remove(waiter)

    def let_go(self, *, answered: bool) -> None:
        """Let the followers go on: to what is stored now, or by themselves."""
        followers, self.followers = self.followers, []
        for waiter in followers:
            if not waiter.done():
                waiter.set_result(answered)

    @property
    def wanted(self) -> bool:
        """Whether the one who asked still waits for the answer."""
        return self.leader is not None and not self.leader.done()

    @property
    def deserted(self) -> bool:
        """Whether somebody asked, everybody has gone, and nothing has come that may be kept."""
        return self.leader is not None and not (self.wanted or self.followers or self.reading)


class Nobody:
    """The client of an errand: always there, and never answered."""

    left = False
    full = False

    def answer(self, flight: Flight, status: int, fields: Fields, body: bytes) -> None:
        """Nobody reads it."""

    def answer_ready(self, flight: Flight, head: bytes, body: bytes) -> None:
        """Nobody reads it."""

    def begin_answer(self, flight: Flight, status: int, fields: Fields, *, sized: bool) -> None:
        """Nobody reads it."""

    def send(self, data: bytes, *, last: bool) -> None:
        """Nobody reads it."""

    async def room(self) -> None:
        """There always is."""

    def switch(self, fields: Fields, guest: Guest) -> tuple[asyncio.Transport, bytes]:
        """Errands offer no other protocol."""
        raise NotImplementedError

    def cut(self, *, at_once: bool) -> None:
        """There is nothing to cut."""
