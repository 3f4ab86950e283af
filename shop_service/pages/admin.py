"""The admin screens of the shop: orders and what one does with them; the rest is for looking."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from starlette.types import ASGIApp

from shared import clock
from shared.http.admin import (
    AdminView,
    Asked,
    DateTimeField,
    EmailField,
    EnumField,
    HasOne,
    IntegerField,
    RowsBelow,
    StringField,
    create_admin,
    row_action,
)
from shared.http.admin.bus import bus_views
from shared.money import Money
from shared.service import Service
from shared.work import Work
from shop_service.db.models import (
    Base,
    Checkout,
    KnownProduct,
    Order,
    OrderLine,
    PaymentRow,
    TimelineEntry,
)
from shop_service.domain.addresses import written_out
from shop_service.domain.cart import OfferState
from shop_service.domain.checkout import Step
from shop_service.domain.order import Fulfilment, Payment, Status
from shop_service.usecases.orders import cancel_order, refund_order, ship_order

VIEW = "shop.view_order"


def one_of(name: str, words: Iterable[StrEnum], label: str = "") -> EnumField:
    """A word of state; lists can be filtered by it."""
    choices = [(word.value, word.value.replace("_", " ")) for word in words]
    return EnumField(name, label=label or None, choices=choices)


def amount_of(name: str, label: str) -> StringField:
    """A column of minor units, in the currency of its own row."""
    return text_of(name, label, lambda row: str(Money(getattr(row, name), row.currency)))


def text_of(name: str, label: str, tell: Callable[[Any], str]) -> StringField:
    """Words that follow from the row."""
    return StringField(name, label=label, getter=lambda _, row: tell(row), searchable=False)


def label_of(order: Order) -> str:
    """The address in one line."""
    return ", ".join(written_out(order.shipping_address))


def age_of(checkout: Checkout) -> str:
    """How long it has been under way; nothing once it is done."""
    if checkout.step == Step.DONE:
        return ""
    minutes, seconds = divmod(int((clock.now() - checkout.started_at).total_seconds()), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


class LinesBelow(RowsBelow):
    """What was ordered."""

    rows_of = OrderLine
    menu_label = "Lines"
    fields = [
        IntegerField("position", label="No."),
        StringField("name"),
        StringField("sku", label="SKU"),
        IntegerField("quantity"),
        amount_of("unit_amount", "Each"),
        amount_of("total_amount", "Total"),
    ]


class TimelineBelow(RowsBelow):
    """What happened."""

    rows_of = TimelineEntry
    menu_label = "Timeline"
    named_by: ClassVar[str] = "text"
    fields = [
        IntegerField("seq", label="No."),
        DateTimeField("at", label="When"),
        StringField("what"),
        StringField("text", label="Said to the shopper"),
        StringField("actor", label="By"),
    ]


MONEY = [
    one_of("state", Payment),
    amount_of("amount", "Asked for"),
    amount_of("authorised_amount", "Authorised"),
    amount_of("captured_amount", "Captured"),
    amount_of("refunded_amount", "Refunded"),
    StringField("provider"),
    StringField("brand", label="Card"),
    StringField("last4", label="Ending in"),
    StringField("reference", label="At the provider"),
    DateTimeField("updated_at", label="Changed"),
]


class PaymentBelow(RowsBelow):
    """Its money."""

    rows_of = PaymentRow
    menu_label = "Payment"
    named_by: ClassVar[str] = "state"
    fields = MONEY


AXES = ["status", "payment_status", "fulfilment_status"]


class OrderView(AdminView):
    """Orders. What can be done with one goes through the use-cases that the API calls."""

    menu_label = "Orders"
    icon = "fa fa-box"
    named_by: ClassVar[str] = "number"
    fields = [
        StringField("number"),
        DateTimeField("placed_at", label="Placed"),
        one_of("status", Status),
        one_of("payment_status", Payment, "Payment"),
        one_of("fulfilment_status", Fulfilment, "Fulfilment"),
        amount_of("total_amount", "Total"),
        StringField("name"),
        EmailField("email", label="E-mail"),
        StringField("code", label="Why cancelled"),
        StringField("reason", label="As the shopper reads it"),
        text_of("shipping_address", "Where it goes", label_of),
    ]
    exclude_fields_from_list = ["reason", "shipping_address"]
    searchable_fields = ["number", "email", "name", "code", "placed_at", *AXES]  # and filterable
    sortable_fields = ["number", "placed_at", "total_amount", "name", "email"]
    fields_default_sort = [("placed_at", True)]
    inlines = [LinesBelow, TimelineBelow, PaymentBelow]
    view_permission = VIEW

    @row_action("Ship", permission="shop.ship_order", confirm="Was it sent?")
    def ship(self, work: Work, ids: list[UUID], asked: Asked) -> str:
        """Note that the goods were sent."""
        return f"Order {ship_order(work, ids[0], asked.by).number} is on its way."

    @row_action("Cancel", permission="shop.cancel_order", confirm="Cancel this order?", danger=True)
    def cancel(self, work: Work, ids: list[UUID], asked: Asked) -> str:
        """Call off an order whose payment is not promised yet."""
        order = cancel_order(work, ids[0], asked.by, as_staff=True)
        return f"Order {order.number} is cancelled."

    @row_action(
        "Refund", permission="shop.refund_order", confirm="Send all of it back?", danger=True
    )
    def refund(self, work: Work, ids: list[UUID], asked: Asked) -> str:
        """Have the whole amount sent back."""
        order = refund_order(work, ids[0], asked.by)
        return f"{order.total} of order {order.number} are being sent back."


class PaymentView(AdminView):
    """The money of all orders."""

    menu_label = "Payments"
    display_name = "Payment"
    icon = "fa fa-credit-card"
    key = "payment"
    named_by: ClassVar[str] = "state"
    fields = [HasOne("order", key="order"), *MONEY]
    searchable_fields = ["reference", "last4", "state", "updated_at"]
    sortable_fields = ["amount", "captured_amount", "refunded_amount", "updated_at"]
    fields_default_sort = [("updated_at", True)]
    view_permission = VIEW


class CheckoutView(AdminView):
    """How far each checkout has come. One that is not done and old deserves a look."""

    menu_label = "Checkouts"
    icon = "fa fa-hourglass"
    named_by: ClassVar[str] = "step"
    fields = [
        HasOne("order", key="order"),
        one_of("step", Step),
        text_of("age", "Age", age_of),
        IntegerField("attempts", label="Provider asked"),
        DateTimeField("due_at", label="Acts next"),
        DateTimeField("deadline", label="Gives up"),
        DateTimeField("started_at", label="Started"),
    ]
    searchable_fields = ["step", "attempts", "due_at", "started_at"]
    sortable_fields = ["attempts", "due_at", "deadline", "started_at"]
    fields_default_sort = [("started_at", True)]
    view_permission = VIEW


class KnownProductView(AdminView):
    """What the shop knows of the catalog's offer, and how new that is."""

    menu_label = "Known products"
    icon = "fa fa-tags"
    key = "known-product"
    fields = [
        StringField("sku", label="SKU"),
        StringField("name"),
        one_of("state", OfferState),
        amount_of("price_amount", "Price"),
        IntegerField("available"),
        IntegerField("product_version", label="Product version"),
        IntegerField("price_version", label="Price version"),
        IntegerField("stock_version", label="Stock version"),
    ]
    searchable_fields = ["sku", "name", "state", "available"]
    sortable_fields = ["sku", "name", "price_amount", "available"]
    view_permission = VIEW


VIEWS: dict[type[AdminView], type[Base]] = {
    OrderView: Order,
    PaymentView: PaymentRow,
    CheckoutView: Checkout,
    KnownProductView: KnownProduct,
}


def create_orders_admin(service: Service) -> ASGIApp:
    """The admin under /admin/shop/."""
    views = [view(model) for view, model in VIEWS.items()]
    return create_admin(service, [*views, *bus_views(service)], title="Orders")
