"""Products, for staff: enter them, change them, put them on sale and take them off."""

from __future__ import annotations

from fastapi import APIRouter, Response

from catalog_service.api.answers import address_of, product_out
from catalog_service.api.deps import (
    IfMatch,
    MayChangePrice,
    MayChangeProduct,
    must_have_seen,
)
from catalog_service.api.schemas import MoneyIn, ProductIn, ProductOut, ProductPatch
from catalog_service.usecases import prices, products
from shared.http.deps import KeyedDep, WorkDep

router = APIRouter(prefix="/v1/products", tags=["products, for staff"])


@router.post("", status_code=201, response_model=ProductOut)
def create_product(
    work: WorkDep, keyed: KeyedDep, caller: MayChangeProduct, new: ProductIn
) -> Response:
    """Enter a product as a draft. Needs `catalog.change_product`."""

    def act() -> ProductOut:
        made = products.create_product(work, new.product(), new.category, by=caller)
        return product_out(work, made)

    return keyed.once(work, str(caller.id), act, location=address_of)


@router.patch("/{sku}", response_model=ProductOut)
def edit_product(
    work: WorkDep, caller: MayChangeProduct, sku: str, patch: ProductPatch, if_match: IfMatch = None
) -> ProductOut:
    """Change what is said of a product. Needs `catalog.change_product`."""
    must_have_seen(work, sku, if_match)
    changes = patch.model_dump(exclude_unset=True)
    return product_out(work, products.edit_product(work, sku, changes))


@router.put("/{sku}/price", response_model=ProductOut)
def change_price(
    work: WorkDep, caller: MayChangePrice, sku: str, price: MoneyIn, if_match: IfMatch = None
) -> ProductOut:
    """Set the price; the former ones are kept. Needs `catalog.change_price`."""
    must_have_seen(work, sku, if_match)
    return product_out(work, prices.change_price(work, sku, price.money, by=caller))


@router.post("/{sku}/publish", response_model=ProductOut)
def publish_product(work: WorkDep, keyed: KeyedDep, caller: MayChangeProduct, sku: str) -> Response:
    """Put a product on sale. Needs `catalog.change_product`."""

    def act() -> ProductOut:
        return product_out(work, products.publish_product(work, sku))

    return keyed.once(work, str(caller.id), act, status=200)


@router.post("/{sku}/withdraw", response_model=ProductOut)
def withdraw_product(
    work: WorkDep, keyed: KeyedDep, caller: MayChangeProduct, sku: str
) -> Response:
    """Take a product off sale. Needs `catalog.change_product`."""

    def act() -> ProductOut:
        return product_out(work, products.withdraw_product(work, sku))

    return keyed.once(work, str(caller.id), act, status=200)
