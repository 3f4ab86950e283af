"""The till: contact, address, card, and one order however often the button is pressed."""

from __future__ import annotations

from flask import Blueprint, Response, flash, render_template

from shared.errors import Refusal
from shared.http.forms import form_of
from shared.http.pages import begin, current_service, read, visitor
from shared.idempotency import Answer, KeyedRequest, claim, keep
from shared.ids import new_id
from shared.money import Money
from shop_service.db.models import KeyRow
from shop_service.db.orders import last_address_of
from shop_service.domain.cart import Cart
from shop_service.domain.shoppers import Shopper
from shop_service.pages.forms import ADDRESS, CheckoutForm
from shop_service.pages.visit import current_shopper, current_till, go_to, with_count
from shop_service.usecases.carts import look_into_cart
from shop_service.usecases.orders import OrderWish, place_order

checkout = Blueprint("checkout", __name__)

SAME = "checkout page"  # the key alone says which order it is


@checkout.route("/checkout", methods=["GET", "POST"])
def checkout_page() -> Response:
    """Ask for what an order needs, and place it."""
    shopper = current_shopper()
    form = form_of(CheckoutForm, **_what_we_know(shopper))
    if form.validate_on_submit():
        try:
            return with_count(go_to(_order_once(shopper, form)), 0)
        except Refusal as refusal:
            form.explain(refusal)
    cart = look_into_cart(current_service().transactions, shopper)
    if not cart.lines:
        return go_to("/cart")
    if not cart.ready:
        flash("Something in your cart cannot be bought as it is. Please look at it again.", "error")
        return go_to("/cart")
    form.expected.data = _written(cart)
    page = render_template("shop/checkout.html", form=form, cart=cart)
    return with_count(page, cart.count)


def _order_once(shopper: Shopper, form: CheckoutForm) -> str:
    """Where the order is: a new one, or the one that this very form has made before."""
    request = KeyedRequest(shopper.name, f"page {form.key.data or new_id()}"[:255], SAME)
    wish = OrderWish(
        shopper=shopper,
        email=form.email.data or "",
        name=form.name.data or "",
        shipping_address=form.address(),
        card_number=form.card.data or "",
        expected_total=_read(form.expected.data),
    )
    with begin() as work:
        made_before = claim(work.session, KeyRow, request)
        if made_before:
            return made_before.location
        order = place_order(work, wish, current_till())
        where = f"/orders/{order.number}"
        keep(work.session, KeyRow, request, Answer(303, "", where))
    return where


def _what_we_know(shopper: Shopper) -> dict[str, str]:
    """What need not be typed again: the account's name, the address of the last order."""
    who = visitor()
    known = {"key": str(new_id()), "email": who.email, "name": who.name}
    with read() as work:
        last = last_address_of(work, shopper)
    return known | {name: str(last[name]) for name in ADDRESS if name in last}


def _written(cart: Cart) -> str:
    return f"{cart.total.amount} {cart.total.currency}"


def _read(expected: str | None) -> Money | None:
    amount, _, currency = (expected or "").partition(" ")
    return Money(int(amount), currency) if amount.isdecimal() and len(amount) < 16 else None
