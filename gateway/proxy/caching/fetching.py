"""Asking a service for an answer to keep: on our own account, once for all who want the same."""

from __future__ import annotations

import asyncio
from copy import copy
from typing import Protocol

from gateway.proxy.caching import usable
from gateway.proxy.caching.collapsing import Errand, Fetch, Nobody, Outcome
from gateway.proxy.caching.keys import key_of
from gateway.proxy.caching.memory import Memory
from gateway.proxy.caching.revalidation import question, speaks_of, updated
from gateway.proxy.caching.stored import Answer, Stored
from gateway.proxy.clock import Clock
from gateway.proxy.flight import Flight
from gateway.proxy.resilience.refusing import deadline_spent
from gateway.proxy.upstream.connection import Connection, Fields, UpstreamDied
from gateway.refusals import Refused, internal_error, stopping, upstream_broken, upstream_slow
from shared.logging import get

FAILURES = frozenset({500, 502, 503, 504})  # what `stale-if-error` means: RFC 5861, section 4
READ_SECONDS = 30.0

log = get("gateway.cache")


class Asks(Protocol):
    """Asks services."""

    async def ask(self, flight: Flight) -> Connection:
        """Send the request; the head of the answer is there when it returns. Raises Refused."""

    def release(self, connection: Connection) -> None:
        """Give the connection back."""


