"""A shop with one shelf: what the tests of pages and admin screens look at."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import ForeignKey, MetaData, String, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from shared import clock
from shared.database import NAMING, UtcTime
from shared.errors import Conflict, Invalid
from shared.events import Event
from shared.http.admin import AdminView, AmountField, Asked, RowsBelow, bulk_action, row_action
from shared.http.admin.values import Values
from shared.idempotency import KeyMixin
from shared.identity import Principal
from shared.ids import new_id
from shared.inbox import InboxMixin, ParkedMixin
from shared.outbox import OutboxMixin
from shared.service import Service, Tables, assemble
from shared.settings import ServiceSettings
from shared.work import Work


class Base(DeclarativeBase):
    """The shelf's tables."""

    metadata = MetaData(naming_convention=NAMING)


class Room(Base):
    """Where things stand."""

    __tablename__ = "rooms"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(40))


class Thing(Base):
    """One thing on the shelf."""

    __tablename__ = "things"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    sku: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    price: Mapped[int] = mapped_column(default=0)
    hidden: Mapped[bool] = mapped_column(default=False)
    since: Mapped[datetime] = mapped_column(UtcTime, default=clock.now)
    room_id: Mapped[UUID | None] = mapped_column(ForeignKey("rooms.id"))
    room: Mapped[Room | None] = relationship()


class Note(Base):
    """What people wrote about a thing."""

    __tablename__ = "notes"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    thing_id: Mapped[UUID] = mapped_column(ForeignKey("things.id"))
    name: Mapped[str] = mapped_column(String(200))
    thing: Mapped[Thing] = relationship()


class OutboxRow(OutboxMixin, Base):
    """What the shelf says."""


class InboxRow(InboxMixin, Base):
    """What it heard."""


class ParkedRow(ParkedMixin, Base):
    """What it could not do yet."""


class KeyRow(KeyMixin, Base):
    """Keys of repeated requests."""


TABLES = Tables(Base.metadata, OutboxRow, InboxRow, ParkedRow, KeyRow)
MIGRATIONS = Path(__file__).parent / "shelf_migrations"


class Settings(ServiceSettings):
    """The shelf's knobs."""

    name: ClassVar[str] = "shelf"


class ThingChanged(Event, type="shelf.thing.changed.v1", key="sku"):
    """A thing is not what it was."""

    sku: str


class TooDear(Invalid):
    """Nobody pays that."""


class StillLoved(Conflict):
    """Somebody wants to keep it."""


class NotesBelow(RowsBelow):
    """Notes, under their thing."""

    rows_of = Note
    fields = ["name"]
    fk_attr = "thing_id"


class ThingView(AdminView):
    """Things, written through hooks that speak."""

    fields = ["sku", "name", AmountField("price", required=True), "hidden", "since", "room"]
    exclude_fields_from_create = ["since"]
    exclude_fields_from_edit = ["since"]
    inlines = [NotesBelow]
    view_permission = "shelf.view_things"
    add_permission = "shelf.add_thing"
    change_permission = "shelf.change_thing"
    remove_permission = "shelf.remove_thing"

    def add(self, work: Work, values: Values, by: Principal) -> Any:
        row = super().add(work, values, by)
        work.publish(ThingChanged(sku=row.sku, version=1))
        return row

    def change(self, work: Work, row: Any, values: Values, by: Principal) -> None:
        if values.get("price", 0) > 100_000:
            raise TooDear("Nobody pays that.", fields={"price": "At most 1,000.00."})
        super().change(work, row, values, by)
        work.publish(ThingChanged(sku=row.sku, version=2))

    def remove(self, work: Work, row: Any, by: Principal) -> None:
        if row.name == "Teddy":
            raise StillLoved("Somebody still loves Teddy.")
        super().remove(work, row, by)

    @bulk_action("Hide", permission="shelf.change_thing", confirm="Hide these?")
    def hide(self, work: Work, ids: list[UUID], asked: Asked) -> str:
        for thing in work.session.scalars(select(Thing).where(Thing.id.in_(ids))):
            thing.hidden = True
            work.publish(ThingChanged(sku=thing.sku, version=3))
        return f"{len(ids)} hidden by {asked.by.name}."

    @row_action("Rename", permission="shelf.change_thing", questions={"to": "New name"})
    def rename(self, work: Work, ids: list[UUID], asked: Asked) -> str:
        if not asked.answers["to"]:
            raise Invalid("A thing needs a name.")
        thing = work.session.get_one(Thing, ids[0])
        thing.name = asked.answers["to"]
        return f"Now called {thing.name}."


class RoomView(AdminView):
    """Rooms: to be seen, not to be touched."""

    fields = ["name"]
    view_permission = "shelf.view_things"


def create_service(settings: Settings) -> Service:
    """The shelf, assembled."""
    return assemble(settings, TABLES, MIGRATIONS)


def a_shelf(folder: Path, **settings: Any) -> Service:
    """A shelf with special settings, on an empty SQLite file in `folder`."""
    service = create_service(Settings(var=folder, _env_file=None, **settings))
    Base.metadata.create_all(service.database.engine)
    return service


def a_thing(service: Service, sku: str, name: str = "Mug", **more: Any) -> UUID:
    """Put a thing on the shelf."""
    with service.transactions.begin() as work:
        thing = Thing(sku=sku, name=name, **more)
        work.session.add(thing)
        work.session.flush()
        return thing.id


def things(service: Service) -> dict[str, str]:
    """What stands there: names by number."""
    with service.transactions.read() as work:
        return {thing.sku: thing.name for thing in work.session.scalars(select(Thing))}


def events(service: Service) -> int:
    """How many events wait to be sent."""
    with service.transactions.read() as work:
        return work.session.scalar(select(func.count()).select_from(OutboxRow)) or 0
