"""Consuming from RabbitMQ: messages arrive on the I/O thread and are handled on another."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import Any

from pika.channel import Channel
from pika.spec import Basic, BasicProperties

from shared.bus import topology
from shared.bus.protocol import Delivery, Message
from shared.bus.rabbitmq.acknowledgements import Acknowledgements
from shared.bus.rabbitmq.io_thread import shielded
from shared.bus.rabbitmq.link import Link
from shared.bus.rabbitmq.station import Station

log = logging.getLogger(__name__)

Tag = tuple[int, int]  # which channel of ours, and the broker's tag on it


class RabbitSubscription:
    """A consumer that comes back by itself after any loss. `queue` None: a listener's own."""

    def __init__(
        self, link: Link, queue: str | None, types: Sequence[str], *, prefetch: int, name: str
    ) -> None:
        self._link = link
        self._queue = queue
        self._types = tuple(types)
        self._prefetch = prefetch
        self._closed = False
        self._arrived: SimpleQueue[Delivery | None] = SimpleQueue()
        self._channel: Channel | None = None
        self._released: list[Delivery] = []
        self._handled: list[Tag] = []
        self._answering = False
        self._acknowledged = Acknowledgements()
        self._lock = threading.Lock()
        self._station = Station(link, self, f"{name} consumer of {queue or 'broadcasts'}")

    def wait_until_tried(self, timeout: float) -> None:
        """Wait until we are in the queue, or know that it will take a while."""
        self._station.tried.wait(timeout)

    def receive(self, timeout: float) -> list[Delivery]:
        """Wait up to `timeout` seconds for deliveries, oldest first."""
        deadline = time.monotonic() + timeout
        deliveries = self._take_released()
        while not self._closed and len(deliveries) < self._prefetch:
            try:
                wait = 0.0 if deliveries else max(0.0, deadline - time.monotonic())
                arrived = self._arrived.get(wait > 0, wait or None)
            except Empty:
                break
            if arrived is not None and self._is_current(arrived.tag):
                deliveries.append(arrived)
        return deliveries

    def ack(self, delivery: Delivery) -> None:
        """Acknowledge, unless the channel it came on is gone."""
        tag = delivery.tag
        if not isinstance(tag, tuple) or not self._is_current(tag):
            return
        with self._lock:
            self._handled.append(tag)
            if self._answering:
                return
            self._answering = True
        self._link.io.call(self._send_acks)

    def release(self, delivery: Delivery) -> None:
        """Take it back to the head of what we hold; closing gives it to others.

        A nack would count: the broker buries a message that was given back too often, and waiting
        for our database to come back is no fault of the message.
        """
        with self._lock:
            self._released.append(replace(delivery, redelivered=True))

    def healthy(self) -> bool:
        """Whether we are consuming right now."""
        return self._station.ready and not self._closed

    def close(self) -> None:
        """Send the last acknowledgements, and leave; the broker gives the rest to others."""
        self._closed = True
        self._arrived.put(None)  # wakes whoever waits in `receive`
        self._link.io.call(self._send_acks)
        self._link.io.call(self._station.close)
        self._station.closed.wait(2.0)

    # The rest runs on the I/O thread.

    def declare(self, channel: Channel) -> None:
        """The exchanges, and our queue with its bindings."""
        topology.declare_exchanges(channel)
        if self._queue is not None:
            topology.declare_queue(channel, self._queue, self._types)

    def move_in(self, channel: Channel) -> None:
        """Consume; a listener first makes the queue that lives as long as its connection."""
        self._channel = channel
        self._acknowledged = Acknowledgements()
        channel.add_on_cancel_callback(shielded(self._cancelled))
        channel.basic_qos(prefetch_count=self._prefetch)
        if self._queue is not None:
            self._consume(channel, topology.queue_name(self._queue))
            return
        channel.queue_declare(
            "",
            exclusive=True,
            auto_delete=True,
            arguments={"x-max-length": topology.LISTENER_KEPT},
            callback=shielded(lambda frame: self._listen(channel, frame.method.queue)),
        )

    def move_out(self) -> None:
        """What arrived and was not acknowledged will arrive again."""
        self._channel = None
        if self._station.closing:
            self._closed = True
            self._arrived.put(None)

    def unblocked(self) -> None:
        """Consuming goes on while publishers are blocked."""

    def _listen(self, channel: Channel, queue: str) -> None:
        for type_ in self._types:
            channel.queue_bind(queue, topology.EVENTS, routing_key=type_)
        self._consume(channel, queue)

    def _consume(self, channel: Channel, queue: str) -> None:
        arrive = _arrival(self._station.generation, self._arrived)
        consuming = shielded(lambda _: self._station.is_ready())
        channel.basic_consume(queue, shielded(arrive), callback=consuming)

    def _cancelled(self, _: object) -> None:
        self._station.reset("the queue was deleted")

    def _send_acks(self) -> None:
        with self._lock:
            self._answering = False
            handled, self._handled = self._handled, []
        if self._channel is None or not self._channel.is_open:
            return  # late: the broker delivers them again
        tags = [tag[1] for tag in handled if self._is_current(tag)]
        for tag, with_all_before in self._acknowledged.frames_for(tags):
            self._channel.basic_ack(tag, multiple=with_all_before)

    def _take_released(self) -> list[Delivery]:
        if not self._released:
            return []
        with self._lock:
            released, self._released = self._released, []
        current = [delivery for delivery in released if self._is_current(delivery.tag)]
        return sorted(current, key=_order)

    def _is_current(self, tag: object) -> bool:
        return isinstance(tag, tuple) and tag[0] == self._station.generation


def _order(delivery: Delivery) -> Any:
    return delivery.tag


def _arrival(
    generation: int, arrived: SimpleQueue[Delivery | None]
) -> Callable[[Channel, Basic.Deliver, BasicProperties, bytes], None]:
    """What to do with a message of this channel: make it ours, and put it where it is awaited."""

    def arrive(_: Any, method: Any, properties: Any, body: bytes) -> None:
        headers = properties.headers or {}
        texts = {name: text for name, text in headers.items() if isinstance(text, str)}
        message = Message(
            properties.message_id or "", properties.type or method.routing_key, body, texts
        )
        tag = (generation, method.delivery_tag)
        arrived.put(Delivery(message, tag, redelivered=method.redelivered))

    return arrive
