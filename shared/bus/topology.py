"""What Quintet declares on RabbitMQ, in one place and under one version.

    quintet.events (topic) ── type ──▶ quintet.<queue> ── 20 returns ──▶ quintet.dead ──▶ quintet.<queue>.dead
         └─ nobody bound ──▶ quintet.unheard ──▶ quintet.unheard (the last 10 000, for the curious)

Arguments of a queue cannot change once it exists: a change here means a new queue name (`.v2`),
both bound, the old one drained. Bindings are only ever added: AMQP cannot list them, and one that
another release still wants must not be taken away; a consumer skips the types it does not know.
"""  # noqa: E501  (the picture is wider than prose)

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pika.channel import Channel

VERSION = 1
EVENTS = "quintet.events"
UNHEARD = "quintet.unheard"
DEAD = "quintet.dead"

MOST_RETURNS = 20  # a backstop against messages that kill their consumer, not our retry counter
UNHEARD_KEPT = 10_000
LISTENER_KEPT = 100_000  # a listener that stopped reading must not fill the broker


def queue_name(queue: str) -> str:
    """What our queue is called on the broker."""
    return f"quintet.{queue}"


def lasting_queue_arguments(queue: str) -> dict[str, Any]:
    """A replicated queue with one consumer at a time, so that order holds, and a way out."""
    return {
        "x-queue-type": "quorum",
        "x-single-active-consumer": True,
        "x-delivery-limit": MOST_RETURNS,
        "x-dead-letter-exchange": DEAD,
        "x-dead-letter-routing-key": queue_name(queue),
        # A message leaves the queue only when the dead-letter queue has confirmed it; the broker
        # does that only for queues that refuse, rather than drop, when they are full.
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


def declare_exchanges(channel: Channel) -> None:
    """Make the exchanges, and the place where unheard events go. Sent without waiting."""
    channel.exchange_declare(UNHEARD, "fanout", durable=True)
    unheard = {
        "x-queue-type": "quorum",
        "x-max-length": UNHEARD_KEPT,
        "x-overflow": "drop-head",
    }
    channel.queue_declare(UNHEARD, durable=True, arguments=unheard)
    channel.queue_bind(UNHEARD, UNHEARD, routing_key="")
    channel.exchange_declare(DEAD, "direct", durable=True)
    channel.exchange_declare(
        EVENTS, "topic", durable=True, arguments={"alternate-exchange": UNHEARD}
    )


def declare_queue(channel: Channel, queue: str, types: Sequence[str]) -> None:
    """Make a lasting queue, the queue for its dead letters, and its bindings."""
    name = queue_name(queue)
    grave = f"{name}.dead"
    channel.queue_declare(grave, durable=True, arguments={"x-queue-type": "quorum"})
    channel.queue_bind(grave, DEAD, routing_key=name)
    channel.queue_declare(name, durable=True, arguments=lasting_queue_arguments(queue))
    for type_ in types:
        channel.queue_bind(name, EVENTS, routing_key=type_)
