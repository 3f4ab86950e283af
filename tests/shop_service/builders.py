"""What the shop's tests are built from: products, orders, and the catalog's answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from httpx2 import Response
from sqlalchemy import select, text, update
from starlette.testclient import TestClient

from shared import clock
from shared.events import Event
from shared.ids import new_id
from shared.money import Money
from shared.service import Service
from shared.testing import bearer, sent_by, tell
from shared.work import Work
from shop_service.app import create_till
from shop_service.db.models import Checkout, Order, PaymentRow, ProviderCharge
from shop_service.domain.shoppers import Shopper
from shop_service.events import consumed
from shop_service.settings import Settings
from shop_service.usecases import payments
from shop_service.usecases.carts import add_to_cart, shopper_for_writing
from shop_service.usecases.known_products import ProductNews, learn_product
from shop_service.usecases.orders import OrderWish, place_order
from shop_service.usecases.payments import Till
from shop_service.usecases.reconcile import find_wrongs

GOOD = "4242 4242 4242 4242"
DECLINED = "4000 0000 0000 0002"
POOR = "4000 0000 0000 9995"
SILENT = "4000 0000 0000 4087"
LATE = "4000 0000 0000 2024"
ADDRESS = {
    "name": "Ada Lovelace",
    "line1": "12 St James's Square",
    "city": "London",
    "postal_code": "SW1Y 4JH",
    "country": "GB",
}


def a_product(service: Service, sku: str, *, price: int = 1250, available: int = 10) -> None:
    """A product that the shop has heard of."""
    news = ProductNews(
        sku=sku,
        version=1,
        slug=f"{sku}-slug",
        name=sku.title(),
        image_url=f"/media/catalog/{sku}.svg",
        price=Money(price, "EUR"),
        available=available,
    )
    with service.transactions.begin() as work:
        learn_product(work, news)


def an_order_body(card: str = GOOD, /, **more: Any) -> dict[str, Any]:
    """What a client sends to order."""
    payment = {"method": "test", "card": card}
    body = {"email": "ada@example.com", "shipping_address": ADDRESS, "payment": payment}
    return body | more


def till_of(service: Service) -> Till:
    """The till that the service would use."""
    assert isinstance(service.settings, Settings)
    return create_till(service, service.settings)


def a_placed_order(service: Service, card: str = GOOD, /, **lines: int) -> UUID:
    """A guest orders something (a mug, unless told otherwise)."""
    with service.transactions.begin() as work:
        shopper, _ = shopper_for_writing(work, None, None)
        for sku, quantity in (lines or {"mug": 1}).items():
            add_to_cart(work, shopper, sku, quantity)
        wish = OrderWish(shopper, "ada@example.com", "Ada", dict(ADDRESS), card)
        return place_order(work, wish, till_of(service)).id


def a_shopper(service: Service, *, user_id: UUID | None = None, **lines: int) -> Shopper:
    """Somebody with things in the cart."""
    with service.transactions.begin() as work:
        shopper, _ = shopper_for_writing(work, user_id, None)
        for sku, quantity in lines.items():
            add_to_cart(work, shopper, sku, quantity)
    return shopper


def a_guest_token(service: Service, **lines: int) -> str:
    """The token of a guest with things in the cart."""
    with service.transactions.begin() as work:
        shopper, token = shopper_for_writing(work, None, None)
        for sku, quantity in lines.items():
            add_to_cart(work, shopper, sku, quantity)
    assert token is not None
    return token


def only_order(service: Service) -> UUID:
    """The one order there is."""
    with service.transactions.read() as work:
        return work.session.scalars(select(Order.id)).one()


def count_of(service: Service, table: str) -> int:
    """How many rows a table has."""
    with service.transactions.read() as work:
        return work.session.scalar(text(f"SELECT count(*) FROM {table}")) or 0


def make_due(work: Work, order_id: UUID) -> None:
    """End whatever lease its checkout is under."""
    due = update(Checkout).where(Checkout.order_id == order_id, Checkout.step != "done")
    work.session.execute(due.values(due_at=clock.now()))


def hold(service: Service, order_id: UUID, *, id: str = "") -> str:
    """The catalog sets the goods aside."""
    return tell(service, consumed.StockHeld(order_id=order_id, version=1), id=id)


def refuse(service: Service, order_id: UUID) -> None:
    """The catalog has too few."""
    tell(service, consumed.StockRefused(order_id=order_id, version=1, reason="The mug is gone."))


def release(service: Service, order_id: UUID, reason: str) -> None:
    """The catalog frees the goods."""
    tell(service, consumed.StockReleased(order_id=order_id, version=2, reason=reason))


def commit(service: Service, order_id: UUID) -> None:
    """The catalog takes the goods off the shelf."""
    tell(service, consumed.StockCommitted(order_id=order_id, version=2))


def pay(service: Service) -> int:
    """Let the payment job do all that is due."""
    done = 0
    while ran := payments.run_errands(service.transactions, till_of(service)):
        done += ran
    return done


def a_confirmed_order(service: Service, **lines: int) -> UUID:
    """An order that went all the way."""
    order_id = a_placed_order(service, GOOD, **lines)
    hold(service, order_id)
    pay(service)
    return order_id


@dataclass(frozen=True, slots=True)
class Seen:
    """An order and its money, as the database has them."""

    status: str
    payment: str
    fulfilment: str
    code: str
    step: str
    captured: int
    refunded: int
    version: int
    books: str  # what the provider thinks

    @property
    def axes(self) -> tuple[str, str, str]:
        """The three axes."""
        return self.status, self.payment, self.fulfilment


def look_at(service: Service, order_id: UUID) -> Seen:
    """How an order stands now."""
    with service.transactions.read() as work:
        row = work.session.execute(
            select(Order, Checkout.step, PaymentRow.captured_amount, PaymentRow.refunded_amount)
            .join(Checkout, Checkout.order_id == Order.id)
            .join(PaymentRow, PaymentRow.order_id == Order.id)
            .where(Order.id == order_id)
        ).one()
        charge = work.session.get(ProviderCharge, str(order_id))
        order = row.Order
        return Seen(
            order.status,
            order.payment_status,
            order.fulfilment_status,
            order.code,
            row.step,
            row.captured_amount,
            row.refunded_amount,
            order.version,
            charge.state if charge else "",
        )


def number_of(service: Service, order_id: UUID) -> str:
    """The number of an order."""
    with service.transactions.read() as work:
        return work.session.scalars(select(Order.number).where(Order.id == order_id)).one()


def wrongs(service: Service) -> list[str]:
    """What `reconcile` would list."""
    return find_wrongs(service.transactions, till_of(service).provider)


def types_sent(service: Service) -> list[str]:
    """The types of all that the shop has said, without its name."""
    return [each.type.removeprefix("shop.") for each in sent_by(service)]


@dataclass
class Shop:
    """A client of the shop's API, and the world around it."""

    service: Service
    client: TestClient
    headers: dict[str, str] = field(default_factory=dict)

    def as_user(self, user_id: UUID | None = None, **claims: Any) -> Shop:
        """The same shop, for a signed-in caller."""
        who = bearer(self.service, user_id=user_id or new_id(), **claims)
        return Shop(self.service, self.client, who)

    def twin(self) -> Shop:
        """The same caller at the same shop, on a connection of its own."""
        twin = TestClient(self.client.app, base_url=str(self.client.base_url))
        twin.cookies.update(dict(self.client.cookies))
        return Shop(self.service, twin, self.headers)

    def call(self, method: str, path: str, **more: Any) -> Response:
        """Call the API, below its prefix."""
        headers = {**self.headers, **more.pop("headers", {})}
        return self.client.request(method, f"/api/shop/v1{path}", headers=headers, **more)

    def add(self, sku: str = "mug", quantity: int = 1, **more: Any) -> Response:
        """Put something into the cart."""
        body = {"sku": sku, "quantity": quantity}
        return self.call("POST", "/cart/items", json=body, **more)

    def order(
        self, body: dict[str, Any] | None = None, *, key: str = "", **headers: str
    ) -> Response:
        """Order what is in the cart."""
        sent = {"idempotency-key": key or str(new_id()), **headers}
        return self.call("POST", "/orders", json=body or an_order_body(), headers=sent)

    def tell(self, event: Event) -> None:
        """Let the shop hear something."""
        tell(self.service, event)
