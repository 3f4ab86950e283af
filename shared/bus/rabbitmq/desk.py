"""Questions to the broker on a short connection of their own: what is there, what is missing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import uuid4

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError, ChannelClosedByBroker

from shared.bus import topology
from shared.bus.protocol import BusAway, Message, QueueState
from shared.bus.rabbitmq import declaring
from shared.bus.rabbitmq.parameters import parameters_of
from shared.bus.topology import Binding, Difference, Queue

NOT_FOUND = 404
ACCESS_REFUSED = 403
ECHO_WITHIN = 2.0
BLOCKED_AT_MOST = 5.0
ABSENT = "absent"


class RabbitTopologist:
    """Compares one queue's topology with the broker's, each thing on a channel it may lose."""

    def __init__(self, url: str, client: str, queue: str, types: Sequence[str]) -> None:
        self._url = url
        self._client = client
        self._queue = queue
        self._types = tuple(types)
        self._wanted = topology.common() + topology.of_queue(queue, types)

    def diff(self) -> list[Difference]:
        """What is absent, what has other arguments, which events would not reach the queue."""
        with connected(self._url, self._client) as connection:
            return self._diff(connection)

    def apply(self) -> list[Difference]:
        """Make what is absent; a queue with other arguments is made anew when it is empty."""
        with connected(self._url, self._client) as connection:
            for queue in self._wanted.queues:
                if _differs(connection, queue):
                    _remove_if_empty(connection, queue.name)
            _on_a_channel(connection, lambda channel: declaring.declare(channel, self._wanted))
            return self._diff(connection)

    def _diff(self, connection: pika.BlockingConnection) -> list[Difference]:
        found = []
        for kind, things in (
            ("exchange", self._wanted.exchanges),
            ("queue", self._wanted.queues),
        ):
            for thing in things:
                if difference := _difference(connection, kind, thing):
                    found.append(difference)
        leads = f"leads to {topology.queue_name(self._queue)}"
        return found or [
            Difference(f"binding of {type_}", leads, ABSENT)
            for type_ in self._unheard_types(connection)
        ]

    def _unheard_types(self, connection: pika.BlockingConnection) -> list[str]:
        channel = connection.channel()
        token, left = uuid4().hex, set(self._types)
        own = str(channel.queue_declare("", exclusive=True, auto_delete=True).method.queue)
        key = f"#.probe.{self._queue}"
        declaring.bind(channel, Binding(topology.echo_name(self._queue), own, key))
        sent = pika.BasicProperties(message_id=token)  # type: ignore[no-untyped-call]
        for type_ in self._types:
            probe = topology.probe_key(type_, self._queue)
            channel.basic_publish(topology.EVENTS, probe, type_.encode(), sent)
        deadline = time.monotonic() + ECHO_WITHIN
        while left and time.monotonic() < deadline:
            _, properties, body = channel.basic_get(own, auto_ack=True)
            if properties is not None and properties.message_id == token:
                left.discard((body or b"").decode())
            elif properties is None:
                connection.sleep(0.01)
        channel.close()
        return [type_ for type_ in self._types if type_ in left]


def inspect(url: str, client: str, queue: str) -> QueueState:
    """What the queue and its queue of the dead hold. AMQP does not tell what is handed out."""
    with connected(url, client) as connection:
        held = _counts(connection, topology.queue_name(queue))
        dead = _counts(connection, topology.dead_name(queue))
    if held is None:
        return QueueState(0, None, 0, dead[0] if dead else 0, exists=False)
    return QueueState(held[0], None, held[1], dead[0] if dead else 0)


def exhume(url: str, client: str, queue: str, keep: Callable[[Message], None]) -> int:
    """Take what lies in the queue of the dead, one by one: acknowledged when it is kept."""
    grave = topology.dead_name(queue)
    with connected(url, client) as connection:
        counts = _counts(connection, grave)
        channel = connection.channel()
        for taken in range(counts[0] if counts else 0):
            method, properties, body = channel.basic_get(grave)
            if method is None or properties is None:
                return taken
            keep(_message(properties, body or b""))
            channel.basic_ack(method.delivery_tag)
    return counts[0] if counts else 0


def _message(properties: Any, body: bytes) -> Message:
    headers = {name: str(value) for name, value in (properties.headers or {}).items()}
    return Message(properties.message_id or "", _key_of(properties), body, headers)


def _key_of(properties: Any) -> str:
    """By which key it was published, before its queue put it aside: the broker noted it."""
    for death in (properties.headers or {}).get("x-death") or []:
        for key in death.get("routing-keys") or []:
            return str(key)
    return ""


@contextmanager
def connected(url: str, client: str) -> Iterator[pika.BlockingConnection]:
    """A connection for a few questions. Whatever is wrong with it raises BusAway."""
    parameters = parameters_of(url, f"{client} desk")
    parameters.blocked_connection_timeout = BLOCKED_AT_MOST  # somebody waits for the answer
    try:
        connection = pika.BlockingConnection(parameters)
    except (AMQPError, OSError) as error:
        raise BusAway(f"RabbitMQ cannot be reached: {error!r}") from error
    try:
        yield connection
    except (AMQPError, OSError) as error:
        raise BusAway(f"RabbitMQ refused: {error}") from error
    finally:
        if connection.is_open:
            connection.close()


def _on_a_channel(
    connection: pika.BlockingConnection, ask: Callable[[BlockingChannel], Any]
) -> Any:
    """Ask on a channel of its own; raises ChannelClosedByBroker when the answer is no."""
    channel = connection.channel()
    answer = ask(channel)
    channel.close()
    return answer


def _counts(connection: pika.BlockingConnection, name: str) -> tuple[int, int] | None:
    try:
        frame = _on_a_channel(connection, lambda c: c.queue_declare(name, passive=True))
    except ChannelClosedByBroker as refusal:
        if refusal.reply_code != NOT_FOUND:
            raise
        return None
    return int(frame.method.message_count), int(frame.method.consumer_count)


def _difference(connection: pika.BlockingConnection, kind: str, thing: Any) -> Difference | None:
    wanted = ", ".join(f"{name}={value}" for name, value in thing.arguments.items()) or kind
    try:
        _on_a_channel(connection, partial(_look, kind=kind, thing=thing))
        declare = declaring.declare_queue if kind == "queue" else declaring.declare_exchange
        _on_a_channel(connection, partial(declare, **{kind: thing}))
    except ChannelClosedByBroker as refusal:
        if refusal.reply_code == ACCESS_REFUSED:
            return None  # it exists, and whoever may not declare cannot compare arguments
        found = ABSENT if refusal.reply_code == NOT_FOUND else refusal.reply_text
        return Difference(f"{kind} {thing.name}", wanted, found)
    return None


def _look(channel: BlockingChannel, *, kind: str, thing: Any) -> None:
    if kind == "queue":
        channel.queue_declare(thing.name, passive=True)
    else:
        channel.exchange_declare(thing.name, passive=True)


def _differs(connection: pika.BlockingConnection, queue: Queue) -> bool:
    found = _difference(connection, "queue", queue)
    return found is not None and found.found != ABSENT


def _remove_if_empty(connection: pika.BlockingConnection, name: str) -> None:
    """Take away an empty queue. One that holds messages is never ours to throw away."""
    counts = _counts(connection, name)
    if counts is not None and counts[0] == 0:
        _on_a_channel(connection, lambda channel: channel.queue_delete(name))
