"""The shop's tables."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    String,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from shared.database import NAMING, UtcTime
from shared.idempotency import KeyMixin
from shared.inbox import InboxMixin, ParkedMixin
from shared.money import Money
from shared.outbox import OutboxMixin


class Base(DeclarativeBase):
    """All tables of the shop."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: UtcTime, dict[str, Any]: JSON}


class OutboxRow(OutboxMixin, Base):
    """What the shop says."""


class InboxRow(InboxMixin, Base):
    """What the shop has heard."""


class ParkedRow(ParkedMixin, Base):
    """What the shop heard and could not do yet."""


class KeyRow(KeyMixin, Base):
    """Answers to requests that may be repeated."""


class KnownProduct(Base):
    """The shop's own copy of an offer. Each part has its version: news may come in any order."""

    __tablename__ = "known_products"

    sku: Mapped[str] = mapped_column(String(64), primary_key=True)
    state: Mapped[str] = mapped_column(String(12))
    slug: Mapped[str] = mapped_column(String(200), default="")
    name: Mapped[str] = mapped_column(String(300), default="")
    image_url: Mapped[str] = mapped_column(String(500), default="")
    product_version: Mapped[int] = mapped_column(BigInteger, default=0)
    price_amount: Mapped[int] = mapped_column(BigInteger, default=0)
    currency: Mapped[str] = mapped_column(String(3), default="EUR")
    price_version: Mapped[int] = mapped_column(BigInteger, default=0)
    available: Mapped[int] = mapped_column(BigInteger, default=0)
    stock_version: Mapped[int] = mapped_column(BigInteger, default=0)


class Cart(Base):
    """A cart: of a user, or of whoever holds the token with this digest."""

    __tablename__ = "carts"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID | None]
    token_hash: Mapped[str | None] = mapped_column(String(64), index=True)
    state: Mapped[str] = mapped_column(String(10), default="open")  # open, ordered, merged
    version: Mapped[int] = mapped_column(BigInteger, default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    __table_args__ = (
        # One open cart for each shopper; ordered and merged ones stay.
        Index(
            "uq_carts_open_user", "user_id", unique=True,
            sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'"),
        ),
        Index(
            "uq_carts_open_guest", "token_hash", unique=True,
            sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'"),
        ),
        Index("ix_carts_state_updated", "state", "updated_at"),
    )  # fmt: skip


class CartItem(Base):
    """So many of one product, and the price it had when the shopper last chose it."""

    __tablename__ = "cart_items"

    cart_id: Mapped[UUID] = mapped_column(ForeignKey("carts.id", ondelete="CASCADE"))
    sku: Mapped[str] = mapped_column(String(64))
    quantity: Mapped[int]
    seen_amount: Mapped[int] = mapped_column(BigInteger)
    seen_currency: Mapped[str] = mapped_column(String(3))
    added_at: Mapped[datetime]

    __table_args__ = (PrimaryKeyConstraint("cart_id", "sku"),)


class Order(Base):
    """An order. It moves on three axes, each stored, so that lists can be filtered by them."""

    __tablename__ = "orders"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(12), unique=True)
    cart_id: Mapped[UUID] = mapped_column(unique=True)  # one cart, one order: at most
    user_id: Mapped[UUID | None]
    guest_key_hash: Mapped[str | None] = mapped_column(String(64))
    email: Mapped[str] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(String(200))
    shipping_address: Mapped[dict[str, Any]]
    currency: Mapped[str] = mapped_column(String(3))
    total_amount: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[str] = mapped_column(String(12))
    payment_status: Mapped[str] = mapped_column(String(12))
    fulfilment_status: Mapped[str] = mapped_column(String(12))
    code: Mapped[str] = mapped_column(String(40), default="")
    reason: Mapped[str] = mapped_column(String(500), default="")
    version: Mapped[int] = mapped_column(BigInteger, default=1)
    placed_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    lines: Mapped[list[OrderLine]] = relationship(order_by="OrderLine.position")
    timeline: Mapped[list[TimelineEntry]] = relationship(order_by="TimelineEntry.seq")
    payment: Mapped[PaymentRow] = relationship(back_populates="order")
    checkout: Mapped[Checkout] = relationship(back_populates="order")

    __table_args__ = (
        Index("ix_orders_user", "user_id", "id"),
        Index("ix_orders_guest", "guest_key_hash", "id"),
        Index("ix_orders_axes", "status", "payment_status", "fulfilment_status"),
    )

    @property
    def total(self) -> Money:
        """What the order costs."""
        return Money(self.total_amount, self.currency)

    def __str__(self) -> str:
        return self.number


