"""A new listener asks for what was said before it listened.

A service may speak before the queue of another exists, and a service may learn to listen to
something that has been said for weeks. Whoever listens to a type for the first time says so, and
whoever has kept events of that type sends them again, with the same ids: those who heard them
before ignore them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from shared import clock
from shared.database import insert_if_absent
from shared.events import Event
from shared.logging import get
from shared.work import Work

log = get(__name__)

MARK = "subscribed:"  # inbox rows that say since when we listen to a type


class ReplayRequested(Event, type="quintet.replay.requested.v1", key="service"):
    """A service listens to these types for the first time: send what you kept of them."""

    service: str
    types: list[str]


def ask_for_what_we_missed(work: Work, inbox: Any, service: str, types: list[str]) -> None:
    """Note the types that we now listen to, and ask for the past of those that are new to us."""
    marks = [MARK + type_ for type_ in types]
    known = set(work.session.scalars(select(inbox.event_id).where(inbox.event_id.in_(marks))))
    new = [type_ for type_ in types if MARK + type_ not in known]
    for type_ in new:
        row = {"event_id": MARK + type_, "type": type_, "received_at": clock.now()}
        insert_if_absent(work.session, inbox.__table__, row)
    if new:
        work.publish(ReplayRequested(service=service, types=new))


def send_again(work: Work, outbox: Any, request: ReplayRequested) -> int:
    """Let the relay send what we kept of these types once more; how many events that is.

    What the relay may be sending at this moment counts too: the new listener can have come too late
    for it. One more attempt tells the relay not to mark it as sent.
    """
    done = work.session.execute(
        update(outbox)
        .where(outbox.type.in_(request.types))
        .values(published_at=None, attempts=outbox.attempts + 1)
    )
    count = int(done.rowcount)  # type: ignore[attr-defined]  # CursorResult for DML
    if count:
        log.info("events are sent again", count=count, asked_by=request.service)
    return count
