"""What the first page of the shop shows."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from pydantic import Field

from gateway.views.answers import Money, Part, View
from gateway.views.parts import Parts, PartsDep

router = APIRouter()
PRODUCTS = 12


class Category(Part):
    """A category and what is below it."""

    slug: str
    name: str
    image_url: str | None
    children: list[Category]


class Categories(Part):
    """The tree as the catalog tells it."""

    items: list[Category]


class Product(Part):
    """A product as a list shows it."""

    slug: str
    sku: str
    name: str
    summary: str
    price: Money
    available: int
    image_url: str | None


class Products(Part):
    """A list as the catalog tells it."""

    items: list[Product]


class Cart(Part):
    """How full the cart is."""

    count: int
    total: Money | None


class HomeView(View):
    """Categories, first products, and the cart in two numbers."""

    categories: list[Category] | None
    products: list[Product] | None
    cart: Cart | None = Field(description="Null when it could not be asked.")


@router.get("/home")
async def read_home(parts: PartsDep) -> HomeView:
    """One call for the first page. Each part may be missing."""
    categories, products, cart = await asyncio.gather(
        parts.part("categories", "catalog", "/v1/categories", Categories),
        parts.part("products", "catalog", f"/v1/products?limit={PRODUCTS}", Products),
        _cart(parts),
    )
    return HomeView(
        categories=categories and categories.items,
        products=products and products.items,
        cart=cart,
        missing=parts.missing,
    )


async def _cart(parts: Parts) -> Cart | None:
    if not parts.has_cart:
        return Cart(count=0, total=None)
    return await parts.part("cart", "shop", "/v1/cart", Cart)
