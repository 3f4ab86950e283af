"""Orders as JSON: place them, follow them, act on them."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Response
from starlette.concurrency import run_in_threadpool

from shared.http.api import Replayed, kept_answer
from shared.http.deps import Keyed, KeyedDep, ReadDep, ServiceDep, WorkDep
from shared.http.paging import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    Page,
    decode_cursor,
    encode_cursor,
    page_of,
)
from shared.http.waiting import preferred_wait, until
from shared.identity import SignInNeeded
from shared.money import Money
from shared.service import Service
from shop_service.api.deps import Number, TillDep, Visit, VisitDep
from shop_service.api.schemas import OrderIn, OrderOut, OrderSummaryOut
from shop_service.db import orders as finders
from shop_service.domain.errors import CartEmpty
from shop_service.usecases import orders
from shop_service.usecases.payments import Till

router = APIRouter(prefix="/v1/orders", tags=["orders"])
HERE = "/api/shop/v1/orders"


@router.post("", status_code=202, response_model=OrderOut, responses={201: {"model": OrderOut}})
async def place_order(
    body: OrderIn,
    service: ServiceDep,
    till: TillDep,
    visit: VisitDep,
    keyed: KeyedDep,
    prefer: Annotated[str | None, Header(description="`wait=5`: wait for the outcome.")] = None,
) -> Response:
    """Order what is in the cart. Needs an `Idempotency-Key`.

    202: the order is placed, and its outcome follows (see `Location`, or its `/events`).
    201: the outcome is known already, confirmed or cancelled; ask for it with `Prefer: wait=5`.
    """
    keyed.must_have_key()
    keyed = _without_card_digest(keyed, service)
    answer = await run_in_threadpool(_place, service, till, visit, keyed, body)
    seconds = preferred_wait(prefer)
    if seconds:
        answer = await _waited(service, answer, seconds)
    visit.mark(answer, 0)
    return answer


@router.get("")
def list_orders(
    work: ReadDep, visit: VisitDep, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[OrderSummaryOut]:
    """The caller's own orders, newest first."""
    if not visit.shopper.known:
        raise SignInNeeded("Sign in to see your orders.")
    after = decode_cursor(cursor, str)
    before = _uuid(after[0]) if after else None
    rows = finders.orders_of(work, visit.shopper, before=before, limit=limit)
    kept, further = page_of(rows, limit, lambda order: encode_cursor(str(order.id)))
    items = [OrderSummaryOut.model_validate(order) for order in kept]
    return Page(items=items, next=further)


@router.get("/{number}")
def read_order(number: Number, work: ReadDep, visit: VisitDep) -> OrderOut:
    """One order: for the user or the guest (cart token) who placed it."""
    shopper = visit.shopper_unless_staff("shop.view_order")
    return OrderOut.of(finders.order_by_number(work, number, shopper))


@router.post("/{number}/cancel", response_model=OrderOut)
def cancel_order(number: Number, work: WorkDep, visit: VisitDep, keyed: KeyedDep) -> Response:
    """Call an order off, as long as its payment is not promised yet."""
    shopper = visit.shopper_unless_staff("shop.cancel_order")
    order = finders.order_by_number(work, number, shopper)
    as_staff = not finders.is_placed_by(order, visit.shopper)

    def act() -> OrderOut:
        return OrderOut.of(orders.cancel_order(work, order.id, visit.caller, as_staff=as_staff))

    return keyed.once(work, visit.shopper.name, act, status=200)


def _place(service: Service, till: Till, visit: Visit, keyed: Keyed, body: OrderIn) -> Response:
    """One transaction, ended before anybody waits for anything."""
    if not visit.shopper.known:
        raise CartEmpty
    wish = _wish(visit, body)
    try:
        with service.transactions.begin() as work:
            return keyed.once(
                work,
                visit.shopper.name,
                lambda: OrderOut.of(orders.place_order(work, wish, till)),
                status=202,
                location=lambda made: f"{HERE}/{made.number}",
            )
    except Replayed as again:
        return kept_answer(again.answer)


def _wish(visit: Visit, body: OrderIn) -> orders.OrderWish:
    address = body.shipping_address.model_dump(exclude_none=True)
    total = body.expected_total
    return orders.OrderWish(
        shopper=visit.shopper,
        email=body.email or visit.caller.email,
        name=body.name or visit.caller.name or body.shipping_address.name,
        shipping_address=address,
        card_number=body.payment.card.get_secret_value(),
        expected_total=Money(total.amount, total.currency) if total else None,
    )


async def _waited(service: Service, answer: Response, seconds: float) -> Response:
    """The outcome as 201, if it is known within `seconds`; else how far the order has come."""
    number = answer.headers["location"].rpartition("/")[2]

    def look() -> OrderOut | None:
        with service.transactions.read() as work:
            order_id = finders.final_order(work, number)
            return OrderOut.of(finders.order_by_id(work, order_id)) if order_id else None

    known = "idempotency-replayed" in answer.headers  # else it was placed a moment ago
    news = service.transactions.news
    final = await until(look, seconds=seconds, news=news, of=number, at_once=known)
    if final is not None:
        kept = dict(answer.headers)
        headers = {name: kept[name] for name in kept if name.startswith(("location", "idem"))}
        answer = Response(final.model_dump_json(), 201, headers, media_type="application/json")
    answer.headers["preference-applied"] = f"wait={int(seconds)}"
    return answer


def _without_card_digest(keyed: Keyed, service: Service) -> Keyed:
    """The body's digest covers a card number, which has few digits: seal it with our secret."""
    secret = service.settings.secret_key.get_secret_value().encode()
    sealed = hmac.new(secret, keyed.fingerprint.encode(), hashlib.sha256).hexdigest()
    return replace(keyed, fingerprint=sealed)


def _uuid(text: str) -> UUID:
    from shared.http.paging import CursorInvalid

    try:
        return UUID(text)
    except ValueError:
        raise CursorInvalid("The cursor is not one that we handed out.") from None
