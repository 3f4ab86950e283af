"""What a bus promises, whichever transport carries it.

Delivery is at least once: a message is kept until somebody acknowledges it, and it is confirmed
to its publisher only when every queue that wants it holds it durably. Taking effect *once* is
the consumer's inbox, not the transport.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from shared.bus.topology import Difference


class BusAway(Exception):
    """The bus could not be asked. Publishing and receiving never raise this: they wait."""


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
    returns: int = 0  # how often a consumer went away holding it; not our count of failures

    @property
    def headers(self) -> Mapping[str, str]:
        """What the publisher wrote beside the body."""
        return self.message.headers


class Outcome(Enum):
    """What became of a publish. Anything but CONFIRMED means: keep the row and send it again.

    REFUSED and RETURNED are about this one event, and others may go on. UNCONFIRMED is about the
    bus: it is away, frozen or takes nothing for now, and the event may or may not be there.
    """

    CONFIRMED = "confirmed"
    REFUSED = "refused"  # the broker said no (nack), or it can never be carried
    RETURNED = "returned"  # no queue took it: the topology is broken
    UNCONFIRMED = "unconfirmed"  # connection lost or no answer in time


@dataclass(frozen=True, slots=True)
class QueueState:
    """What a queue holds at this moment."""

    messages: int  # waiting, not counting those handed out
    unacked: int | None  # handed out and not acknowledged; None where the bus does not tell
    consumers: int
    dead: int  # put aside after too many returns, in the queue of the dead
    exists: bool = True


class Publisher(Protocol):
    """Sends messages and waits until the bus has them durably. Safe to use from one thread."""

    def publish(self, messages: Sequence[Message], *, timeout: float = 10.0) -> list[Outcome]:
        """Send all, pipelined; the outcomes come back in the order of the messages.

        Never raises for a bus that is away: the outcome is then UNCONFIRMED for each message.
        """
        ...

    def problem(self) -> str:
        """Why nothing can be published right now, in a few words; empty when all is well."""
        ...

    def close(self) -> None:
        """Give back what the publisher holds."""
        ...


class Subscription(Protocol):
    """A place in a queue. Survives a lost connection: it reconnects and subscribes again."""

    @property
    def gaps(self) -> int:
        """How often messages may have passed us by, from 0 when we joined what was there.

        Grows when our queue or one of its bindings was not there and is again, and for a listener
        whenever it was away. Whoever sees it grow asks for a replay, or forgets what it knew.
        """
        ...

    def missed(self, since: int) -> frozenset[str]:
        """The types that may have passed us by in all gaps but the first `since`; empty: any."""
        ...

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

    def problem(self) -> str:
        """Why deliveries, or some of them, cannot reach us, in words; empty when all is well."""
        ...

    def close(self) -> None:
        """Stop taking messages; what was delivered and not acknowledged goes back to the queue."""
        ...


class Topologist(Protocol):
    """Compares what must exist on the bus with what does. Its methods raise BusAway."""

    def diff(self) -> list[Difference]:
        """What is missing or otherwise than we want it; empty when all is well."""
        ...

    def apply(self) -> list[Difference]:
        """Make what is missing; what still differs then needs a hand, and each says which."""
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

        The place vanishes with the listener; nothing is kept for one that is away. A type whose
        first word is `*` is that of any service: `*.replica.announced.v1`.
        """
        ...

    def healthy(self) -> bool:
        """Whether the bus can be reached right now."""
        ...

    def problem(self) -> str:
        """Why the bus cannot be used fully right now, in words; empty when all is well."""
        ...

    def inspect(self, queue: str) -> QueueState:
        """What this queue holds, asked on a way of its own. Raises BusAway."""
        ...

    def exhume(self, queue: str, keep: Callable[[Message], None]) -> int:
        """Hand over what lies in this queue's queue of the dead, and remove it; how many it was.

        What `keep` raises on stays there. Raises BusAway; a message may then be handed over again.
        """
        ...

    def topology(self, queue: str, types: Sequence[str]) -> Topologist:
        """What must exist for this queue to hear these types, and whether it does."""
        ...

    def close(self) -> None:
        """Close every connection that this bus opened."""
        ...
