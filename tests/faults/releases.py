"""The next release of catalog and shop, made from this one by a few edits, to roll it out in tests.

It changes what a release may change: events get fields that nobody needs, a new version of an event
goes beside the old one, a new event tells something new, and a table gets a column that the old
code does not know. The gate for contracts lets it through (`make compat` in its folder).
"""

from __future__ import annotations

import compileall
import shutil
from pathlib import Path
from typing import NamedTuple

from tests.system.platform import ROOT

PACKAGES = ("shared", "gateway", "auth_service", "catalog_service", "shop_service", "deploy")
NEW_TYPES = {"shop": {"catalog.stock.held.v2", "catalog.parcel.planned.v1"}}


class Edit(NamedTuple):
    """In this file, these words become those."""

    file: str
    old: str
    new: str


PUBLISHED = "catalog_service/events/published.py"
HELD = '''class StockHeld(Event, type="catalog.stock.held.v1", key="order_id"):
    """All goods of an order are held for it until `expires_at`."""

    order_id: UUID
    expires_at: datetime
'''
NEWS = '''    warehouse: Annotated[str, Field(examples=["main"])] = "main"


class StockHeldV2(Event, type="catalog.stock.held.v2", key="order_id"):
    """All goods of an order are held for it in one warehouse."""

    order_id: UUID
    until: datetime
    warehouse: Annotated[str, Field(examples=["main"])]


class ParcelPlanned(Event, type="catalog.parcel.planned.v1", key="order_id"):
    """In how many parcels an order will leave."""

    order_id: UUID
    parcels: int
'''
SAID = "    work.publish(StockHeld(order_id=order_id, version=1, expires_at=until))\n"
SAYS = """    held_by = {"order_id": order_id, "version": 1, "warehouse": "main"}
    work.publish(StockHeld(**held_by, expires_at=until))
    work.publish(StockHeldV2(**held_by, until=until))
    work.publish(ParcelPlanned(order_id=order_id, version=1, parcels=len(wanted)))
"""
CONSUMED = "shop_service/events/consumed.py"
READ = '''    """The goods of an order are set aside."""

    order_id: UUID
'''
READS = '''    warehouse: str = "somewhere"


class StockHeldV2(Event, type="catalog.stock.held.v2", key="order_id"):
    """The goods of an order are set aside in a warehouse."""

    order_id: UUID
    warehouse: str


class ParcelPlanned(Event, type="catalog.parcel.planned.v1", key="order_id"):
    """In how many parcels an order will leave."""

    order_id: UUID
    parcels: int
'''
HANDLERS = "shop_service/handlers/catalog.py"
HEARD = "    @handlers.on(StockRefused)\n"
HEARS = '''    @handlers.on(StockHeldV2)
    def pay_for_goods_in_a_warehouse(work: Work, event: StockHeldV2) -> None:
        """The same news in new words: whichever comes first moves the order."""
        if start_paying(work, event.order_id, pace):
            work.after_commit(wake_jobs)
        _note(work, event.order_id, warehouse=event.warehouse)

    @handlers.on(ParcelPlanned)
    def note_parcels(work: Work, event: ParcelPlanned) -> None:
        """Remember it for the shopper."""
        _note(work, event.order_id, parcels=event.parcels)

'''
NOTES = """

def _note(work: Work, order_id: UUID, **values: object) -> None:
    work.session.execute(update(Order).where(Order.id == order_id).values(**values))
"""
COLUMNS = """    warehouse: Mapped[str] = mapped_column(String(40), default="", server_default="")
    parcels: Mapped[int | None]
"""
MIGRATION = '''"""orders know their warehouse"""

import sqlalchemy as sa
from alembic import op

revision = "{number}"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.add_column(sa.Column("warehouse", sa.String(40), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("parcels", sa.Integer(), nullable=True))
'''
EDITS = (
    Edit(PUBLISHED, HELD, HELD + NEWS),
    Edit(PUBLISHED, "    StockHeld,\n", "    StockHeld,\n    StockHeldV2,\n    ParcelPlanned,\n"),
    Edit("catalog_service/usecases/holds.py", SAID, SAYS),
    Edit(
        "catalog_service/usecases/holds.py",
        "    StockHeld,\n",
        "    ParcelPlanned,\n    StockHeld,\n    StockHeldV2,\n",
    ),
    Edit(CONSUMED, READ, READ + READS),
    Edit(HANDLERS, HEARD, HEARS + HEARD),
    Edit(HANDLERS, "    PriceChanged,\n", "    ParcelPlanned,\n    PriceChanged,\n"),
    Edit(HANDLERS, "    StockHeld,\n", "    StockHeld,\n    StockHeldV2,\n"),
    Edit(
        HANDLERS,
        "from shared.handlers import Handlers\n",
        "from uuid import UUID\n\nfrom sqlalchemy import update\n\n"
        "from shared.handlers import Handlers\nfrom shop_service.db.models import Order\n",
    ),
    Edit(
        "shop_service/db/models.py",
        "    placed_at: Mapped[datetime]\n",
        COLUMNS + "    placed_at: Mapped[datetime]\n",
    ),
)


def make_next_release(folder: Path) -> Path:
    """Write the next release into this folder, unless it is there already."""
    if folder.exists():
        return folder
    for name in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__", "node_modules")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for each in EDITS:
        file = folder / each.file
        before, found, after = file.read_text().partition(each.old)
        assert found, f"{each.file} no longer says {each.old!r}"
        file.write_text(before + each.new + after)
    handlers = folder / HANDLERS
    handlers.write_text(handlers.read_text() + NOTES)
    _add_migration(folder / "shop_service/db/migrations/versions")
    compileall.compile_dir(folder, quiet=1)
    return folder


def _add_migration(versions: Path) -> None:
    before = max(each.name[:4] for each in versions.glob("[0-9]*.py"))
    number = f"{int(before) + 1:04d}"
    file = versions / f"{number}_orders_know_their_warehouse.py"
    file.write_text(MIGRATION.format(number=number, before=before))
