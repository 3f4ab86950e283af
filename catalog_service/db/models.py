"""The catalog's tables: what we sell."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from shared import clock
from shared.database import NAMING, RowNumber, UtcTime
from shared.idempotency import KeyMixin
from shared.ids import new_id
from shared.inbox import InboxMixin, ParkedMixin
from shared.money import Money
from shared.outbox import OutboxMixin


class Base(DeclarativeBase):
    """All tables of the catalog."""

    metadata = MetaData(naming_convention=NAMING)


def sorted_by_bytes(length: int) -> String:
    """Text that sorts and ranges the same on both databases, whatever their locale."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


class Category(Base):
    """A place in the tree of what we sell. `path` is the slugs from the root: kitchen/mugs/."""

    __tablename__ = "categories"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("categories.id"), index=True)
    path: Mapped[str] = mapped_column(sorted_by_bytes(1000), unique=True)
    slug: Mapped[str] = mapped_column(String(120), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, default="")
    position: Mapped[int] = mapped_column(default=0)
    picture: Mapped[str] = mapped_column(String(200), default="")

    parent: Mapped[Category | None] = relationship(remote_side=[id], viewonly=True)

    def __str__(self) -> str:
        return self.name


class Product(Base):
    """Something that we sell, sold, or shall sell. `cover` is the key of its first picture."""

    __tablename__ = "products"
    __table_args__ = (
        CheckConstraint("price_amount >= 0", name="price_not_negative"),
        CheckConstraint("state IN ('draft', 'published', 'withdrawn')", name="state_known"),
        # One index for each order in which shoppers leaf through what is on sale.
        Index("ix_products_by_name", "state", "sort_name", "id"),
        Index("ix_products_by_price", "state", "price_amount", "id"),
        Index("ix_products_by_age", "state", "published_at", "id"),
        Index("ix_products_category_id", "category_id", "state"),
        Index(
            "ix_products_featured",
            "state",
            "published_at",
            "id",
            sqlite_where=text("featured = 1"),
            postgresql_where=text("featured"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    sku: Mapped[str] = mapped_column(String(64), unique=True)
    slug: Mapped[str] = mapped_column(String(120), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    sort_name: Mapped[str] = mapped_column(sorted_by_bytes(200))
    summary: Mapped[str] = mapped_column(String(500), default="")
    description: Mapped[str] = mapped_column(Text, default="")
    price_amount: Mapped[int] = mapped_column(BigInteger)
    price_currency: Mapped[str] = mapped_column(String(3))
    was_amount: Mapped[int | None] = mapped_column(BigInteger)
    category_id: Mapped[UUID] = mapped_column(ForeignKey("categories.id"))
    attributes: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    weight_grams: Mapped[int] = mapped_column(default=0)
    featured: Mapped[bool] = mapped_column(default=False)
    cover: Mapped[str] = mapped_column(String(200), default="")
    state: Mapped[str] = mapped_column(String(12), default="draft")
    version: Mapped[int] = mapped_column(default=1)
    published_at: Mapped[datetime | None] = mapped_column(UtcTime)
    created_at: Mapped[datetime] = mapped_column(UtcTime, default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(UtcTime, default=clock.now)

    category: Mapped[Category] = relationship(lazy="joined", innerjoin=True)

    @property
    def price(self) -> Money:
        """What it costs now."""
        return Money(self.price_amount, self.price_currency)

    @property
    def was(self) -> Money | None:
        """The former price to show beside it, while it is reduced."""
        return None if self.was_amount is None else Money(self.was_amount, self.price_currency)

    def __str__(self) -> str:
        return self.name


class ProductImage(Base):
    """A picture of a product; the lowest position comes first."""

    __tablename__ = "product_images"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    product_id: Mapped[UUID] = mapped_column(ForeignKey("products.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(default=0)
    key: Mapped[str] = mapped_column(String(200))
    alt: Mapped[str] = mapped_column(String(300), default="")
    width: Mapped[int]
    height: Mapped[int]

    __table_args__ = (Index("ix_product_images_product_id", "product_id", "position"),)


class PriceChange(Base):
    """When a product began to cost this, and by whose hand. Rows are never changed."""

    __tablename__ = "price_history"

    seq: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    sku: Mapped[str] = mapped_column(String(64))
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    changed_at: Mapped[datetime] = mapped_column(UtcTime)
    changed_by: Mapped[str] = mapped_column(String(200), default="")

    __table_args__ = (Index("ix_price_history_sku", "sku", "changed_at"),)

    @property
    def price(self) -> Money:
        """What it cost from then on."""
        return Money(self.amount, self.currency)


class ProductWord(Base):
    """A word by which a product is found. `weight` says how prominently it has it."""

    __tablename__ = "product_words"
    __table_args__ = (
        Index("ix_product_words_product_id", "product_id"),
        {"sqlite_with_rowid": False},  # the key is how it is read: keep the rest beside it
    )

    word: Mapped[str] = mapped_column(sorted_by_bytes(40), primary_key=True)
    product_id: Mapped[UUID] = mapped_column(
        ForeignKey("products.id", ondelete="CASCADE"), primary_key=True
    )
    weight: Mapped[int]


class OutboxRow(OutboxMixin, Base):
    """What we have said and not yet sent."""


class InboxRow(InboxMixin, Base):
    """What we have heard."""


class ParkedRow(ParkedMixin, Base):
    """What we heard and could not act on yet."""


class KeyRow(KeyMixin, Base):
    """Requests that may be repeated without harm."""
