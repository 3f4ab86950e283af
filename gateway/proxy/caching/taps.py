"""Watching answers go by that go straight from a service to a client."""

from __future__ import annotations

from collections.abc import Callable

from gateway.proxy.caching import status
from gateway.proxy.caching.memory import Memory
from gateway.proxy.caching.storable import Policy
from gateway.proxy.caching.stored import Answer
from gateway.proxy.edge.answers import INSIDE, take_off_inside
from gateway.proxy.flight import Flight
from gateway.proxy.upstream.connection import Fields

Seen = Callable[[Flight, int, Fields], None]


def clean(fields: Fields) -> None:
    """Take off what is said between the services and us."""
    if any(name in INSIDE for name, _ in fields):
        take_off_inside(fields)


class PassingBy:
    """Tells `seen` of the head of an answer; says on it why the cache did not answer."""

    def __init__(self, flight: Flight, why: bytes, seen: Seen | None = None) -> None:
        self._flight = flight
        self._why = flight.cache = why
        self._seen = seen

    def head(self, code: int, fields: Fields) -> None:
        """Look before the client does: whoever has changed something sees it from then on."""
        if self._seen is not None:
            self._seen(self._flight, code, fields)
        clean(fields)
        fields.append((status.NAME, status.forwarded(self._why)))

    def piece(self, data: bytes) -> None:
        """The body is not our affair."""

    def end(self, whole: bool) -> None:
        """Nor is its end."""


class Collecting:
    """Keeps an answer that goes by, if it turns out to be one to keep; calls `kept` then."""

    def __init__(
        self, flight: Flight, why: bytes, memory: Memory, kept: Callable[[], None]
    ) -> None:
        self._flight = flight
        self._why = why
        self._memory = memory
        self._kept = kept
        self._number = memory.purges.number
        self._asked_at = memory.now()
        self._policy: Policy | None = None
        self._status = 0
        self._fields: Fields = []
        self._pieces: list[bytes] = []
        self._size = 0

    def head(self, code: int, fields: Fields) -> None:
        """Judge it by its head."""
        flight = self._flight
        if flight.head.method == "GET":
            self._policy = self._memory.judge(flight, code, fields)
        if self._policy is not None:
            # What the gateway itself adds is about this request only.
            self._fields = [each for each in fields if each not in flight.extra]
            self._status = code
        clean(fields)
        stored = self._policy is not None
        fields.append((status.NAME, status.forwarded(self._why, stored=stored)))

    def piece(self, data: bytes) -> None:
        """Collect, up to the limit."""
        if self._policy is None:
            return
        self._size += len(data)
        self._pieces.append(data)
        if self._size > self._memory.store.bounds.entry:
            self._policy, self._pieces = None, []

    def end(self, whole: bool) -> None:
        """Keep what is whole: RFC 9111, section 3.3."""
        if self._policy is None or not whole:
            return
        memory, body = self._memory, b"".join(self._pieces)
        answer = Answer(self._status, self._fields, body, self._asked_at, memory.now())
        if memory.keep(memory.made(self._flight, answer, self._policy), self._number):
            self._kept()
