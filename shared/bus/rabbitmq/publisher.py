"""Publishing to RabbitMQ: pipelined, every message confirmed or not believed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from pika.channel import Channel
from pika.spec import Basic, BasicProperties

from shared.bus import topology
from shared.bus.protocol import Message, Outcome
from shared.bus.rabbitmq import declaring
from shared.bus.rabbitmq.io_thread import shielded
from shared.bus.rabbitmq.link import Link
from shared.bus.rabbitmq.station import Station
from shared.failpoints import reached

log = logging.getLogger(__name__)

PERSISTENT = 2
# RabbitMQ 3.10 goes on refusing what comes on a channel that it has refused once, even when there
# is room again: the queue forgets to tell the channel. A new channel is told at once.
RENEW_AFTER = 1.0  # seconds that a refusing channel is used before another takes its place


class Batch:
    """The messages of one call, and what became of each so far."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self.messages = messages
        self.outcomes: list[Outcome | None] = [None] * len(messages)
        self.left = len(messages)
        self.done = threading.Event()
        self.sent_at = 0.0

    def resolve(self, index: int, outcome: Outcome) -> None:
        """Say what became of one message; the last one lets the caller go on."""
        if self.outcomes[index] is None:
            self.outcomes[index] = outcome
            self.left -= 1
            if not self.left:
                self.done.set()

    def dismiss(self) -> None:
        """Nobody will ever answer."""
        for index in range(len(self.messages)):
            self.resolve(index, Outcome.UNCONFIRMED)

    def result(self) -> list[Outcome]:
        """What we know; of what nobody answered for, nothing."""
        return [outcome or Outcome.UNCONFIRMED for outcome in self.outcomes]


class RabbitPublisher:
    """One confirming channel. Callers use `publish` and `close`, the I/O thread the rest."""

    def __init__(self, link: Link, name: str, *, declares: bool) -> None:
        self._channel: Channel | None = None
        self._waiting: list[Batch] = []
        self._in_flight: dict[int, tuple[Batch, int]] = {}
        self._returned: set[str] = set()
        self._last_sent = self._last_settled = 0
        self._answered_at = self._moved_in_at = 0.0
        self._was_refused = False  # on this channel
        self._link = link
        self._station = Station(link, self, f"{name} publisher", declares=declares)
        self._station.begin()

    def publish(self, messages: Sequence[Message], *, timeout: float = 10.0) -> list[Outcome]:
        """Send all, and wait for the broker's word on each, or for `timeout` seconds."""
        batch = Batch(messages)
        if messages and not self._station.closed.is_set():
            self._link.io.call(partial(self._accept, batch))
            reached("relay.after_publish")
            if not batch.done.wait(timeout):
                self._link.io.call(partial(self._give_up, batch))
        return batch.result()

    def problem(self) -> str:
        """Whether the broker takes messages, and if not, why."""
        return self._link.problem() or self._station.problem

    def close(self) -> None:
        """Close the channel; whoever still waits for an answer gets none."""
        self._link.io.call(self._station.close)
        self._station.closed.wait(2.0)

    def look(self, channel: Channel) -> None:
        """The exchanges must be there."""
        declaring.look_for(channel, topology.common())

    def absent(self) -> None:
        """Nothing is lost for us: what cannot be sent stays where it is."""

    def verify(self, then: Callable[[], None]) -> None:
        """Every confirm and return tells, so there is nothing to verify."""
        then()

    def declare(self, channel: Channel) -> None:
        """The exchanges; queues belong to those who read them."""
        declaring.declare(channel, topology.common())

    def move_in(self, channel: Channel) -> None:
        """Ask for confirms, and send what has been waiting."""
        self._last_sent = self._last_settled = 0
        self._returned.clear()
        channel.add_on_return_callback(shielded(self._came_back))
        channel.confirm_delivery(shielded(self._confirmed))
        self._channel = channel
        self._was_refused, self._moved_in_at = False, time.monotonic()
        self._station.is_ready()
        self.unblocked()

    def move_out(self) -> None:
        """Nobody knows what became of messages in flight; those not sent wait on."""
        self._channel = None
        in_flight, self._in_flight = self._in_flight, {}
        for batch, index in in_flight.values():
            batch.resolve(index, Outcome.UNCONFIRMED)
        if self._station.closing:
            self.unblocked()

    def unblocked(self) -> None:
        """Send what has been waiting; dismiss it when we are closing."""
        waiting, self._waiting = self._waiting, []
        for batch in waiting:
            self._accept(batch)

    def _accept(self, batch: Batch) -> None:
        if self._station.closing:
            batch.dismiss()
        elif self._channel is None or self._link.is_blocked:
            self._waiting.append(batch)
        elif self._may_be_refused_for_ever():
            self._waiting.append(batch)
            self._channel = None
            self._station.renew()
        else:
            self._send(self._channel, batch)

    def _may_be_refused_for_ever(self) -> bool:
        old = time.monotonic() - self._moved_in_at > RENEW_AFTER
        return self._was_refused and old and not self._in_flight

    def _send(self, channel: Channel, batch: Batch) -> None:
        batch.sent_at = time.monotonic()
        for index, message in enumerate(batch.messages):
            if not channel.is_open:
                batch.resolve(index, Outcome.UNCONFIRMED)
                continue
            try:
                channel.basic_publish(
                    topology.EVENTS, message.type, message.body, _properties(message), True
                )
            except Exception:
                # Refused before a byte was sent: a name or header that AMQP cannot carry.
                log.exception("message %s cannot be sent", message.id)
                batch.resolve(index, Outcome.REFUSED)
                continue
            self._last_sent += 1
            self._in_flight[self._last_sent] = (batch, index)

    def _give_up(self, batch: Batch) -> None:
        """The caller waits no longer. A broker that answers nobody is given up as well."""
        if batch in self._waiting:
            self._waiting.remove(batch)
        elif batch.left and self._answered_at < batch.sent_at and not self._link.is_blocked:
            self._link.drop("no confirm in time")

    def _came_back(self, channel: Channel, _: Any, properties: Any, __: bytes) -> None:
        # A return precedes the confirm of the same message, which then is no success.
        if channel is self._channel and properties.message_id:
            self._returned.add(properties.message_id)

    def _confirmed(self, frame: Any) -> None:
        method = frame.method
        outcome = Outcome.CONFIRMED if isinstance(method, Basic.Ack) else Outcome.REFUSED
        self._was_refused |= outcome is Outcome.REFUSED
        self._answered_at = time.monotonic()
        if method.multiple:
            first, self._last_settled = self._last_settled + 1, method.delivery_tag
            for tag in range(first, method.delivery_tag + 1):
                self._settle(tag, outcome)
        else:
            self._settle(method.delivery_tag, outcome)

    def _settle(self, tag: int, outcome: Outcome) -> None:
        batch, index = self._in_flight.pop(tag, (None, 0))
        if batch is None:
            return
        id_ = batch.messages[index].id
        if self._returned and id_ in self._returned:
            self._returned.discard(id_)
            outcome = Outcome.RETURNED
        batch.resolve(index, outcome)


def _properties(message: Message) -> BasicProperties:
    return BasicProperties(  # type: ignore[no-untyped-call]  # pika has no types here
        content_type="application/cloudevents+json",
        headers=dict(message.headers),
        delivery_mode=PERSISTENT,
        message_id=message.id,
        type=message.type,
    )
