"""A tiny service of our own: a tally that can be counted up, and tells about it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from sqlalchemy import MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.database import NAMING
from shared.events import Event
from shared.handlers import Handlers
from shared.idempotency import KeyMixin
from shared.inbox import InboxMixin, ParkedMixin
from shared.outbox import OutboxMixin
from shared.service import Service, Tables, assemble
from shared.settings import ServiceSettings
from shared.testing import Databases, databases_of
from shared.work import Work


class Base(DeclarativeBase):
    """The tally service's tables."""

    metadata = MetaData(naming_convention=NAMING)


class Tally(Base):
    """A number by name."""

    __tablename__ = "tallies"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    count: Mapped[int] = mapped_column(default=0)


class OutboxRow(OutboxMixin, Base):
    """What the tally service says."""


class InboxRow(InboxMixin, Base):
    """What the tally service heard."""


class ParkedRow(ParkedMixin, Base):
    """What it could not do yet."""


class KeyRow(KeyMixin, Base):
    """Keys of repeated requests."""


class Settings(ServiceSettings):
    """The tally service's knobs."""

    name: ClassVar[str] = "tally"


class Bumped(Event, type="elsewhere.thing.bumped.v1", key="name"):
    """Somebody bumped something elsewhere."""

    name: str
    by: int = 1


class Counted(Event, type="tally.tally.counted.v1", key="name"):
    """A tally went up."""

    name: str
    count: int


TABLES = Tables(Base.metadata, OutboxRow, InboxRow, ParkedRow, KeyRow)
MIGRATIONS = Path(__file__).parent / "tally_migrations"


def count_up(work: Work, name: str, by: int) -> int:
    """Count, and say so."""
    tally = work.session.get(Tally, name)
    if tally is None:
        tally = Tally(name=name, count=0)
        work.session.add(tally)
    tally.count += by
    work.publish(Counted(name=name, count=tally.count, version=tally.count))
    return tally.count


def create_service(settings: Settings) -> Service:
    """The tally service: it counts what it hears; `poison` breaks its handler."""
    service = assemble(settings, TABLES, MIGRATIONS)
    handlers = Handlers()

    @handlers.on(Bumped)
    def count_what_was_bumped(work: Work, event: Bumped) -> None:
        count_up(work, event.name, event.by)
        if event.by < 0:
            raise RuntimeError("poison")

    service.handlers = handlers
    service.published = (Counted,)
    return service


def count_of(service: Service, name: str) -> int:
    """What the tally says now."""
    with service.transactions.read() as work:
        tally = work.session.get(Tally, name)
        return tally.count if tally else 0


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    with databases_of(tmp_path_factory.mktemp("tally"), Settings, create_service) as found:
        yield found


@pytest.fixture
def service(databases: Databases) -> Iterator[Service]:
    with databases.service() as found:
        yield found
