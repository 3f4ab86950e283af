"""The cart page, and the forms that fill it. Everything works without scripts."""

from __future__ import annotations

import re

from flask import Blueprint, Response, flash, render_template, request

from shared.errors import Invalid, Refusal
from shared.http.pages import begin, current_service, safe_next, visitor
from shop_service.domain.cart import MOST_PER_LINE, is_sku
from shop_service.domain.errors import LineNotFound, ProductUnknown
from shop_service.pages.visit import cart_token, current_shopper, go_to, with_count
from shop_service.usecases import carts

cart = Blueprint("cart", __name__)

CART = "/cart"
OURS = re.compile(r"/(cart|checkout|orders)\b")


class QuantityOdd(Invalid):
    """The quantity is not a number that makes sense."""


@cart.get("/cart")
def cart_page() -> Response:
    """What is in the cart, at the prices of this moment."""
    seen = carts.look_into_cart(current_service().transactions, current_shopper())
    page = render_template("shop/cart.html", cart=seen, most=MOST_PER_LINE)
    return with_count(page, seen.count)


@cart.post("/cart/items")
def add_page() -> Response:
    """Put something into the cart; the product page sends `sku`, `quantity` and `next`."""
    sku, then = request.form.get("sku", ""), safe_next(request.form.get("next"), CART)
    try:
        quantity = _quantity()
        if not is_sku(sku):
            raise ProductUnknown(sku[:64])
        with begin() as work:
            shopper, fresh = carts.shopper_for_writing(work, visitor().user_id, cart_token())
            filled = carts.add_to_cart(work, shopper, sku, quantity)
    except Refusal as refusal:
        flash(str(refusal), "error")
        return go_to(CART)
    if OURS.match(then):  # messages are shown by the service that made them
        name = next(line.offer.name for line in filled.lines if line.offer.sku == sku)
        flash(f"{name} is in your cart.", "success")
    return with_count(go_to(then), filled.count, fresh)


@cart.post("/cart/items/<sku>")
def change_page(sku: str) -> Response:
    """Have exactly so many of a product; none takes it out."""
    try:
        quantity = _quantity(least=0)
        if not is_sku(sku):
            raise LineNotFound
        with begin() as work:
            if quantity:
                filled = carts.change_quantity(work, current_shopper(), sku, quantity)
            else:
                filled = carts.remove_from_cart(work, current_shopper(), sku)
    except Refusal as refusal:
        flash(str(refusal), "error")
        return go_to(CART)
    return with_count(go_to(CART), filled.count)


@cart.post("/cart/items/<sku>/remove")
def remove_page(sku: str) -> Response:
    """Take a product out of the cart."""
    if not is_sku(sku):
        return go_to(CART)
    try:
        with begin() as work:
            filled = carts.remove_from_cart(work, current_shopper(), sku)
    except LineNotFound:
        return go_to(CART)  # it is not there any more, which is what they wanted
    flash("Taken out of your cart.", "info")
    return with_count(go_to(CART), filled.count)


def _quantity(least: int = 1) -> int:
    typed = request.form.get("quantity", "1").strip()
    if not re.fullmatch(r"[0-9]{1,3}", typed) or not least <= int(typed) <= MOST_PER_LINE:
        raise QuantityOdd(f"Choose a quantity from {least} to {MOST_PER_LINE}.")
    return int(typed)
