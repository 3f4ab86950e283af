"""The bus on RabbitMQ: two connections at most, opened when first needed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from shared.bus.protocol import Message, QueueState
from shared.bus.rabbitmq.arriving import Place
from shared.bus.rabbitmq.desk import RabbitTopologist, exhume, inspect
from shared.bus.rabbitmq.echo import Echo
from shared.bus.rabbitmq.io_thread import IoThread, guarded
from shared.bus.rabbitmq.link import Link
from shared.bus.rabbitmq.progress import PATIENCE
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

    def __init__(
        self, url: str, *, client: str, declare: bool = True, patience: float = PATIENCE
    ) -> None:
        self._url = url
        self._client = client
        self._declare = declare
        self._patience = patience
        self._lock = threading.Lock()
        self._io: IoThread | None = None
        self._links: dict[str, Link] = {}
        self._echo: Echo | None = None

    def publisher(self) -> RabbitPublisher:
        """A publisher with a channel of its own."""
        return RabbitPublisher(self._link("publish"), self._client, declares=self._declare)

    def subscribe(
        self, queue: str, types: Sequence[str], *, prefetch: int = 16
    ) -> RabbitSubscription:
        """Join a lasting queue; when the broker is away we join as soon as it is back."""
        place = Place(queue, tuple(types), prefetch, self._declare, self._echo_of_ours())
        return self._consumer(place)

    def listen(self, types: Sequence[str], *, name: str) -> RabbitSubscription:
        """Hear every message of these types from now on, in a queue that vanishes with us."""
        return self._consumer(Place("", tuple(types), LISTENER_PREFETCH, self._declare))

    def _consumer(self, place: Place) -> RabbitSubscription:
        subscription = RabbitSubscription(self._link("consume"), place, self._client)
        subscription.wait_until_tried(FIRST_TRY)
        return subscription

    def _echo_of_ours(self) -> Echo:
        link = self._link("publish")  # a broker in need stops whoever publishes, probes too
        with self._lock:
            if self._echo is None:
                self._echo = Echo(link, self._client)
            return self._echo

    def healthy(self) -> bool:
        """Whether every connection we use is up, and the broker takes messages."""
        return not self.problem()

    def problem(self) -> str:
        """Which of our connections carries nothing, and why."""
        links = dict(self._links) or {"publish": self._link("publish")}
        for link in links.values():
            link.tried.wait(FIRST_TRY)
        told = {purpose: link.problem() for purpose, link in links.items()}
        return "; ".join(f"{purpose}: {problem}" for purpose, problem in told.items() if problem)

    def inspect(self, queue: str) -> QueueState:
        """What the queue holds, asked on a connection of its own."""
        return inspect(self._url, self._client, queue)

    def exhume(self, queue: str, keep: Callable[[Message], None]) -> int:
        """Hand over and remove what the broker put aside, on a connection of its own."""
        return exhume(self._url, self._client, queue, keep)

    def topology(self, queue: str, types: Sequence[str]) -> RabbitTopologist:
        """What must exist for this queue, and whether it does."""
        return RabbitTopologist(self._url, self._client, queue, types)

    def close(self) -> None:
        """Close in good order if the broker lets us; within five seconds in any case."""
        with self._lock:
            io, self._io = self._io, None
            links, self._links = list(self._links.values()), {}
            self._echo = None
        if io is None or not io.is_ours():
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
            if self._io is not None and not self._io.is_ours():
                self._io, self._links, self._echo = None, {}, None  # the parent's, left to it
            if self._io is None:
                self._io = IoThread(f"bus of {self._client}", on_crash=self._crashed)
            if purpose not in self._links:
                link = Link(self._io, self._url, self._client, purpose, self._patience)
                self._links[purpose] = link
            return self._links[purpose]

    def _crashed(self) -> None:
        for link in list(self._links.values()):
            guarded(partial(link.drop, "the I/O loop stumbled"))


def _all_closed(links: Sequence[Link], timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    return all([link.closed.wait(max(0.0, deadline - time.monotonic())) for link in links])
