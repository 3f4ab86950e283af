"""The door: every request from outside comes in here, and leaves answered or cut."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from email.utils import formatdate
from time import perf_counter
from typing import Any
from uuid import uuid4

from gateway.pages.errors import Errors
from gateway.proxy.bodies import ClientGone
from gateway.proxy.clock import NEVER, Clock
from gateway.proxy.edge.guard import LONGEST_TARGET, check_method
from gateway.proxy.edge.headers import Scope, field, read_head
from gateway.proxy.edge.rebuild import Rebuilder
from gateway.proxy.flight import TASK, Flight, Message, Receive, Send
from gateway.proxy.forward import Forwarder
from gateway.proxy.records.accesslog import AccessLog
from gateway.proxy.records.metrics import Metrics
from gateway.proxy.routes import GATEWAY, cached_routes
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

LEFT = 499  # what the log says of clients that did not wait for the answer

log = get("gateway")


@dataclass(frozen=True, slots=True)
class Records:
    """Where we note what happened."""

    metrics: Metrics
    access: AccessLog | None


class Door:
    """The ASGI application for HTTP."""

    def __init__(
        self,
        forwarder: Forwarder,
        rebuilder: Rebuilder,
        control: Any,
        errors: Errors,
        records: Records,
        clock: Clock,
    ) -> None:
        self._forwarder = forwarder
        self._rebuilder = rebuilder
        self._control = control
        self._errors = errors
        self._metrics = records.metrics
        self._access = records.access
        self._clock = clock
        self._route = cached_routes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        started = perf_counter()
        task = scope[TASK] = asyncio.current_task(self._clock.loop)
        flight = Flight(task, scope, receive, send)
        in_flight = self._clock.in_flight
        in_flight.add(flight)
        try:
            await self._serve(flight)
        except Refused as refused:
            await self._refuse(flight, refused)
        except ClientGone:
            flight.status = LEFT
        except asyncio.CancelledError:
            await self._stopped(flight, task)
        except UpstreamDied:
            self._break_off(flight, "died")
        except Exception:
            log.exception("bug", path=scope["path"])
            await self._refuse(flight, internal_error())
        finally:
            in_flight.discard(flight)
            self._note(flight, perf_counter() - started)

    async def _serve(self, flight: Flight) -> None:
        scope = flight.scope
        head = read_head(scope)
        flight.request_id = self._rebuilder.trace(head)
        check_method(scope["method"])
        if len(scope["raw_path"]) + len(scope["query_string"]) > LONGEST_TARGET:
            raise Refused(414, "address-too-long", "This address is too long.")
        flight.route = self._route(scope["raw_path"])
        if flight.route.service == GATEWAY:
            await self._answer_ourselves(flight)
        else:
            await self._forwarder.forward(flight, head)

    async def _answer_ourselves(self, flight: Flight) -> None:
        request_id = flight.request_id

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                flight.status, flight.answering = message["status"], True
                said = {name for name, _ in message["headers"]}
                ours = [each for each in self._errors.security if each[0] not in said]
                now = (b"date", formatdate(usegmt=True).encode())
                ours += [now, (b"x-request-id", request_id)]
                message["headers"] = [*message["headers"], *ours]
            else:
                flight.sent += len(message.get("body", b""))
            await flight.send(message)

        flight.scope["state"] = {"request_id": request_id.decode()}
        await self._control(flight.scope, flight.receive, send)

    async def _refuse(self, flight: Flight, refused: Refused) -> None:
        if refused.status >= 500:
            self._metrics.fail(flight.route.service, refused.code)
        if flight.answering:
            self._break_off(flight, refused.code)
            return
        flight.wait_for("client", NEVER)
        request_id = flight.request_id.decode() or uuid4().hex
        accept = field(flight.scope["headers"], b"accept") or b""
        page = b"text/html" in accept and not flight.route.for_programs
        fields, body = self._errors.answer(refused, request_id, page=page)
        flight.status, flight.sent, flight.answering = refused.status, len(body), True
        headers = [*fields, (b"date", formatdate(usegmt=True).encode())]
        start = {"status": refused.status, "headers": headers}
        await flight.send({"type": "http.response.start", **start})
        await flight.send({"type": "http.response.body", "body": body})

    async def _stopped(self, flight: Flight, task: asyncio.Task[None] | None) -> None:
        """The request was cancelled: too late, its client has left, or we are stopping."""
        if not flight.late and flight.client_left():
            flight.status = flight.status or LEFT
            return
        if task is not None:
            task.uncancel()
        if not flight.answering:
            await self._refuse(flight, _lateness(flight) if flight.late else stopping())
        elif flight.late:
            self._metrics.fail(flight.route.service, f"{flight.waiting_for}-timeout")
            flight.cut(at_once=True)
        else:
            flight.cut(at_once=False)

    def _break_off(self, flight: Flight, reason: str) -> None:
        self._metrics.fail(flight.route.service, reason)
        log.warning(
            "answer broken off", upstream=flight.route.service, id=flight.request_id.decode()
        )
        flight.cut(at_once=False)

    def _note(self, flight: Flight, seconds: float) -> None:
        route = flight.route
        self._metrics.count(route.prefix, route.service, flight.status, seconds)
        if self._access is not None:
            scope = flight.scope
            client = scope["client"]
            self._access.add(
                scope["method"],
                scope["raw_path"],
                flight.status,
                seconds,
                flight.sent,
                route.service,
                client[0] if client else "",
                flight.request_id.decode(),
            )


def _lateness(flight: Flight) -> Refused:
    service = flight.route.service
    if flight.waiting_for == "body":
        return client_slow()
    if flight.waiting_for == "identity":
        return identity_unavailable()
    if flight.waiting_for == "connection":
        return upstream_full(service)
    return upstream_slow(service)
