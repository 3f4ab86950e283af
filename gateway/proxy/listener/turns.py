"""One request after the other: begun, kept in order, and asked to wait for their bodies."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

from gateway.proxy.clock import NEVER
from gateway.proxy.drive import Drive
from gateway.proxy.flight import Flight
from gateway.proxy.listener import requests, writing
from gateway.proxy.listener.answers import Answers
from gateway.proxy.listener.inbox import HIGH_WATER, Inbox

FEW = 4  # requests that may wait for their turn while more are read


class Serves(Protocol):
    """Whoever answers requests."""

    def serve(self, flight: Flight) -> Coroutine[Any, Any, None] | None:
        """Answer one request at once, or say what is left to be done for it."""


class Turns(Answers):
    """The part of a client connection that says whose turn it is."""

    __slots__ = (
        "_held", "_inbox", "_last_words", "_leftover", "_next", "_offers", "_queue", "_served",
        "_target", "_tasks",
    )  # fmt: skip

    door: Serves

    def __init__(self, loop: asyncio.AbstractEventLoop, tasks: set[object]) -> None:
        super().__init__(loop)
        self._tasks = tasks  # what the server waits for when it stops
        self._target = b""  # not empty while half a head is here
        self._next: Flight | None = None  # its head came just now
        self._queue: list[Flight] = []  # whole heads that wait for their turn, a hundred at most
        self._inbox: Inbox | None = None
        self._held = False  # we do not read
        self._offers = False  # an offer of another protocol is being considered
        self._leftover = b""  # what came after it
        self._served = False
        self._last_words: tuple[int, str] | None = None  # a refusal that waits for its turn

    def refuse(self, status: int, detail: str) -> None:
        """Answer before there is a request that could be answered, and close."""
        if not self.left and not self._lingering and not self._transport.is_closing():
            self._transport.write(self.listening.refusal(status, detail))
            self._linger()

    def _begin(self, flight: Flight) -> None:
        if self._receiving is flight and flight.body is None:
            self._open_inbox()
        self.flight = flight
        self.due = NEVER
        self._begun = self._ended = False
        rest = self.door.serve(flight)
        if rest is None:
            self._over()
            return
        drive = flight.drive = Drive(self._loop, self._landed)
        self._tasks.add(drive)
        drive.start(rest)

    def _landed(self) -> None:
        """The request at work is over, and had to wait."""
        assert self.flight is not None
        self._tasks.discard(self.flight.drive)
        self._over()

    def _over(self) -> None:
        """The request at work is over: go on with the next, or wait for one, or hang up."""
        flight, self.flight = self.flight, None
        assert flight is not None
        self._served = True
        if self.left:
            return
        if not self._ended:
            self.cut(at_once=False)
        elif not flight.keep_alive:
            self._hang_up(flight)
        elif self._queue:
            self._loop.call_soon(self._begin_next)
        elif self._last_words is not None:
            self.refuse(*self._last_words)
        else:
            self._wait_for_next(flight)

    def _begin_next(self) -> None:
        if self._queue and self.flight is None and not self.left:
            flight = self._queue.pop(0)
            if len(self._queue) < FEW:
                self._go_on()
            self._begin(flight)

    def _wait_for_next(self, flight: Flight) -> None:
        listening = self.listening
        patience = listening.idle_seconds
        if flight.body is not None and not flight.body.whole:
            flight.body.abandon()
            patience = listening.linger_seconds
        elif self._target:
            patience = listening.head_seconds
        self.by(listening.clock.now + patience)
        if self._held:
            self._go_on()

    def _enqueue(self, flight: Flight) -> None:
        """A pipelined request: RFC 9112, section 9.3.2.

        While a few wait we still read, so as to notice when the client leaves.
        """
        self._queue.append(flight)
        if len(self._queue) >= FEW:
            self._hold()
        if len(self._queue) >= self.listening.most_pipelined:
            self._take_no_more()

    def _take_no_more(self) -> None:
        """The last request that has come is the last: RFC 9112, section 9.6."""
        last = self._queue[-1] if self._queue else self.flight or self._next
        self._deaf = True
        if last is not None:
            last.keep_alive = False

    def _more_to_answer(self) -> bool:
        return bool(self._queue) or self._last_words is not None

    # Bodies

    def _open_inbox(self) -> Inbox:
        flight = self._receiving
        assert flight is not None
        length = requests.length(flight.head.fields)
        inbox = self._inbox = flight.body = Inbox(self._loop, self._wanted, length)
        return inbox

    def _wanted(self, _: Inbox) -> None:
        """The body is asked for: RFC 9110, section 10.1.1."""
        flight = self.flight
        if flight is not None and flight.head.expects and not self._begun:
            flight.head.expects = False
            if flight.head.version == "1.1" and flight.body is not None and flight.body.untouched:
                self._transport.write(writing.CONTINUE)
        if self._held:
            self._go_on()

    def _tell_of_body(self, working: Flight) -> None:
        if working.body is not None and working.body.refilled:
            working.body.tell()

    def _hold(self) -> None:
        if not self._held and not self._transport.is_closing():
            self._held = True
            self._transport.pause_reading()

    def _ignore(self, data: bytes) -> None:
        """Nobody wants this now; behind an offer it may be the first words of that protocol.

        So much of it is read that we notice when the client leaves.
        """
        if not self._offers or self._lingering:
            self._drop(data)
            return
        self._leftover += data
        if len(self._leftover) > HIGH_WATER:
            self._hold()

    def _go_on(self) -> None:
        if self._held and len(self._queue) < FEW and not self._transport.is_closing():
            self._held = False
            self._transport.resume_reading()
