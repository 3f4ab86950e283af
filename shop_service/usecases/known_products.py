"""Learn what the catalog offers. Old news never replaces newer, in whatever order it arrives."""

from __future__ import annotations

from dataclasses import dataclass

from shared.money import Money
from shared.work import Work
from shop_service.db.known_products import (
    make_known,
    write_first_stock,
    write_price,
    write_product,
    write_stock,
)
from shop_service.domain.cart import OfferState


@dataclass(frozen=True, slots=True)
class ProductNews:
    """The full state of a product at one version."""

    sku: str
    version: int
    slug: str
    name: str
    image_url: str
    price: Money
    available: int


def learn_product(work: Work, news: ProductNews) -> None:
    """The product is for sale, and this is what it is."""
    make_known(work, news.sku)
    fresh = write_product(
        work,
        news.sku,
        news.version,
        state=OfferState.LISTED,
        slug=news.slug,
        name=news.name,
        image_url=news.image_url,
    )
    write_price(work, news.sku, news.version, news.price)
    if fresh:
        write_first_stock(work, news.sku, news.available)


def learn_withdrawal(work: Work, sku: str, version: int) -> None:
    """The product is no longer for sale; carts and orders that name it keep its name."""
    make_known(work, sku)
    write_product(work, sku, version, state=OfferState.WITHDRAWN)


def learn_price(work: Work, sku: str, version: int, price: Money) -> None:
    """The product costs this now."""
    make_known(work, sku)
    write_price(work, sku, version, price)


def learn_stock(work: Work, sku: str, version: int, available: int) -> None:
    """So many can still be bought."""
    make_known(work, sku)
    write_stock(work, sku, version, available)
