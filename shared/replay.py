"""The past, once more: for a new listener, for an operator, or as a snapshot of what is.

A service may speak before the queue of another exists, and a service may learn to listen to
something that has been said for weeks. Whoever listens to a type for the first time says so, and
whoever has kept events of that type sends them again, with the same ids: those who heard them
before ignore them. A copy that was lost is rebuilt from a *snapshot*: events with new ids that tell
the state as it is now; version guards drop what is older than the live events that overtake them.

What is sent again goes behind all that is live, at a bounded pace.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update

from shared import clock
from shared.database import insert_if_absent, rows_changed
from shared.events import Envelope, read_as
from shared.logging import get
from shared.replay_requests import ReplayRequested, SnapshotRequested
from shared.work import Work

if TYPE_CHECKING:
    from shared.service import Service

log = get(__name__)

MARK = "subscribed:"  # inbox rows that say since when we listen to a type; their version tells how:
LISTENING, SOMETHING_PASSED = 0, 1
PAGE = 200  # aggregates that one transaction of a snapshot tells
STRETCH = 10_000  # outbox rows that one transaction of a replay looks at


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How a service tells its full state: `types` are the events that `page` publishes.

    `page(say, after, limit)` says the state of up to `limit` aggregates whose key is greater than
    `after`, and returns the last key, or "" when it came to the end.
    """

    name: str
    types: frozenset[str]
    page: Callable[[Work, str, int], str]


def ask_for_what_we_missed(work: Work, inbox: Any, service: str, types: list[str]) -> list[str]:
    """Note the types that we now listen to, and ask for the past of those that are new to us.

    So are those of which another release of ours has let something pass by. Returns them.
    """
    marks = [MARK + type_ for type_ in types]
    whole = inbox.event_id.in_(marks) & (inbox.version == LISTENING)
    known = set(work.session.scalars(select(inbox.event_id).where(whole)))
    new = [type_ for type_ in types if MARK + type_ not in known]
    for type_ in new:
        row = {"event_id": MARK + type_, "type": type_, "received_at": clock.now()}
        if not insert_if_absent(work.session, inbox.__table__, row):
            _set(work, inbox, [inbox.event_id == MARK + type_], {"version": LISTENING})
    if new:
        ask_again(work, service, new)
    return new


def note_passing_by(work: Work, inbox: Any, type_: str) -> bool:
    """An event that we do not read passes us by: if another release of ours does, it is told.

    Both share a queue during a rolling upgrade, and after one that was taken back. False when
    nobody of ours has ever listened to this type.
    """
    mark = inbox.event_id == MARK + type_
    state = work.session.scalar(select(inbox.version).where(mark))
    if state == LISTENING:
        _set(work, inbox, [mark], {"version": SOMETHING_PASSED})
    return state is not None


def ask_again(work: Work, service_name: str, types: Sequence[str]) -> None:
    """Ask whoever kept events of these types to send them again; known ones are ignored."""
    work.publish(ReplayRequested(service=service_name, types=list(types)))


def ask_for_snapshot(work: Work, service_name: str, types: Sequence[str]) -> None:
    """Ask whoever publishes these types to say what is now, with new ids."""
    work.publish(SnapshotRequested(service=service_name, types=list(types)))


def answer(work: Work, service: Service, envelope: Envelope) -> None:
    """Do what another service asked for by one of TYPES."""
    if envelope.type == ReplayRequested.TYPE:
        _resend(work, service, read_as(envelope, ReplayRequested))
    else:
        _tell(work, service, read_as(envelope, SnapshotRequested))


def send_again(
    work: Work,
    outbox: Any,
    *,
    types: Sequence[str],
    aggregates: Sequence[str] | None = None,
    since: datetime | None = None,
    to: str = "",
) -> int:
    """Let the relay send what we kept of these once more, with the same ids; how many events.

    Everybody who listens gets them and ignores what took effect before; `to` only says for whom it
    is done. What the relay may be sending at this moment counts too, since the listener can have
    come too late for it: one more attempt tells the relay not to mark it as sent.
    """
    which = [outbox.type.in_(list(types))]
    if aggregates is not None:
        which.append(outbox.aggregate.in_(list(aggregates)))
    if since is not None:
        which.append(outbox.created_at >= since)
    return _send_again(work, outbox, which, to)


def _send_again(work: Work, outbox: Any, which: list[Any], to: str) -> int:
    which = [*which, outbox.stuck_at.is_(None)]
    never_sent = outbox.published_at.is_(None) & (outbox.round == 0)
    given_up = outbox.published_at.is_not(None) & (outbox.error != "")
    count = _set(work, outbox, [*which, never_sent], {"attempts": outbox.attempts + 1})
    again = {"published_at": None, "available_at": None, "attempts": 0, "round": outbox.round + 1}
    count += _set(work, outbox, [*which, ~never_sent, ~given_up], again)
    if count:
        work.wake_relay()
        log.info("events are sent again", count=count, asked_by=to)
    return count


def _set(work: Work, outbox: Any, where: list[Any], values: dict[str, Any]) -> int:
    statement = update(outbox).where(*where).values(**values)
    return rows_changed(work.session, statement)


def _resend(work: Work, service: Service, asked: ReplayRequested) -> None:
    """One stretch of the outbox; the rest is a message to ourselves, so nobody waits long."""
    if asked.part not in ("", service.name):
        return
    outbox = service.tables.outbox
    # Asked for together, SQLite would read every row to find them.
    oldest = work.session.scalar(select(func.min(outbox.seq)))
    newest = work.session.scalar(select(func.max(outbox.seq)))
    if oldest is None or newest is None:
        return
    after = max(asked.after, oldest - 1)
    end = after + STRETCH
    which = [outbox.type.in_(asked.types), outbox.seq > after, outbox.seq <= end]
    _send_again(work, outbox, which, asked.service)
    if end < newest:
        more = asked.model_copy(update={"part": service.name, "after": end})
        work.publish(more, later=True)


def _tell(work: Work, service: Service, asked: SnapshotRequested) -> None:
    """One page of each snapshot that was asked for; the rest is a message to ourselves.

    So a snapshot of any size is made in small transactions, and goes on where it was after a crash.
    """
    for snapshot in service.snapshots:
        part = f"{service.name}/{snapshot.name}"
        if asked.part not in ("", part) or not snapshot.types & set(asked.types):
            continue
        after = snapshot.page(work, asked.after, PAGE)
        log.info("told a page of a snapshot", part=part, asked_by=asked.service, until=after)
        if after:
            work.publish(asked.model_copy(update={"part": part, "after": after}), later=True)
