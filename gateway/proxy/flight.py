"""One request on its way through the gateway, and all that must be known about it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from gateway.proxy.clock import NEVER, Timed
from gateway.proxy.edge.headers import Scope
from gateway.proxy.routes import NOWHERE, Route

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

CLIENT = "gateway.client"  # scope key: the client's connection, if the server lets us cut it
TASK = "gateway.task"  # scope key: what to cancel when the client leaves


class Flight(Timed):
    """A request in flight. It ends by being answered, or by being cut."""

    __slots__ = (
        "answering",
        "end",
        "receive",
        "request_id",
        "route",
        "scope",
        "send",
        "sent",
        "session",
        "status",
        "uploading",
    )

    def __init__(
        self, task: asyncio.Task[None] | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        super().__init__(task)
        self.scope = scope
        self.receive = receive
        self.send = send
        self.route: Route = NOWHERE
        self.request_id = b""  # by which people find this request in the logs
        self.session: bytes | None = None
        self.status = 0
        self.sent = 0
        self.end = NEVER  # when the whole must be over
        self.answering = False  # the head of the answer is on its way; no other can follow
        self.uploading = False  # the body of the request is not yet passed on whole

    def wait_for(self, what: str, until: float) -> None:
        """What the request is waiting for now, and until when it may."""
        self.waiting_for = what
        self.due = until if until < self.end else self.end

    def cut(self, *, at_once: bool) -> None:
        """End the client's connection in the middle of an answer, never as if it were whole."""
        client = self.scope.get(CLIENT)
        if client is not None:
            client.cut(at_once=at_once)

    def client_left(self) -> bool:
        """Whether there is nobody left to answer."""
        client = self.scope.get(CLIENT)
        return client is None or client.left