class OrderLine(Base):
    """What was ordered, as it was called and priced at that moment."""

    __tablename__ = "order_lines"

    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    position: Mapped[int]
    sku: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(300))
    slug: Mapped[str] = mapped_column(String(200))
    image_url: Mapped[str] = mapped_column(String(500))
    unit_amount: Mapped[int] = mapped_column(BigInteger)
    total_amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    quantity: Mapped[int]

    __table_args__ = (PrimaryKeyConstraint("order_id", "position"),)

    @property
    def unit_price(self) -> Money:
        """What one of it costs."""
        return Money(self.unit_amount, self.currency)

    @property
    def total(self) -> Money:
        """What all of it costs."""
        return Money(self.total_amount, self.currency)


class TimelineEntry(Base):
    """One move of an order. `seq` is the version that it led to."""

    __tablename__ = "order_timeline"

    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    seq: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime]
    what: Mapped[str] = mapped_column(String(20))
    text: Mapped[str] = mapped_column(String(500))
    actor: Mapped[str] = mapped_column(String(100))

    __table_args__ = (PrimaryKeyConstraint("order_id", "seq"),)


class Checkout(Base):
    """How far the checkout of an order has come, and when it acts next."""

    __tablename__ = "checkouts"

    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    step: Mapped[str] = mapped_column(String(16))
    due_at: Mapped[datetime]  # while a process asks the provider: when its turn ends
    deadline: Mapped[datetime]  # when this step gives up
    attempts: Mapped[int] = mapped_column(default=0)  # how often the provider was asked
    ends_order: Mapped[bool] = mapped_column(default=False)  # a refund that also cancels
    started_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(BigInteger, default=1)
    # What brought it to this step, so that what follows by itself belongs to the same story.
    correlation: Mapped[str] = mapped_column(String(64), default="", server_default="")
    traceparent: Mapped[str] = mapped_column(String(55), default="", server_default="")
    causation: Mapped[str | None] = mapped_column(String(64))

    order: Mapped[Order] = relationship(back_populates="checkout")

    __table_args__ = (
        # The few that are under way, among the many that are done.
        Index(
            "ix_checkouts_due", "step", "due_at",
            sqlite_where=text("step <> 'done'"), postgresql_where=text("step <> 'done'"),
        ),
    )  # fmt: skip


UNDER_WAY = text("checkouts.step <> 'done'")  # word for word, so that the index is used


class PaymentRow(Base):
    """The money of an order: which card, and what was promised, taken and given back."""

    __tablename__ = "payments"

    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    provider: Mapped[str] = mapped_column(String(20))
    token: Mapped[str] = mapped_column(String(200))
    brand: Mapped[str] = mapped_column(String(20))
    last4: Mapped[str] = mapped_column(String(4))
    currency: Mapped[str] = mapped_column(String(3))
    amount: Mapped[int] = mapped_column(BigInteger)
    authorised_amount: Mapped[int] = mapped_column(BigInteger, default=0)
    captured_amount: Mapped[int] = mapped_column(BigInteger, default=0)
    refunded_amount: Mapped[int] = mapped_column(BigInteger, default=0)
    reference: Mapped[str] = mapped_column(String(100), default="")
    state: Mapped[str] = mapped_column(String(12), default="pending")
    updated_at: Mapped[datetime]

    order: Mapped[Order] = relationship(back_populates="payment")


class ProviderCharge(Base):
    """The test provider's books: one row for each key. The shop itself never looks in here."""

    __tablename__ = "provider_charges"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    reference: Mapped[str] = mapped_column(String(100))
    token: Mapped[str] = mapped_column(String(200))
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    state: Mapped[str] = mapped_column(String(12))
    asked: Mapped[int] = mapped_column(default=0)
    refunded: Mapped[int] = mapped_column(BigInteger, default=0)
    opened_at: Mapped[datetime]


class ProviderRefund(Base):
    """The test provider's books: one row for each refund."""

    __tablename__ = "provider_refunds"

    refund_key: Mapped[str] = mapped_column(String(80), primary_key=True)
    charge_key: Mapped[str] = mapped_column(String(64))
    amount: Mapped[int] = mapped_column(BigInteger)
    booked_at: Mapped[datetime]
