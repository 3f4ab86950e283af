"""The door: every request from outside comes in here, and leaves answered or cut."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass
from time import perf_counter
from typing import Any
from uuid import uuid4

from gateway.pages.errors import Errors
from gateway.proxy.clock import NEVER, Clock
from gateway.proxy.edge.guard import ALLOWED, CACHEABLE_METHODS, check_method
from gateway.proxy.edge.headers import field
from gateway.proxy.edge.rebuild import Rebuilder
from gateway.proxy.edge.target import EVERYTHING
from gateway.proxy.flight import Flight
from gateway.proxy.identity.caller import Caller
from gateway.proxy.listener.inbox import ClientGone
from gateway.proxy.records import proxy_status
from gateway.proxy.records.counting import CUT, LEFT
from gateway.proxy.records.noting import Records
from gateway.proxy.resilience.deadline import refuse_spent, shorten
from gateway.proxy.resilience.farewell import between_events, farewell
from gateway.proxy.resilience.refusing import SPENT, deadline_spent
from gateway.proxy.routing.route import GATEWAY
from gateway.proxy.steps import Steps
from gateway.proxy.upstream.connection import UpstreamDied
from gateway.refusals import (
    Refused,
    client_slow,
    identity_unavailable,
    internal_error,
    stopping,
    upstream_full,
    upstream_slow,
)
from shared.logging import get

log = get("gateway")


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds."""

    identity: float = 5.0


