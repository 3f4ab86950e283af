"""Change what products cost, and keep what they cost before."""

from __future__ import annotations

from catalog_service.db.models import PriceChange, Product
from catalog_service.db.products import lock_product, price_history
from catalog_service.domain.pricing import check_price, price_before
from catalog_service.domain.products import ProductState
from catalog_service.events.published import PriceChanged
from catalog_service.usecases.products import save_change
from shared import clock
from shared.identity import Principal
from shared.money import Money
from shared.work import Work


def change_price(work: Work, sku: str, price: Money, *, by: Principal) -> Product:
    """Set the base price. A reduction remembers the former price that must be shown beside it."""
    product = lock_product(work, sku)
    check_price(price)
    previous = product.price
    if price == previous:
        return product
    before = price_before(price_history(work, sku), clock.now(), price)
    product.was_amount = before.amount if before else None
    product.price_amount, product.price_currency = price.amount, price.currency
    work.session.add(_entry(sku, price, by))
    save_change(work, product)
    if product.state == ProductState.PUBLISHED:
        work.publish(PriceChanged(sku=sku, version=product.version, price=price, previous=previous))
    return product


def _entry(sku: str, price: Money, by: Principal) -> PriceChange:
    return PriceChange(
        sku=sku,
        amount=price.amount,
        currency=price.currency,
        changed_at=clock.now(),
        changed_by=by.email,
    )
