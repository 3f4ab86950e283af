"""The cart as JSON."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Header, Response

from shared.http.api import kept_answer
from shared.http.deps import KeyedDep, ServiceDep, WorkDep
from shared.http.etags import check_if_match, etag_of
from shared.idempotency import Answer
from shop_service.api.deps import Sku, Visit, VisitDep
from shop_service.api.schemas import CartOut, ItemIn, QuantityIn
from shop_service.domain.cart import Cart
from shop_service.usecases import carts

router = APIRouter(prefix="/v1/cart", tags=["cart"])


IfMatch = Annotated[str | None, Header(description="The ETag of the cart that you saw.")]


@router.get("")
def read_cart(service: ServiceDep, visit: VisitDep, response: Response) -> CartOut:
    """Read the cart at the prices of this moment.

    A guest cart moves into the user's cart when a signed-in request still carries its token.
    """
    return _answered(visit, response, carts.look_into_cart(service.transactions, visit.shopper))


@router.post("/items", status_code=201, response_model=CartOut)
def add_item(
    body: ItemIn, work: WorkDep, visit: VisitDep, keyed: KeyedDep, if_match: IfMatch = None
) -> Response:
    """Put so many more of a product into the cart; answers the whole cart.

    A guest without a cart gets one: its token comes as cookie, in `X-Cart-Token` and in `token`.
    """
    shopper, fresh = carts.shopper_for_writing(work, visit.caller.user_id, visit.token)
    seen = partial(check_if_match, if_match)
    cart = Cart()

    def act() -> CartOut:
        nonlocal cart
        cart = carts.add_to_cart(work, shopper, body.sku, body.quantity, seen=seen)
        return CartOut.of(cart, fresh)

    # A fresh token cannot be repeated, and must not be stored with the answer.
    if fresh:
        answer = kept_answer(Answer(201, act().model_dump_json()))
    else:
        answer = keyed.once(work, shopper.name, act)
    answer.headers["etag"] = etag_of(cart.version)
    visit.mark(answer, cart.count, fresh)
    return answer


@router.patch("/items/{sku}")
def change_item(
    sku: Sku,
    body: QuantityIn,
    work: WorkDep,
    visit: VisitDep,
    response: Response,
    if_match: IfMatch = None,
) -> CartOut:
    """Have exactly so many of a product; answers the whole cart."""
    seen = partial(check_if_match, if_match)
    cart = carts.change_quantity(work, visit.shopper, sku, body.quantity, seen=seen)
    return _answered(visit, response, cart)


@router.delete("/items/{sku}")
def remove_item(
    sku: Sku, work: WorkDep, visit: VisitDep, response: Response, if_match: IfMatch = None
) -> CartOut:
    """Take a product out of the cart; answers the whole cart."""
    seen = partial(check_if_match, if_match)
    return _answered(visit, response, carts.remove_from_cart(work, visit.shopper, sku, seen=seen))


def _answered(visit: Visit, response: Response, cart: Cart) -> CartOut:
    response.headers["etag"] = etag_of(cart.version)
    response.headers["cache-control"] = "private, no-store"
    visit.mark(response, cart.count)
    return CartOut.of(cart)
