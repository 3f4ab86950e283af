"""Quintet itself: its publisher, its relay and its consumer, as a worker runs them."""

from __future__ import annotations

import threading
from typing import Any

from shared.bus import connect
from shared.bus.protocol import Bus, Message, Outcome, Subscription
from shared.consuming import Consumer
from shared.relay import Relay
from tests.benchmarks.bus import teller
from tests.benchmarks.bus.ground import TYPE, Ground
from tests.benchmarks.bus.meter import Meter

WINDOW = 200
WARM_UP = 100


def publish(ground: Ground, count: int) -> dict[str, float]:
    """Messages in memory, until the broker has confirmed them."""
    bus = connect(ground.amqp, client="bench")
    publisher = bus.publisher()

    def send(first: int, many: int) -> None:
        rows = teller.messages(first, many)
        outcomes = publisher.publish([Message(*row) for row in rows])
        assert set(outcomes) == {Outcome.CONFIRMED}, set(outcomes)

    send(0, WARM_UP)
    meter = Meter()
    for first in range(0, count, WINDOW):
        send(first, WINDOW)
    found = meter.read(count)
    bus.close()
    return found


def relay(ground: Ground, count: int) -> dict[str, float]:
    """Rows of the outbox, until the broker has confirmed them and they are marked."""
    service = teller.create(ground.database, ground.amqp, ground.folder)
    bus = connect(ground.amqp, client="bench")
    sender = Relay(service, bus)
    bus.healthy()  # connects
    meter = Meter()  # nothing to warm up with: one call sends all there is
    sent = sender.send_waiting() or 0
    found = meter.read(sent)
    bus.close()
    service.close()
    return found


def consume(ground: Ground, count: int, driver: str) -> dict[str, float]:
    """The queue, until every message took effect and is acknowledged."""
    service = teller.create(ground.database, ground.amqp, ground.folder)
    meters: list[Meter] = []
    stop, finished = threading.Event(), threading.Event()
    bus = Counting(connect(ground.amqp, client="bench"), count, meters, finished)
    consumer = Consumer(service, bus)
    if driver == "one by one":
        thread = threading.Thread(target=_one_by_one, args=(consumer, bus, stop))
    else:
        thread = threading.Thread(target=consumer.run, args=(stop,))
    thread.start()
    finished.wait(120)
    found = meters[0].read(count)
    stop.set()
    thread.join()
    bus.close()
    service.close()
    return found


def _one_by_one(consumer: Consumer, bus: Counting, stop: threading.Event) -> None:
    """A transaction for each message, as the consumer does when they come singly."""
    subscription = bus.subscribe("bench", [TYPE])
    while not stop.is_set():
        for delivery in subscription.receive(0.5):
            consumer.handle(delivery.message.body)
            subscription.ack(delivery)
    subscription.close()


class Counting:
    """The bus as it is; it only notes when the first message came and the last was settled."""

    def __init__(
        self, bus: Bus, count: int, meters: list[Meter], finished: threading.Event
    ) -> None:
        self._bus, self._left, self._meters, self._finished = bus, count, meters, finished
        self._subscription: Subscription | None = None

    def subscribe(self, *asked: Any, **more: Any) -> Any:
        """The true subscription, watched."""
        self._subscription = self._bus.subscribe(*asked, **more)
        return self

    def receive(self, timeout: float) -> Any:
        """The first delivery starts the meter."""
        assert self._subscription is not None
        came = self._subscription.receive(timeout)
        if came and not self._meters:
            self._meters.append(Meter())
        return came

    def ack(self, delivery: Any) -> None:
        """The last acknowledgement ends it."""
        assert self._subscription is not None
        self._subscription.ack(delivery)
        self._left -= 1
        if not self._left:
            self._finished.set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bus if name == "publisher" else self._subscription, name)


def fill(ground: Ground, count: int) -> None:
    """Put this many different messages into the queue."""
    bus = connect(ground.amqp, client="bench")
    publisher = bus.publisher()
    for first in range(0, count, WINDOW):
        publisher.publish([Message(*row) for row in teller.messages(first, WINDOW)])
    bus.close()
