"""Saying to the broker what must exist. Sent without waiting: a refusal closes the channel."""

from __future__ import annotations

from typing import Any

from shared.bus.topology import Binding, Exchange, Queue, Topology


def declare(channel: Any, wanted: Topology) -> None:
    """Make all that is missing. What exists otherwise closes the channel with a 406."""
    for exchange in wanted.exchanges:
        declare_exchange(channel, exchange)
    for queue in wanted.queues:
        declare_queue(channel, queue)
    for binding in wanted.bindings:
        bind(channel, binding)


def declare_exchange(channel: Any, exchange: Exchange) -> None:
    """Make an exchange, or learn that it is otherwise."""
    channel.exchange_declare(
        exchange.name,
        exchange.kind,
        durable=True,
        auto_delete=exchange.auto_delete,
        arguments=dict(exchange.arguments),
    )


def declare_queue(channel: Any, queue: Queue) -> None:
    """Make a queue, or learn that it is otherwise."""
    channel.queue_declare(queue.name, durable=True, arguments=dict(queue.arguments))


def bind(channel: Any, binding: Binding) -> None:
    """Make a way; one that is there already stays."""
    if binding.to_exchange:
        channel.exchange_bind(binding.target, binding.source, routing_key=binding.key)
    else:
        channel.queue_bind(binding.target, binding.source, routing_key=binding.key)


def look_for(channel: Any, wanted: Topology) -> None:
    """Ask for all by name, making nothing. What is absent closes the channel with a 404."""
    for exchange in wanted.exchanges:
        channel.exchange_declare(exchange.name, passive=True)
    for queue in wanted.queues:
        channel.queue_declare(queue.name, passive=True)
