"""A product with the way to it, and whether it lies in the caller's cart."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

from fastapi import APIRouter
from pydantic import Field

from gateway.views.answers import NOT_FOUND, Money, Part, View
from gateway.views.parts import Parts, PartsDep

router = APIRouter()


class Place(Part):
    """A category, by name."""

    slug: str
    name: str


class Picture(Part):
    """A picture of the product."""

    url: str
    alt: str
    width: int
    height: int


class Product(Part):
    """All that a page of the product shows."""

    slug: str
    sku: str
    name: str
    summary: str
    description: str
    price: Money
    was: Money | None
    available: int
    images: list[Picture]
    attributes: dict[str, str]
    category: Place


class CategoryPage(Part):
    """A category as the catalog tells it."""

    trail: list[Place]


class CartLine(Part):
    """A line of the cart."""

    sku: str
    quantity: int


class Cart(Part):
    """The cart as the shop tells it."""

    lines: list[CartLine]


class ProductView(View):
    """A product, where it is found, and how many of it the caller has chosen already."""

    product: Product
    available: bool = Field(description="Whether it can be bought now.")
    trail: list[Place] | None = Field(description="From the root to its category.")
    in_cart: int | None = Field(description="How many; null when the cart could not be asked.")


@router.get("/products/{slug}", responses={404: NOT_FOUND})
async def read_product(slug: str, parts: PartsDep) -> ProductView:
    """One call for the page of a product."""
    (product, trail), cart = await asyncio.gather(_product(parts, slug), _cart(parts))
    in_cart = None
    if cart is not None:
        in_cart = sum(line.quantity for line in cart.lines if line.sku == product.sku)
    return ProductView(
        product=product,
        available=product.available > 0,
        trail=trail,
        in_cart=in_cart,
        missing=parts.missing,
    )


async def _product(parts: Parts, slug: str) -> tuple[Product, list[Place] | None]:
    """The product, and then its trail at once: a cart that takes long must not cost us that."""
    path = f"/v1/products/{quote(slug, safe='')}"
    product = await parts.main("catalog", path, Product)
    path = f"/v1/categories/{quote(product.category.slug, safe='')}"
    category = await parts.part("trail", "catalog", path, CategoryPage)
    return product, category.trail if category else None


async def _cart(parts: Parts) -> Cart | None:
    """The caller's cart; an empty one for callers who bring nothing that it could belong to."""
    if not parts.has_cart:
        return Cart(lines=[])
    return await parts.part("in_cart", "shop", "/v1/cart", Cart)
