"""What a service hears and says, in tests without a broker: tell it something, and look."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from shared import clock
from shared.bus import connect
from shared.consuming import Consumer
from shared.context import opened
from shared.events import Envelope, Event, read_as
from shared.ids import new_id
from shared.listening import Listener
from shared.service import Service
from shared.testing.databases import databases_of
from shared.work import Work

E = TypeVar("E", bound=Event)


def said(work: Work) -> list[str]:
    """The types of the events that this work has published so far."""
    return [event.TYPE for event in work.said]


def sent_by(service: Service) -> list[Envelope]:
    """Every event in the service's outbox, oldest first."""
    outbox = service.tables.outbox
    with service.transactions.read() as work:
        rows = work.session.query(outbox.body).order_by(outbox.seq).all()
    return [Envelope.from_json(row.body.encode()) for row in rows]


def tell(service: Service, event: Event, *, source: str = "/elsewhere", id: str = "") -> str:
    """Let the service hear `event` as from the bus; returns the event's id, to repeat it."""
    envelope = Envelope.around(
        event, id=id or str(new_id()), source=source, time=clock.now(), by=opened(None, None)
    )
    _deliver(service, envelope)
    return envelope.id


def sent(service: Service, event: type[E]) -> list[E]:
    """The events of this type that the service has said, oldest first."""
    return [read_as(each, event) for each in sent_by(service) if each.type == event.TYPE]


def failed(service: Service) -> list[str]:
    """What the service could not do: the type of each event that it parked, and its error."""
    parked = service.tables.parked
    with service.transactions.read() as work:
        rows = work.session.query(parked.type, parked.error).order_by(parked.seq).all()
    return [f"{row.type}: {row.error}" for row in rows]


def pass_on(publisher: Service, *listeners: Service) -> int:
    """Let the listeners hear what the publisher has said, as a bus would; how many events.

    Every call passes on everything again: who heard it before must take no notice.
    """
    envelopes = sent_by(publisher)
    for listener in listeners:
        for envelope in envelopes:
            if envelope.type in listener.handlers:
                _deliver(listener, envelope)
    return len(envelopes)


@contextmanager
def trial(listener: Listener) -> Iterator[Service]:
    """The listener on an empty database and without a bus: tell it something, and look.

    The database is SQLite, or with QUINTET_TEST_STACK=real a PostgreSQL database of its own.
    """
    settings, create = listener.settings_class, listener.create_service
    with (
        tempfile.TemporaryDirectory(prefix="quintet-trial-") as folder,
        databases_of(Path(folder), settings, create) as databases,
        databases.service() as service,
    ):
        yield service


def _deliver(service: Service, envelope: Envelope) -> None:
    bus = connect(f"embedded:{service.settings.var}/unused.db", client="tests")
    Consumer(service, bus).handle(envelope.to_json())
    bus.close()
