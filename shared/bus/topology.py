"""What Quintet wants to exist on a bus, in one place and under one version.

    quintet.events ── T.# ──▶ (quintet.<q>) ── *.*.*.* ──▶ quintet.<q> ── 20 returns ──▶ quintet.dead ──▶ quintet.<q>.dead
       │    topic               topic  │ no four words
       │                               └──▶ (quintet.<q>.echo) ── #.probe.<q> ──▶ whoever sent the probe
       └─ nobody bound ──▶ quintet.unheard (the last 10 000, for the curious)

AMQP cannot list bindings, so each queue has an exchange of its own in front of it: a probe for
type T takes the same way as an event of type T, but ends in the echo instead of the queue.
The exchange in front goes away by itself when its one binding to the queue goes.

Arguments of a queue cannot change once it exists: a change here means a new queue name (`.v2`),
both bound, the old one drained. Bindings are only ever added: one that another release still
wants must not be taken away; a consumer skips the types it does not know.
"""  # noqa: E501  (the picture is wider than prose)

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

VERSION = 2
EVENTS = "quintet.events"
UNHEARD = "quintet.unheard"
DEAD = "quintet.dead"

MOST_RETURNS = 20  # a backstop against messages that kill their consumer, not our retry counter
UNHEARD_KEPT = 10_000
LISTENER_KEPT = 100_000  # a listener that stopped reading must not fill the broker
REPAIR = "run `bus topology apply`"
EVERY_EVENT = "*.*.*.*"  # <service>.<noun>.<past participle>.v<n>


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it must be."""

    what: str
    wanted: str
    found: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """A durable exchange."""

    name: str
    kind: str
    auto_delete: bool = False
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable queue."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Binding:
    """A way from an exchange to a queue, or to another exchange."""

    source: str
    target: str
    key: str
    to_exchange: bool = False


@dataclass(frozen=True, slots=True)
class Topology:
    """What must exist, in the order in which it can be made."""

    exchanges: tuple[Exchange, ...]
    queues: tuple[Queue, ...]
    bindings: tuple[Binding, ...]
    version: int = VERSION

    def __add__(self, other: Topology) -> Topology:
        return Topology(
            self.exchanges + other.exchanges,
            self.queues + other.queues,
            self.bindings + other.bindings,
        )


def queue_name(queue: str) -> str:
    """What our queue, and the exchange in front of it, is called on the broker."""
    return f"quintet.{queue}"


def dead_name(queue: str) -> str:
    """Where messages go that came back too often."""
    return f"{queue_name(queue)}.dead"


def echo_name(queue: str) -> str:
    """Where probes come out."""
    return f"{queue_name(queue)}.echo"


def probe_key(type_: str, queue: str) -> str:
    """The routing key of a probe: whether events of this type would reach this queue."""
    return f"{type_}.probe.{queue}"


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


def common() -> Topology:
    """What all services share: the exchanges, and the place where unheard events go."""
    unheard = {"x-queue-type": "quorum", "x-max-length": UNHEARD_KEPT, "x-overflow": "drop-head"}
    return Topology(
        (
            Exchange(UNHEARD, "fanout"),
            Exchange(DEAD, "direct"),
            Exchange(EVENTS, "topic", arguments={"alternate-exchange": UNHEARD}),
        ),
        (Queue(UNHEARD, unheard),),
        (Binding(UNHEARD, UNHEARD, ""),),
    )


def of_queue(queue: str, types: Sequence[str]) -> Topology:
    """What one lasting queue needs to hear these types, beside what all share."""
    for type_ in types:
        if type_.count(".") != EVERY_EVENT.count("."):
            raise ValueError(f"An event type has four words between dots, unlike {type_!r}.")
    name, dead, echo = queue_name(queue), dead_name(queue), echo_name(queue)
    front = Exchange(name, "topic", auto_delete=True, arguments={"alternate-exchange": echo})
    ways = [Binding(EVENTS, name, f"{type_}.#", to_exchange=True) for type_ in types]
    return Topology(
        (Exchange(echo, "topic"), front),
        (Queue(dead, {"x-queue-type": "quorum"}), Queue(name, lasting_queue_arguments(queue))),
        (Binding(DEAD, dead, name), Binding(name, name, EVERY_EVENT), *ways),
    )
