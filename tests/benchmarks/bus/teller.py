"""The work that everybody does: hear an event, write it into an inbox, count a tally up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import MetaData, String, bindparam, insert, text, update
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.database import NAMING
from shared.events import Event
from shared.handlers import Handlers
from shared.idempotency import KeyMixin
from shared.inbox import InboxMixin, ParkedMixin
from shared.outbox import OutboxMixin
from shared.service import Service, Tables, assemble
from shared.settings import ServiceSettings
from shared.work import Work
from tests.benchmarks.bus.ground import NAMES, QUEUE, TYPE


class Base(DeclarativeBase):
    """The tables."""

    metadata = MetaData(naming_convention=NAMING)


class Tally(Base):
    """A number by name: the effect."""

    __tablename__ = "tallies"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    count: Mapped[int] = mapped_column(default=0)


class OutboxRow(OutboxMixin, Base):
    """What is said."""


class InboxRow(InboxMixin, Base):
    """What was heard."""


class ParkedRow(ParkedMixin, Base):
    """What could not be done."""


class KeyRow(KeyMixin, Base):
    """Not used here."""


class Settings(ServiceSettings):
    """The knobs; the queue has the service's name."""

    name: ClassVar[str] = QUEUE


class SpeakersSettings(Settings):
    """Those of a service that only speaks."""

    name: ClassVar[str] = "speaker"


class Bumped(Event, type=TYPE, key="name"):
    """Somebody bumped something."""

    name: str
    by: int = 1
    note: str = ""


TABLES = Tables(Base.metadata, OutboxRow, InboxRow, ParkedRow, KeyRow)
COUNT_UP = (
    update(Tally.__table__)  # type: ignore[arg-type]  # a Table, declared as FromClause
    .where(Tally.__table__.c.name == bindparam("of_name"))
    .values(count=Tally.__table__.c.count + bindparam("of_by"))
)
SAY = text(
    "INSERT INTO outbox (id, type, aggregate, version, correlation, body, created_at, attempts)"
    " SELECT id, :type, '/elsewhere/' || name, n, id,"
    " replace(replace(replace(CAST(:body AS text), '@id@', id), '@name@', name), '7777', CAST(n AS text)),"
    " now(), 0"
    " FROM (SELECT n, gen_random_uuid()::text AS id, 'thing-' || n % CAST(:of AS int) AS name"
    " FROM generate_series(1, CAST(:count AS int)) n) AS said ORDER BY n"
)


def create(database: str, bus: str, folder: str) -> Service:
    """A service that counts what it hears."""
    service = _assembled(Settings, database, bus, folder)
    handlers = Handlers()

    @handlers.on(Bumped)
    def count_up(work: Work, event: Bumped) -> None:
        work.session.execute(COUNT_UP, {"of_name": event.name, "of_by": event.by})

    service.handlers = handlers
    return service


def create_speaker(database: str, bus: str, folder: str) -> Service:
    """A service that hears nothing."""
    return _assembled(SpeakersSettings, database, bus, folder)


def _assembled(kind: type[ServiceSettings], database: str, bus: str, folder: str) -> Service:
    settings = kind(database_url=database, bus_url=bus, var=Path(folder), _env_file=None)
    return assemble(settings, TABLES, Path(folder))


def make_tables(service: Service) -> None:
    """All of them, and the rows to count in."""
    Base.metadata.create_all(service.database.engine)
    names = [{"name": f"thing-{number}", "count": 0} for number in range(NAMES)]
    with service.transactions.begin() as work:
        work.session.execute(insert(Tally), names)


def forget(service: Service) -> None:
    """Back to the beginning: nothing said, nothing heard, all tallies at nought."""
    with service.transactions.begin() as work:
        for table in ("outbox", "inbox", "parked_events"):
            work.session.execute(text(f"TRUNCATE {table}"))
        work.session.execute(text("UPDATE tallies SET count = 0"))


def say(service: Service, count: int, *, aggregates: int) -> None:
    """Fill the outbox as `publish` would, in one statement."""
    values = {"type": TYPE, "count": count, "of": aggregates}
    with service.transactions.begin() as work:
        work.session.execute(SAY, {**values, "body": body("@id@", "@name@", version=7777).decode()})


def body(id_: str, name: str, version: int = 1) -> bytes:
    """One event of about a kilobyte, as it travels."""
    return json.dumps(envelope(id_, name) | {"aggregateversion": version}).encode()


def messages(first: int, count: int) -> list[tuple[str, str, bytes]]:
    """Events as a publisher is handed them: id, type, body."""
    ids = [f"message-{first + number}" for number in range(count)]
    return [(id_, TYPE, body(id_, f"thing-{at % NAMES}")) for at, id_ in enumerate(ids)]


def envelope(id_: str, name: str) -> dict[str, Any]:
    """One event of about a kilobyte, as it travels."""
    return {
        "specversion": "1.0",
        "id": id_,
        "type": TYPE,
        "source": "/elsewhere",
        "subject": name,
        "time": "2026-11-21T12:00:00+00:00",
        "datacontenttype": "application/json",
        "aggregateversion": 1,
        "correlationid": id_,
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "data": {"version": 1, "name": name, "by": 1, "note": "n" * 600},
    }
