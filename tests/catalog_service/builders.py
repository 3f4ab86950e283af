"""Things that tests need to be there: short to ask for, typed."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select

from catalog_service.db.models import Category
from catalog_service.db.stock import shelf_of
from catalog_service.db.stock_models import Hold
from catalog_service.domain.stock import Shelf
from catalog_service.events.consumed import OrderCancelled, OrderLine, OrderPaid, OrderPlaced
from catalog_service.usecases.entering import NewProduct, enter_many
from catalog_service.usecases.holds import expire_holds
from shared.identity import Principal
from shared.money import Money
from shared.service import Service
from shared.testing import bearer, sent_by
from shared.work import Work

EUR = "EUR"
STAFF = Principal(user_id=uuid4(), name="Stef Staff", email="stef@quintet.example", staff=True)


def a_category(work: Work, slug: str = "kitchen", *, parent: Category | None = None) -> Category:
    found = work.session.scalars(select(Category).where(Category.slug == slug)).first()
    if found:
        return found
    category = Category(
        slug=slug,
        name=slug.replace("-", " ").title(),
        path=f"{parent.path if parent else ''}{slug}/",
        parent_id=parent.id if parent else None,
    )
    work.session.add(category)
    work.session.flush()
    return category


def a_product(
    work: Work, sku: str = "MUG", *, on_hand: int = 0, price: int = 1250, **said: Any
) -> str:
    """A product on sale, in the kitchen unless `category` says otherwise; returns its SKU."""
    category = said.pop("category", None) or a_category(work)
    said.setdefault("name", sku.title())
    new = NewProduct(sku=sku, price=Money(price, EUR), on_hand=on_hand, **said)
    return enter_many(work, [(new, category)], by="tests")[0]


def products(service: Service, **on_hand: int) -> None:
    """Products with so many on hand: products(service, MUG=3, PEN=1)."""
    with service.transactions.begin() as work:
        for sku, quantity in on_hand.items():
            a_product(work, sku, on_hand=quantity)


def placed(order_id: UUID, **wanted: int) -> OrderPlaced:
    lines = [OrderLine(sku=sku, quantity=quantity) for sku, quantity in wanted.items()]
    return OrderPlaced(order_id=order_id, version=1, lines=lines)


def paid(order_id: UUID) -> OrderPaid:
    return OrderPaid(order_id=order_id, version=2)


def cancelled(order_id: UUID) -> OrderCancelled:
    return OrderCancelled(order_id=order_id, version=3)


def shelf(service: Service, sku: str = "MUG") -> tuple[int, int]:
    """On hand and held."""
    with service.transactions.read() as work:
        found: Shelf = shelf_of(work, sku)
    return found.on_hand, found.held


def hold_state(service: Service, order_id: UUID) -> tuple[str, str]:
    """State and reason of an order's hold."""
    with service.transactions.read() as work:
        hold = work.session.get(Hold, order_id)
        return (hold.state, hold.reason) if hold else ("", "")


def staff(service: Service, *nouns: str) -> dict[str, str]:
    return bearer(service, permissions=[f"catalog.change_{noun}" for noun in nouns])


def answers_to(service: Service, order_id: UUID) -> list[tuple[str, dict[str, Any]]]:
    return [(e.type, e.data) for e in sent_by(service) if e.subject == str(order_id)]


def types_for(service: Service, order_id: UUID) -> list[str]:
    return [type_.split(".")[2] for type_, _ in answers_to(service, order_id)]


def sweep(service: Service) -> int:
    with service.transactions.begin() as work:
        return expire_holds(work)
