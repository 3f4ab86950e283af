"""One request on its way through the gateway, and all that must be known about it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from gateway.proxy.clock import NEVER, Work
from gateway.proxy.drive import Drive
from gateway.proxy.edge.headers import Head
from gateway.proxy.identity.caller import NOBODY, Caller
from gateway.proxy.listener.handover import Guest
from gateway.proxy.listener.inbox import Inbox
from gateway.proxy.records.spans import Try
from gateway.proxy.routing.route import NOWHERE, Route
from gateway.proxy.upstream.connection import Fields

if TYPE_CHECKING:
    from gateway.proxy.upstream.replica import Replica


class Tap(Protocol):
    """Somebody who wants to see the answer go by."""

    def head(self, status: int, fields: Fields) -> None:
        """The head of the answer, as the client gets it."""

    def piece(self, data: bytes) -> None:
        """A piece of the body, in order."""

    def end(self, whole: bool) -> None:
        """The end, exactly once; `whole` says whether all of the answer went by.

        It may be the first that is heard: when there was no answer to see.
        """


class Client(Protocol):
    """The way back to whoever asked. Answers are sent in the order of the requests."""

    @property
    def left(self) -> bool:
        """Whether there is nobody left to answer."""

    @property
    def full(self) -> bool:
        """Whether the client reads more slowly than we write."""

    def answer(self, flight: Flight, status: int, fields: Fields, body: bytes) -> None:
        """Send an answer that is at hand whole; `fields` say its length."""

    def answer_ready(self, flight: Flight, head: bytes, body: bytes) -> None:
        """Send an answer whose status line and fields are bytes already, all but our own."""

    def begin_answer(self, flight: Flight, status: int, fields: Fields, *, sized: bool) -> None:
        """Send the head of an answer; `sized` if the fields say how long its body is."""

    def send(self, data: bytes, *, last: bool) -> None:
        """Send a piece of the body that was begun."""

    async def room(self) -> None:
        """Wait until the client has read enough for more to be sent."""

    def switch(self, fields: Fields, guest: Guest) -> tuple[asyncio.Transport, bytes]:
        """Say 101 with these fields and hand the connection over, with what already came."""

    def cut(self, *, at_once: bool) -> None:
        """End the connection in the middle of an answer, so that nobody takes it for whole."""


class Flight(Work):
    """A request in flight. It ends by being answered, or by being cut.

    Defaults live on the class: a plain request sets only what it needs.
    """

    drive: Drive | asyncio.Task[None]  # what runs it
    route: Route = NOWHERE
    caller: Caller = NOBODY
    tap: Tap | None = None  # who sees the answer go by
    body: Inbox | None = None  # None: the request has none
    session: bytes | None = None  # the key in the cookie, once we know that it is good
    signed_out = False  # the sign-in it came with has ended since: it may not stay open for long
    request_id = b""  # by which people find this request in the logs
    upstream = ""  # who answered
    replica: Replica | None = None  # who was asked last
    cache = b""  # what the shared cache did with it, in the words of RFC 9211: hit, uri-miss, …
    tries = 0  # how often it was sent to a service
    asked: list[Try] | None = None  # each of those times, if somebody wants to know
    status = 0
    sent = 0  # bytes of the answer's body
    received = 0  # bytes of the request's body, as far as it was passed on
    refused = ""  # our word for why the gateway answered itself, or cut the answer
    end = NEVER  # when the whole must be over
    hurried = False  # the client gave us less time than the route does
    answering = False  # the head of the answer is on its way; no other can follow
    lasting = False  # the answer is a stream of events, which may stay open for days
    events: bytes | None = None  # of such a stream that has no length: the end of what is sent
    uploading = False  # the body of the request is not yet passed on whole

    def __init__(self, head: Head, client: Client, *, keep_alive: bool = False) -> None:
        self.rests_until = 0
        self.head = head
        self.client = client
        self.keep_alive = keep_alive  # whether the connection can serve another request
        self.extra: Fields = []  # what every answer to this request says, whoever makes it

    def wait_for(self, what: str, until: float) -> None:
        """What the request is waiting for now, and until when it may."""
        self.waiting_for = what
        due = self.due = until if until < self.end else self.end
        if due < self.rests_until:
            self.watch.wake(self)

    def stop(self) -> None:
        """End the request, soon: it is late."""
        self.drive.cancel()

    def say(self, status: int, fields: Fields, body: bytes) -> None:
        """Answer at once with what is at hand; `fields` say the length of `body`."""
        self.status, self.sent, self.answering = status, len(body), True
        if self.extra:
            fields = [*fields, *self.extra]
        self.client.answer(self, status, fields, body)

    def say_ready(self, status: int, head: bytes, body: bytes) -> None:
        """Answer at once with what is kept as bytes: `head` is all but our own fields."""
        self.status, self.sent, self.answering = status, len(body), True
        self.client.answer_ready(self, head, body)
