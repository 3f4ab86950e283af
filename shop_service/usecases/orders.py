"""Place orders, and what people do with them afterwards: cancel, ship, refund."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, exists, select, update

from shared import clock
from shared.database import database_now
from shared.identity import Principal
from shared.ids import new_id
from shared.money import Money
from shared.work import Work
from shop_service.db.carts import CARTS, cart_by_id, open_cart_of
from shop_service.db.models import Checkout, Order, OrderLine, PaymentRow, TimelineEntry
from shop_service.db.orders import order_by_id
from shop_service.db.writing import changed
from shop_service.domain.cart import Cart as CartView
from shop_service.domain.checkout import Code, Step
from shop_service.domain.errors import CartChanged, CartEmpty, EmailMissing, MoveNotPossible
from shop_service.domain.numbers import new_number
from shop_service.domain.order import PLACED, WHY_NOT, Move, after
from shop_service.domain.shoppers import Shopper
from shop_service.events.published import OrderPlaced, OrderShipped, WantedLine
from shop_service.providers.payment import Card
from shop_service.usecases.carts import bring_guest_cart
from shop_service.usecases.checkout import cancel
from shop_service.usecases.moves import (
    ORDERS,
    advance,
    fresh_order,
    move_order,
    state_of,
    story,
)
from shop_service.usecases.payments import Till

SHOPPER = "shopper"
CLOSE = update(CARTS).where(
    CARTS.c.id == bindparam("of_cart"),
    CARTS.c.state == "open",
    CARTS.c.version == bindparam("of_version"),
)
IS_USED = select(exists().where(ORDERS.c.number == bindparam("of_number")))


@dataclass(frozen=True, slots=True)
class OrderWish:
    """What somebody says when they order. Prices are not among it: those are ours to know."""

    shopper: Shopper
    email: str
    name: str
    shipping_address: dict[str, Any]
    card_number: str
    expected_total: Money | None = None

    def __repr__(self) -> str:
        return "OrderWish(…)"  # it holds a card number: keep it out of logs and traces


def place_order(work: Work, wish: OrderWish, till: Till) -> Order:
    """Turn the cart into an order: all of it in one transaction, at the prices of this moment."""
    if not wish.email:
        raise EmailMissing
    card = till.provider.tokenise(wish.card_number)
    bring_guest_cart(work, wish.shopper)
    found = open_cart_of(work, wish.shopper)
    if found is None:
        raise CartEmpty
    cart_id, version = found
    cart = cart_by_id(work, cart_id, version)
    cart.must_be_orderable(wish.expected_total)
    _close_cart(work, cart_id, version)
    now = database_now(work.session)
    order = _order_row(work, wish, cart_id, cart, now)
    order.lines = _line_rows(cart)
    order.payment = _payment_row(cart.total, card, till.provider.name, now)
    order.checkout = Checkout(
        step=Step.AWAITING_STOCK,
        due_at=now + till.pace.stock,
        deadline=now + till.pace.stock,
        attempts=0,
        started_at=now,
        **story(),
    )
    entry = TimelineEntry(seq=1, at=now, what="place", actor=SHOPPER)
    entry.text = "We have your order."
    order.timeline = [entry]
    work.session.add(order)
    work.session.flush()
    work.publish(_placed(order))
    return order


def cancel_order(work: Work, order_id: UUID, by: Principal, *, as_staff: bool = False) -> Order:
    """Call an order off, as long as its payment is not promised."""
    code = Code.BY_STAFF if as_staff else Code.BY_SHOPPER
    if not cancel(work, order_id, code, actor=actor_of(by, as_staff)):
        state = state_of(fresh_order(work, order_id))
        after(state, Move.CANCEL)  # says why not, unless only its payment is too far gone
        raise MoveNotPossible(f"{WHY_NOT[Move.CANCEL]} Its payment is on its way.")
    return order_by_id(work, order_id)


def ship_order(work: Work, order_id: UUID, by: Principal) -> Order:
    """Note that the goods were sent."""
    _keep_still(work, order_id, Move.SHIP)
    order = move_order(
        work, order_id, Move.SHIP, "Your order is on its way.", actor=actor_of(by, True)
    )
    work.publish(
        OrderShipped(
            order_id=order.id,
            version=order.version,
            number=order.number,
            user_id=order.user_id,
            email=order.email,
            name=order.name,
        )
    )
    return order_by_id(work, order_id)


def refund_order(work: Work, order_id: UUID, by: Principal) -> Order:
    """Have the whole amount sent back; the provider is asked after this is committed."""
    _keep_still(work, order_id, Move.REFUND)
    after(state_of(fresh_order(work, order_id)), Move.REFUND)
    advance(work, order_id, Step.REFUNDING, when=[Step.DONE], attempts=0, ends_order=False)
    move_order(
        work, order_id, Move.ASK_REFUND, "We are sending your money back.", actor=actor_of(by, True)
    )
    return order_by_id(work, order_id)


def actor_of(caller: Principal, as_staff: bool) -> str:
    """Who did it, as the timeline says it."""
    return f"staff:{caller.user_id}" if as_staff else SHOPPER


def _keep_still(work: Work, order_id: UUID, move: Move) -> None:
    """Let nothing else move the order until we commit; refuse while its checkout is under way."""
    if not advance(work, order_id, Step.DONE, when=[Step.DONE]):
        raise MoveNotPossible(f"{WHY_NOT[move]} Its payment is being worked on.")


def _close_cart(work: Work, cart_id: UUID, version: int) -> None:
    values = {"state": "ordered", "version": version + 1, "updated_at": clock.now()}
    if not changed(work, CLOSE, of_cart=cart_id, of_version=version, **values):
        raise CartChanged


def _order_row(work: Work, wish: OrderWish, cart_id: UUID, cart: CartView, now: datetime) -> Order:
    return Order(
        id=new_id(),
        number=_unused_number(work),
        cart_id=cart_id,
        user_id=wish.shopper.user_id,
        guest_key_hash=None if wish.shopper.user_id else wish.shopper.guest,
        email=wish.email,
        name=wish.name,
        shipping_address=wish.shipping_address,
        currency=cart.currency,
        total_amount=cart.total.amount,
        status=PLACED.status,
        payment_status=PLACED.payment,
        fulfilment_status=PLACED.fulfilment,
        version=1,
        placed_at=now,
        updated_at=now,
    )


def _unused_number(work: Work) -> str:
    while work.session.scalar(IS_USED, {"of_number": (number := new_number())}):
        pass
    return number


def _line_rows(cart: CartView) -> list[OrderLine]:
    return [
        OrderLine(
            position=position,
            sku=line.offer.sku,
            name=line.offer.name,
            slug=line.offer.slug,
            image_url=line.offer.image_url,
            unit_amount=line.offer.price.amount,
            total_amount=line.total.amount,
            currency=cart.currency,
            quantity=line.quantity,
        )
        for position, line in enumerate(cart.lines, start=1)
    ]


def _payment_row(amount: Money, card: Card, provider: str, now: datetime) -> PaymentRow:
    return PaymentRow(
        provider=provider,
        token=card.token,
        brand=card.brand,
        last4=card.last4,
        currency=amount.currency,
        amount=amount.amount,
        updated_at=now,
    )


def _placed(order: Order) -> OrderPlaced:
    return OrderPlaced(
        order_id=order.id,
        version=order.version,
        number=order.number,
        user_id=order.user_id,
        lines=[WantedLine(sku=line.sku, quantity=line.quantity) for line in order.lines],
        total=order.total,
        placed_at=order.placed_at,
    )
