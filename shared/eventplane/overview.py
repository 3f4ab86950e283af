"""One service's side of the bus at a glance, and what in it needs a person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from shared import clock, dead_letters
from shared.eventplane import finding
from shared.eventplane.shapes import Attention, Overview, QueueSeen
from shared.eventplane.wording import age, counted
from shared.work import Work

if TYPE_CHECKING:
    from shared.service import Service

SENT_WITHIN = timedelta(seconds=60)  # an event that waits longer shows that something is wrong
PARKED_WITHIN = timedelta(minutes=5)
NO_QUEUE = "the queue is not there"


def overview(service: Service, work: Work, queue: QueueSeen) -> Overview:
    """Count what waits, is stuck, parked or dead, and say what to do about it."""
    outbox, inbox, parked = service.tables.outbox, service.tables.inbox, service.tables.parked
    seen = Overview(
        service=service.name,
        at=clock.now(),
        waiting=finding.pile(work, outbox.seq, outbox.created_at, finding.is_waiting(outbox)),
        replaying=finding.pile(work, outbox.seq, outbox.created_at, finding.is_replaying(outbox)),
        stuck=finding.pile(work, outbox.seq, outbox.stuck_at, finding.is_stuck(outbox)),
        parked=finding.pile(work, parked.seq, parked.parked_at, dead_letters.is_waiting(parked)),
        dead=finding.pile(work, parked.seq, parked.dead_at, dead_letters.is_dead(parked)),
        queue=queue,
        says=sorted(event.TYPE for event in service.published),
        hears=service.handlers.types,
        held_up=_held_up(work, outbox, parked),
        last_said=work.session.scalar(
            select(outbox.created_at).order_by(outbox.seq.desc()).limit(1)
        ),
        last_heard=work.session.scalar(select(func.max(inbox.received_at))),
    )
    return seen.model_copy(update={"attention": list(attention(seen, service.command))})


def _held_up(work: Work, outbox: Any, parked: Any) -> list[str]:
    trouble = dead_letters.is_waiting(parked) | dead_letters.is_dead(parked)
    found = finding.types(work, outbox, finding.is_stuck(outbox))
    return sorted({*found, *finding.types(work, parked, trouble)})


def attention(seen: Overview, command: str) -> Iterator[Attention]:
    """What a person should look at, the most urgent first."""
    yield from _of_the_bus(seen, command)
    if seen.stuck.count:
        what = f"{counted(seen.stuck.count, 'event')} stuck: the bus refused them too often"
        yield Attention(what=what, do=f"{command} bus outbox --stuck")
    elif seen.waiting.since and seen.at - seen.waiting.since > SENT_WITHIN:
        oldest = age(seen.waiting.since, seen.at)
        what = f"{counted(seen.waiting.count, 'event')} not sent yet, the oldest for {oldest}"
        yield Attention(what=what, do=f"is `{command} work` running, and the bus reachable?")
    if seen.dead.count:
        oldest = age(seen.dead.since, seen.at)
        what = f"{counted(seen.dead.count, 'dead letter')}, the oldest for {oldest}"
        yield Attention(what=what, do=f"{command} bus dead list")
    if seen.parked.since and seen.at - seen.parked.since > PARKED_WITHIN:
        oldest = age(seen.parked.since, seen.at)
        what = f"{counted(seen.parked.count, 'parked event')}, the oldest for {oldest}"
        yield Attention(what=what, do=f"{command} bus parked")


def _of_the_bus(seen: Overview, command: str) -> Iterator[Attention]:
    if seen.queue.problem:
        do = "nothing is lost: events wait in the outbox until it is back"
        if seen.queue.problem == NO_QUEUE:
            do = f"{command} bus topology apply, then {command} bus catch-up"
        yield Attention(what=f"the queue cannot be seen: {seen.queue.problem}", do=do)
        return
    if not seen.queue.consumers:
        yield Attention(what="nobody takes events from the queue", do=f"start `{command} work`")
    if seen.queue.dead:
        what = f"{counted(seen.queue.dead, 'message')} in the broker's dead-letter queue"
        do = f"a running `{command} work` takes them over as dead letters"
        yield Attention(what=what, do=do)
