"""What a bus promises, whichever transport carries it.

Delivery is at least once: a message is kept until somebody acknowledges it, and it is confirmed
to its publisher only when every queue that wants it holds it durably. Taking effect *once* is
the consumer's inbox, not the transport.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One event on its way: `type` routes it, `id` never changes however often it is sent."""

    id: str
    type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message handed to a consumer, and the tag by which it is acknowledged."""

    message: Message
    tag: object
    redelivered: bool = False


class Outcome(Enum):
    """What became of a publish. Anything but CONFIRMED means: keep the row and send it again."""

    CONFIRMED = "confirmed"
    REFUSED = "refused"  # the broker said no (nack)
    UNROUTABLE = "unroutable"  # no queue wanted it: the topology is broken
    UNKNOWN = "unknown"  # connection lost or no answer in time: it may or may not be there


class Publisher(Protocol):
    """Sends messages and waits until the bus has them durably. Safe to use from one thread."""

    def publish(self, messages: Sequence[Message], *, timeout: float = 10.0) -> list[Outcome]:
        """Send all, pipelined; the outcomes come back in the order of the messages.

        Never raises for a bus that is away: the outcome is then UNKNOWN for each message.
        """
        ...

    def close(self) -> None:
        """Give back what the publisher holds."""
        ...


class Subscription(Protocol):
    """A place in a queue. Survives a lost connection: it reconnects and subscribes again."""

    def receive(self, timeout: float) -> list[Delivery]:
        """Wait up to `timeout` seconds for deliveries, oldest first; an empty list if none came."""
        ...

    def ack(self, delivery: Delivery) -> None:
        """Say that the effect of this delivery is durable. Late acks are dropped."""
        ...

    def release(self, delivery: Delivery) -> None:
        """Give a delivery back unhandled: it comes again first, and it does not count as a failure.

        Give back what followed it in the same `receive` as well, or it is handled out of order.
        """
        ...

    def healthy(self) -> bool:
        """Whether deliveries can reach us right now."""
        ...

    def close(self) -> None:
        """Stop taking messages; what was delivered and not acknowledged goes back to the queue."""
        ...


class Bus(Protocol):
    """A way to the event bus."""

    def publisher(self) -> Publisher:
        """A publisher of our own."""
        ...

    def subscribe(self, queue: str, types: Sequence[str], *, prefetch: int = 16) -> Subscription:
        """Join the durable queue `queue`, bound to these event types; both are made if absent.

        Earlier bindings stay, since another release may want them: skip types you do not know.
        Consumers of one queue share its messages; messages that arrive while nobody listens wait.
        """
        ...

    def listen(self, types: Sequence[str], *, name: str) -> Subscription:
        """Hear every message of these types from now on, each listener its own copy (broadcast).

        The place vanishes with the listener; nothing is kept for one that is away.
        """
        ...

    def healthy(self) -> bool:
        """Whether the bus can be reached right now."""
        ...

    def close(self) -> None:
        """Close every connection that this bus opened."""
        ...
