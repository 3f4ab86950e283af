"""Lets an ASGI application answer: the control plane, off the hot path."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote

from gateway.pages.errors import Errors
from gateway.proxy.bodies import check_length
from gateway.proxy.clock import NEVER, Clock
from gateway.proxy.flight import Flight
from gateway.proxy.listener.inbox import ClientGone
from gateway.proxy.upstream.connection import Fields
from gateway.refusals import body_too_large

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

# The connection is the listener's business: RFC 9110, section 7.6.1.
_OURS = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"date", b"x-request-id"})
_BAD = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
LONGEST_BODY = 1024 * 1024


class Control:
    """Answers requests by an ASGI application."""

    def __init__(self, application: Application, errors: Errors, clock: Clock) -> None:
        self._application = application
        self._errors = errors
        self._clock = clock

    async def forward(self, flight: Flight) -> None:
        """Let the application answer, in a task of its own: frameworks insist on one."""
        check_length(flight.head, LONGEST_BODY)
        flight.wait_for("application", NEVER)
        call = _Call(flight, self._errors, self._clock)
        work = self._application(_scope(flight), call.receive, call.send)
        await asyncio.ensure_future(work)


class _Call:
    """One request, as the application sees it."""

    def __init__(self, flight: Flight, errors: Errors, clock: Clock) -> None:
        self._flight = flight
        self._errors = errors
        self._clock = clock
        self._start: tuple[int, Fields] | None = None
        self._begun = False
        self._size = 0
        self._received_all = False
        self._over = asyncio.Event()

    async def receive(self) -> Message:
        if self._received_all:
            await self._over.wait()
            return {"type": "http.disconnect"}
        body, piece, more = self._flight.body, b"", False
        if body is not None:
            try:
                piece, more = await body.receive()
            except ClientGone:
                return {"type": "http.disconnect"}
        self._size += len(piece)
        if self._size > LONGEST_BODY:
            raise body_too_large(LONGEST_BODY)
        self._received_all = not more
        return {"type": "http.request", "body": piece, "more_body": more}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message["status"], self._fields(message)
        elif message["type"] == "http.response.body" and self._start is not None:
            await self._send(bytes(message.get("body", b"")), more=message.get("more_body", False))

    async def _send(self, body: bytes, *, more: bool) -> None:
        assert self._start is not None
        flight, (status, fields) = self._flight, self._start
        sized = any(name == b"content-length" for name, _ in fields)
        if not more:
            self._over.set()
        if not self._begun and not more:
            if not sized and status not in (204, 304):
                fields.append((b"content-length", b"%d" % len(body)))
            flight.say(status, fields, body)
            return
        if not self._begun:
            self._begun = True
            flight.status, flight.answering = status, True
            flight.client.begin_answer(flight, status, [*fields, *flight.extra], sized=sized)
        flight.sent += len(body)
        flight.client.send(body, last=not more)
        if flight.client.full:
            await flight.client.room()

    def _fields(self, message: Message) -> Fields:
        given = [(bytes(name).lower(), bytes(value)) for name, value in message.get("headers", ())]
        fields = [each for each in given if each[0] not in _OURS]
        if any(_BAD.search(value) for _, value in fields):
            raise ValueError("A header field of the application has a control character.")
        said = {name for name, _ in fields}
        fields += [each for each in self._errors.security if each[0] not in said]
        fields += [(b"date", self._clock.date), (b"x-request-id", self._flight.request_id)]
        return fields


def _scope(flight: Flight) -> MutableMapping[str, Any]:
    head = flight.head
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": head.version,
        "method": head.method,
        "scheme": head.scheme,
        "path": unquote(head.path.decode("latin-1")),
        "raw_path": head.path,
        "query_string": head.query,
        "root_path": "",
        "headers": head.fields,
        "client": (head.client or head.peer, 0),
        "server": None,
        "state": {"request_id": flight.request_id.decode(), "flight": flight},
    }