class Fetching:
    """Questions under way, by what they ask for."""

    def __init__(self, forwarder: Asks, memory: Memory, clock: Clock, *, seconds: float) -> None:
        self.under_way: dict[object, Fetch] = {}
        self.asked = 0
        self._forwarder = forwarder
        self.memory = memory
        self._clock = clock
        self._seconds = seconds  # how long others wait for the answer to a question
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, flight: Flight, before: Stored | None, shared_as: object | None) -> Fetch:
        """Ask what `flight` asks; others may wait for the answer under the name `shared_as`.

        It has the time that `flight` has left, which `follow` may lengthen.
        """
        loop = asyncio.get_running_loop()
        errand = _errand(flight)
        fetch = Fetch(key_of(flight), errand, before, self.memory.purges.number, shared_as)
        if shared_as is not None:
            self.under_way[shared_as] = fetch
            loop.call_later(self._seconds, self._give_up, fetch)
        task = fetch.task = errand.drive = loop.create_task(self._run(fetch), name="gateway-fetch")
        self._tasks.add(task)
        task.add_done_callback(lambda task: self._ended(fetch, task))
        self._clock.in_flight.add(errand)
        self.asked += 1
        return fetch

    def renew(self, flight: Flight, before: Stored, shared_as: object) -> None:
        """Ask for nobody in particular: a client's patience has nothing to do with it."""
        errand = self.start(flight, before, shared_as).errand
        errand.end = self._clock.now + flight.route.timeouts.total
        errand.hurried = False

    async def outcome(self, fetch: Fetch) -> Outcome:
        """What comes of it, for the one who asked; nothing is left behind if they leave now."""
        leader: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        fetch.leader = leader
        try:
            return await leader
        except asyncio.CancelledError:
            if leader.done() and not leader.cancelled():
                self._drop(leader.result())
            self._end_if_deserted(fetch)
            raise

    async def follow(self, fetch: Fetch, flight: Flight) -> bool:
        """Wait with others: true when it is answered, false when it is no use to wait longer."""
        fetch.errand.last(flight)
        waiter = fetch.join(asyncio.get_running_loop())
        try:
            return await waiter
        except asyncio.CancelledError:
            fetch.leave(waiter)
            self._end_if_deserted(fetch)
            raise

    async def stop(self) -> None:
        """Give up what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _give_up(self, fetch: Fetch) -> None:
        """The answer takes so long that nobody else should depend on it."""
        self._forget(fetch)
        fetch.let_go(answered=False)
        self._end_if_deserted(fetch)

    def _end_if_deserted(self, fetch: Fetch) -> None:
        """Nobody waits any more: clients that leave must not keep a service, or others, busy."""
        if fetch.deserted and fetch.task is not None:
            self._forget(fetch)  # at once: whoever comes now must not wait for what is ending
            fetch.task.cancel()

    def _forget(self, fetch: Fetch) -> None:
        if self.under_way.get(fetch.shared_as) is fetch:
            del self.under_way[fetch.shared_as]

    def _close(self, fetch: Fetch) -> None:
        self._clock.in_flight.discard(fetch.errand)
        self._forget(fetch)
        fetch.let_go(answered=True)

    def _ended(self, fetch: Fetch, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._close(fetch)  # a task that is cancelled before its first step closes nothing itself

    async def _run(self, fetch: Fetch) -> None:
        try:
            outcome = await self._outcome(fetch)
        finally:
            self._close(fetch)
        if fetch.wanted:
            assert fetch.leader is not None
            fetch.leader.set_result(outcome)
        else:
            self._drop(outcome)

    def _drop(self, outcome: Outcome) -> None:
        if outcome.connection is not None:
            outcome.connection.abort()
            self._forwarder.release(outcome.connection)

    async def _outcome(self, fetch: Fetch) -> Outcome:
        try:
            outcome = await self._ask(fetch)
        except Refused as refused:
            outcome = Outcome(refused=refused)
        except UpstreamDied:
            outcome = Outcome(refused=upstream_broken(fetch.errand.route.service))
        except asyncio.CancelledError:
            outcome = Outcome(refused=self._stopped(fetch.errand))
        except Exception:
            log.exception("bug", key=fetch.key.decode("latin-1"))
            outcome = Outcome(refused=internal_error())
        if outcome.refused is not None and outcome.refused.status in FAILURES:
            return self._stand_in(fetch) or outcome
        return outcome

    def _stopped(self, errand: Errand) -> Refused:
        if not errand.late:
            return stopping()
        spent = errand.hurried and errand.end <= self._clock.now
        return deadline_spent() if spent else upstream_slow(errand.route.service)

    async def _ask(self, fetch: Fetch) -> Outcome:
        """Ask, with our own copy as the condition if we have one."""
        errand, memory = fetch.errand, self.memory
        lines = errand.head.lines
        errand.head.lines = question(lines, fetch.before)
        asked_at = memory.now()
        connection = await self._forwarder.ask(errand)
        if connection.status == 304 and fetch.before is not None:
            fields = _dated(connection, self._clock)
            self._forwarder.release(connection)
            if speaks_of(fetch.before, fields):
                return self._refresh(fetch, fetch.before, fields, asked_at)
            # The service means another copy than ours: ask for the whole.
            memory.store.drop(fetch.before)
            fetch.before = None
            errand.head.lines = question(lines, None)
            connection = await self._forwarder.ask(errand)
        return await self._take(fetch, connection, asked_at)

    def _refresh(self, fetch: Fetch, before: Stored, fields: Fields, asked_at: float) -> Outcome:
        """Our copy is still good: RFC 9111, section 4.3.4."""
        memory = self.memory
        answer = updated(before, fields, asked_at, memory.now())
        policy = memory.judge(fetch.errand, answer.status, answer.fields)
        stored = memory.made(fetch.errand, answer, policy or before.policy)
        kept = policy is not None and memory.keep(stored, fetch.number)
        if not kept:
            memory.store.drop(before)
        return Outcome(answer=stored, status=304, stored=kept)

    async def _take(self, fetch: Fetch, connection: Connection, asked_at: float) -> Outcome:
        """Read the answer if it is one to keep; else leave it to the one who asked."""
        memory, status = self.memory, connection.status
        try:
            if status in FAILURES and (stand_in := self._stand_in(fetch)) is not None:
                connection.abort()
                self._forwarder.release(connection)
                return stand_in
            fields = _dated(connection, self._clock)
            policy = memory.judge(fetch.errand, status, fields)
            if policy is None or connection.length > memory.store.bounds.entry:
                return Outcome(connection=connection, status=status)
            fetch.reading = True
            body = await self._body(fetch, connection)
        except BaseException:
            connection.abort()
            self._forwarder.release(connection)
            raise
        if body is None:
            return Outcome(connection=connection, status=status)
        self._forwarder.release(connection)
        answer = Answer(status, fields, body, asked_at, memory.now())
        stored = memory.made(fetch.errand, answer, policy)
        return Outcome(answer=stored, status=status, stored=memory.keep(stored, fetch.number))

    async def _body(self, fetch: Fetch, connection: Connection) -> bytes | None:
        """The whole body; None if it is too long to keep: what was read is put back."""
        errand, clock, most = fetch.errand, self._clock, self.memory.store.bounds.entry
        pieces: list[bytes] = []
        size = 0
        while connection.waiting or not connection.complete:
            errand.wait_for("answer", clock.now + READ_SECONDS)
            piece = await connection.chunk()
            pieces.append(piece)
            size += len(piece)
            if size > most:
                connection.put_back(b"".join(pieces))
                return None
        return b"".join(pieces)

    def _stand_in(self, fetch: Fetch) -> Outcome | None:
        """The old answer, if it may be used when there is no new one."""
        before = fetch.before
        if before is None or not usable.if_error(before, self.memory.now()):
            return None
        return Outcome(answer=before, stale=True)


def _dated(connection: Connection, clock: Clock) -> Fields:
    """The fields of an answer; one without a date was made now: RFC 9110, section 6.6.1."""
    fields = connection.headers
    if not connection.dated:
        connection.dated = True
        fields.append((b"date", clock.date))
    return fields


def _errand(flight: Flight) -> Errand:
    head = copy(flight.head)
    head.method = "GET"
    errand = Errand(head, Nobody())
    errand.end, errand.hurried = flight.end, flight.hurried
    errand.route, errand.caller = flight.route, flight.caller
    errand.request_id = flight.request_id
    return errand
