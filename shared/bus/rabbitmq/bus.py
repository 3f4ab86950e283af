"""The bus on RabbitMQ: two connections at most, opened when first needed."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from shared.bus.rabbitmq.io_thread import IoThread
from shared.bus.rabbitmq.link import Link
from shared.bus.rabbitmq.publisher import RabbitPublisher
from shared.bus.rabbitmq.subscription import RabbitSubscription

FIRST_TRY = 5.0
LISTENER_PREFETCH = 64
GENTLE_CLOSE = 2.5
FORCED_CLOSE = 1.0


class RabbitBus:
    """Publishing and consuming go over separate connections: a broker short of memory stops the
    one and not the other. Nothing is opened before it is used, so a process may still fork.
    """

    def __init__(self, url: str, *, client: str) -> None:
        self._url = url
        self._client = client
        self._lock = threading.Lock()
        self._io: IoThread | None = None
        self._links: dict[str, Link] = {}

    def publisher(self) -> RabbitPublisher:
        """A publisher with a channel of its own."""
        return RabbitPublisher(self._link("publish"), self._client)

    def subscribe(
        self, queue: str, types: Sequence[str], *, prefetch: int = 16
    ) -> RabbitSubscription:
        """Join a lasting queue; when the broker is away we join as soon as it is back."""
        return self._consumer(queue, types, prefetch)

    def listen(self, types: Sequence[str], *, name: str) -> RabbitSubscription:
        """Hear every message of these types from now on, in a queue that vanishes with us."""
        return self._consumer(None, types, LISTENER_PREFETCH)

    def _consumer(
        self, queue: str | None, types: Sequence[str], prefetch: int
    ) -> RabbitSubscription:
        link = self._link("consume")
        subscription = RabbitSubscription(link, queue, types, prefetch=prefetch, name=self._client)
        subscription.wait_until_tried(FIRST_TRY)
        return subscription

    def healthy(self) -> bool:
        """Whether every connection we use is up, and the broker takes messages."""
        links = list(self._links.values()) or [self._link("publish")]
        for link in links:
            link.tried.wait(FIRST_TRY)
        return all(link.is_open and not link.is_blocked for link in links)

    def close(self) -> None:
        """Close in good order if the broker lets us; within five seconds in any case."""
        with self._lock:
            io, self._io = self._io, None
            links, self._links = list(self._links.values()), {}
        if io is None:
            return
        for link in links:
            io.call(link.close)
        if not _all_closed(links, GENTLE_CLOSE):
            for link in links:
                io.call(lambda link=link: link.drop("closing"))  # type: ignore[misc]
            _all_closed(links, FORCED_CLOSE)
        io.stop(FORCED_CLOSE)

    def _link(self, purpose: str) -> Link:
        with self._lock:
            if self._io is None:
                self._io = IoThread(f"bus of {self._client}", on_crash=self._crashed)
            if purpose not in self._links:
                self._links[purpose] = Link(self._io, self._url, f"{self._client} {purpose}")
            return self._links[purpose]

    def _crashed(self) -> None:
        for link in list(self._links.values()):
            link.drop("the I/O loop stumbled")


def _all_closed(links: Sequence[Link], timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    return all([link.closed.wait(max(0.0, deadline - time.monotonic())) for link in links])
