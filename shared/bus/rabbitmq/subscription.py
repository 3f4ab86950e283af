"""Consuming from RabbitMQ: messages arrive on the I/O thread and are handled on another."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import Any

from pika.channel import Channel

from shared.bus import topology
from shared.bus.holes import Holes
from shared.bus.protocol import Delivery
from shared.bus.rabbitmq import declaring
from shared.bus.rabbitmq.acknowledgements import Acknowledgements
from shared.bus.rabbitmq.arriving import Place, arrival
from shared.bus.rabbitmq.io_thread import shielded
from shared.bus.rabbitmq.link import Link
from shared.bus.rabbitmq.station import Station
from shared.bus.rabbitmq.watch import Watch
from shared.bus.topology import Topology
from shared.metrics import CONSUMERS

log = logging.getLogger(__name__)

Tag = tuple[int, int]  # which channel of ours, and the broker's tag on it


class RabbitSubscription:
    """A consumer that comes back by itself after any loss."""

    def __init__(self, link: Link, place: Place, name: str) -> None:
        self._link = link
        self._place = place
        self._closed = False
        self._heard_before = self._hearing = False
        self._arrived: SimpleQueue[Delivery | None] = SimpleQueue()
        self._channel: Channel | None = None
        self._released: list[Delivery] = []
        self._handled: list[Tag] = []
        self._answering = False
        self._acknowledged = Acknowledgements()
        self._lock = threading.Lock()
        self._watch: Watch | None = None
        self._holes = Holes()
        if place.echo is not None:
            self._watch = Watch(place.echo, place.queue, place.types, self._wake)
            self._holes = self._watch.holes
        called = f"{name} consumer of {place.queue or 'broadcasts'}"
        self._station = Station(link, self, called, declares=place.declares)
        self._station.begin()

    def wait_until_tried(self, timeout: float) -> None:
        """Wait until we are in the queue, or know that it will take a while."""
        self._station.tried.wait(timeout)

    def receive(self, timeout: float) -> list[Delivery]:
        """Wait up to `timeout` seconds for deliveries, oldest first."""
        deadline, gaps = time.monotonic() + timeout, self.gaps
        deliveries = self._take_released()
        while not self._closed and len(deliveries) < self._place.prefetch:
            try:
                wait = 0.0 if deliveries else max(0.0, deadline - time.monotonic())
                arrived = self._arrived.get(wait > 0, wait or None)
            except Empty:
                break
            if arrived is None:
                if self.gaps != gaps:
                    break  # events may have passed us by: whoever receives wants to know
            elif self._is_current(arrived.tag):
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
        """Whether we are consuming everything right now."""
        return not self.problem()

    def problem(self) -> str:
        """Why we are not consuming, or not everything."""
        if self._closed:
            return "closed"
        if not self._station.ready:
            return self._station.problem or self._link.problem()
        return self._watch.problem() if self._watch else ""

    @property
    def gaps(self) -> int:
        """How often messages may have passed us by."""
        return len(self._holes)

    def missed(self, since: int) -> frozenset[str]:
        """Of which types, in all gaps but the first ones; empty if of any."""
        return self._holes.types(since)

    def close(self) -> None:
        """Send the last acknowledgements, and leave; the broker gives the rest to others."""
        self._closed = True
        self._wake()
        self._link.io.call(self._send_acks)
        self._link.io.call(self._station.close)
        self._station.closed.wait(2.0)

    # The rest runs on the I/O thread.

    def look(self, channel: Channel) -> None:
        """The exchanges, our queue, and where it leaves what it cannot keep."""
        declaring.look_for(channel, self._topology())

    def absent(self) -> None:
        """Whatever was said while it was not there, we have not heard."""
        if self._watch:
            self._watch.absent()

    def verify(self, then: Callable[[], None]) -> None:
        """The bindings."""
        if self._watch:
            self._watch.verify(then)
        else:
            then()

    def declare(self, channel: Channel) -> None:
        """The exchanges, and our queue with its bindings."""
        wanted = self._topology()
        if self._watch and not self._watch.binds:
            wanted = replace(wanted, bindings=())
        declaring.declare(channel, wanted)

    def move_in(self, channel: Channel) -> None:
        """Consume; a listener first makes the queue that lives as long as its connection."""
        self._channel = channel
        self._acknowledged = Acknowledgements()
        channel.add_on_cancel_callback(shielded(self._cancelled))
        channel.basic_qos(prefetch_count=self._place.prefetch)
        if self._place.queue:
            self._consume(channel, topology.queue_name(self._place.queue))
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
        self._hears(False)
        if self._station.closing:
            self._closed = True
            self._wake()

    def unblocked(self) -> None:
        """Consuming goes on while publishers are blocked."""

    def _listen(self, channel: Channel, queue: str) -> None:
        for type_ in self._place.types:
            channel.queue_bind(queue, topology.EVENTS, routing_key=type_)
        self._consume(channel, queue)

    def _consume(self, channel: Channel, queue: str) -> None:
        arrive = arrival(self._station.generation, self._arrived)
        channel.basic_consume(queue, shielded(arrive), callback=shielded(self._consuming))

    def _consuming(self, _: object) -> None:
        self._hears(True)
        if self._watch:
            self._watch.joined(self._station)
        elif self._heard_before:
            self._holes.add()  # what was said meanwhile was said to others
            self._wake()
        self._heard_before = True
        self._station.is_ready()  # last, since whoever waits for it reads the rest

    def _topology(self) -> Topology:
        place = self._place
        own = topology.of_queue(place.queue, place.types) if place.queue else None
        return topology.common() + own if own else topology.common()

    def _hears(self, now: bool) -> None:
        if now != self._hearing:
            CONSUMERS.inc(1 if now else -1)
        self._hearing = now

    def _wake(self) -> None:
        self._arrived.put(None)

    def _cancelled(self, _: object) -> None:
        if self._watch:
            self._watch.absent()  # even if somebody makes it again before we look
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