class Door:
    """Takes requests from the listener."""

    def __init__(
        self,
        steps: Steps,
        rebuilder: Rebuilder,
        errors: Errors,
        records: Records,
        clock: Clock,
        patience: Patience,
    ) -> None:
        self._steps = steps
        self._rebuilder = rebuilder
        self._errors = errors
        self._records = records
        self._clock = clock
        self._patience = patience

    def serve(self, flight: Flight) -> Coroutine[Any, Any, None] | None:
        """Serve one request at once, or say what is left to be done for it."""
        started = perf_counter()
        try:
            rest = self._begin(flight)
        except Refused as refused:
            self._refuse(flight, refused)
        except Exception:
            self._own_up(flight)
        else:
            if rest is not None:
                return self._finish(flight, rest, started)
        self._records.note(flight, perf_counter() - started)
        return None

    async def _finish(self, flight: Flight, rest: Awaitable[None], started: float) -> None:
        """Do what is left to be done for a request."""
        in_flight = self._clock.in_flight
        in_flight.add(flight)
        try:
            await rest
        except Refused as refused:
            self._refuse(flight, refused)
        except ClientGone:
            flight.status = flight.status or LEFT
        except asyncio.CancelledError:
            self._stopped(flight)
        except UpstreamDied:
            self._break_off(flight, "died")
        except Exception:
            self._own_up(flight)
        finally:
            in_flight.discard(flight)
            if flight.tap is not None:
                flight.tap.end(whole=False)
            self._records.note(flight, perf_counter() - started)

    # The steps of every request, in this order. Each says what to await for the rest of them; None:
    # there is no rest. Nothing waits unless it must.

    def _begin(self, flight: Flight) -> Awaitable[None] | None:
        """Understand the request, and find out who asks."""
        head, steps, now = flight.head, self._steps, self._clock.now
        if not head.introduction:
            self._rebuilder.understand(head)
        flight.request_id = self._rebuilder.trace(head)
        check_method(head.method)
        if head.path == EVERYTHING:
            flight.say(204, [(b"allow", ALLOWED), (b"date", self._clock.date)], b"")
            return None
        route = flight.route = steps.table.find(head)
        flight.end = now + route.timeouts.total
        if head.patience is not None:
            shorten(flight, head.patience, self._clock.exactly())
        if steps.cors.check(flight):
            return None
        caller = steps.identifier.at_hand(flight)
        return self._identify(flight) if caller is None else self._let_in(flight, caller)

    async def _identify(self, flight: Flight) -> None:
        flight.wait_for("identity", self._clock.now + self._patience.identity)
        rest = self._let_in(flight, await self._steps.identifier.ask(flight))
        if rest is not None:
            await rest

    def _let_in(self, flight: Flight, caller: Caller) -> Awaitable[None] | None:
        """Turn away who may not do this, or does it too often."""
        flight.caller = caller
        self._steps.authoriser.check(flight)
        waiting = self._steps.limits.check(flight)
        return self._answer(flight) if waiting is None else self._count(flight, waiting)

    async def _count(self, flight: Flight, waiting: Awaitable[None]) -> None:
        await waiting
        rest = self._answer(flight)
        if rest is not None:
            await rest

    def _answer(self, flight: Flight) -> Awaitable[None] | None:
        """Answer at once what may be answered so."""
        if flight.hurried:  # only now, so that such requests count as any other
            refuse_spent(flight, self._clock.exactly())
        steps, route = self._steps, flight.route
        cache = steps.cache
        if route.service == GATEWAY:
            return steps.control.forward(flight)
        if cache is None:
            return steps.forwarder.forward(flight)
        if flight.head.method not in CACHEABLE_METHODS:
            cache.watch(flight)
            return steps.forwarder.forward(flight)
        if not route.cache:
            return steps.forwarder.forward(flight)
        ready = cache.at_hand(flight)
        if ready is None:
            return cache.answer(flight)
        flight.say_ready(ready.status, ready.head, ready.body)
        return None

    def end_streams(self) -> None:
        """End the streams of events: we are stopping, and they would not end by themselves."""
        for flight in [*self._clock.in_flight]:
            if isinstance(flight, Flight) and flight.lasting:
                flight.stop()

    def _refuse(self, flight: Flight, refused: Refused) -> None:
        if refused.status >= 500 and refused.code != SPENT:
            self._records.fail(flight.route.service, refused.code)
        if flight.answering:
            self._break_off(flight, refused.code)
            return
        flight.wait_for("client", NEVER)
        request_id = flight.request_id.decode() or uuid4().hex
        accept = field(flight.head.fields, b"accept") or b""
        page = b"text/html" in accept and not flight.route.for_programs
        fields, body = self._errors.answer(refused, request_id, page=page)
        if (b"connection", b"close") in refused.headers:
            flight.keep_alive = False
        flight.refused = refused.code
        status = proxy_status.proxy_status(refused.status, refused.code, refused.proxy_error)
        said = [each for each in fields if each[0] != b"connection"]
        flight.say(
            refused.status, [*said, (proxy_status.FIELD, status), (b"date", self._clock.date)], body
        )

    def _own_up(self, flight: Flight) -> None:
        log.exception("bug", path=flight.head.path.decode("latin-1"))
        self._refuse(flight, internal_error())

    def _stopped(self, flight: Flight) -> None:
        """The request was cancelled: too late, its client has left, or we are stopping."""
        if not flight.late and flight.client.left:
            flight.status = flight.status or LEFT
            return
        flight.drive.uncancel()
        if not flight.answering:
            spent = flight.hurried and flight.end <= self._clock.now
            late = deadline_spent() if spent else _lateness(flight)
            self._refuse(flight, late if flight.late else stopping())
        elif flight.late:
            self._cut(flight, f"{flight.waiting_for}-timeout", at_once=True)
        elif flight.events is not None:
            if between_events(flight.events):
                flight.client.send(farewell(), last=False)
            flight.client.cut(at_once=False)
        else:
            self._cut(flight, "signed-out" if flight.signed_out else "stopping", at_once=False)

    def _break_off(self, flight: Flight, reason: str) -> None:
        log.warning(
            "answer broken off", upstream=flight.route.service, id=flight.request_id.decode()
        )
        self._cut(flight, reason, at_once=False)

    def _cut(self, flight: Flight, reason: str, *, at_once: bool) -> None:
        """End the answer so that nobody takes it for whole, and note it as none."""
        self._records.fail(flight.route.service, reason)
        flight.status, flight.refused = CUT, reason
        flight.client.cut(at_once=at_once)


def _lateness(flight: Flight) -> Refused:
    service = flight.route.service
    if flight.waiting_for == "body":
        return client_slow()
    if flight.waiting_for == "identity":
        return identity_unavailable()
    if flight.waiting_for == "connection":
        return upstream_full(service)
    return upstream_slow(service)
