"""The second try, and the third: whether, where, and after what pause."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.proxy.edge import headers
from gateway.proxy.resilience.retrying import (
    MOST_RETRIES,
    RETRY_STATUSES,
    pause,
    repeatable,
    worth_repeating,
)
from gateway.proxy.sending import TryFailed
from gateway.proxy.upstream.connection import Connection

if TYPE_CHECKING:
    from gateway.proxy.flight import Flight
    from gateway.proxy.resilience.admission import Admission
    from gateway.proxy.upstream.cluster import Cluster
    from gateway.proxy.upstream.replica import Replica

MOST_AGED = 2  # connections that died of old age and are replaced for nothing
HOLD_SECONDS = 10.0  # for the only replica of a service to be restarted
HOLD_PAUSE = 0.1

Send = Callable[["Flight", "Replica", bytes], Awaitable[Connection]]


@dataclass(slots=True)
class Trip:
    """A request that did not get through at once, and what it takes to send it again."""

    flight: Flight
    cluster: Cluster
    gate: Admission
    send: Send
    body: bytes
    whole: bool  # the body is at hand; else a part of it has gone to whoever was asked first
    again: int = 0  # tries that were paid for
    aged: int = 0  # tries that were free
    held: float = 0.0  # seconds that we waited for somebody who said that he would be gone
    avoid: set[Replica] = field(default_factory=set)


async def until_it_works(trip: Trip, failed: TryFailed) -> Connection:
    """The answer to a later try, or the last one there was. Raises TryFailed, or Refused."""
    while (seconds := _pause(trip, failed)) is not None:
        if failed.answer is not None:
            failed.answer.pool.give_back(failed.answer, asyncio.get_running_loop().time())
        if seconds:
            trip.flight.wait_for("pause", float("inf"))
            await asyncio.sleep(seconds)
        replica = trip.cluster.pick(trip.flight, trip.avoid)
        try:
            connection = await trip.send(trip.flight, replica, trip.body)
        except TryFailed as error:
            failed = error
            continue
        if connection.status not in RETRY_STATUSES:
            return connection
        failed = TryFailed(None, answer=connection)
    if failed.answer is not None:
        return failed.answer
    raise failed


def _pause(trip: Trip, failed: TryFailed) -> float | None:
    """How many seconds until the next try; None if there is to be none. Pays for it."""
    flight = trip.flight
    assert flight.replica is not None
    if failed.sent and not _may_be_sent_twice(trip):
        return None
    if failed.aged and trip.aged < MOST_AGED:
        trip.aged += 1  # nobody failed: it was closed while nothing was asked
        return 0.0
    trip.avoid.add(flight.replica)
    elsewhere = any(each.hopeful and each not in trip.avoid for each in trip.cluster.replicas)
    if not failed.sent and elsewhere:
        _blame(trip)  # whoever takes no connection was asked nothing: this is no repetition
        return 0.0
    if not failed.sent and trip.held < HOLD_SECONDS and _is_restarting(trip.cluster):
        trip.held += HOLD_PAUSE
        return HOLD_PAUSE
    if not flight.route.retries or trip.again >= MOST_RETRIES:
        return None
    if not _is_passing(failed, elsewhere=elsewhere):
        return None
    if not trip.gate.may_retry():
        return None
    trip.again += 1
    _blame(trip)
    return pause(trip.again, elsewhere=elsewhere)


def _is_restarting(cluster: Cluster) -> bool:
    """Whether all who could answer have left in good order: somebody is about to come back."""
    return all(each.draining or each.gone for each in cluster.replicas)


def _may_be_sent_twice(trip: Trip) -> bool:
    head = trip.flight.head
    # What the service gets to see counts: a client may have kept the key for us alone.
    keyed = b"idempotency-key" in head.lines[::4]
    return trip.whole and repeatable(head.method, keyed=keyed)


def _is_passing(failed: TryFailed, *, elsewhere: bool) -> bool:
    """Whether another try may end better."""
    answer = failed.answer
    if answer is None:
        return True
    retry_after = headers.field(answer.headers, b"retry-after")
    if retry_after is None and not elsewhere:
        return False  # who did not say that it will be over soon would answer the same again
    return worth_repeating(answer.status, retry_after)


def _blame(trip: Trip) -> None:
    trip.gate.failed_try(trip.flight)
    if trip.flight.replica is not None:
        trip.flight.replica.done(ok=False)
