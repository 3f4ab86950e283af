"""An order and how far it has come; all orders of a user."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, flash, render_template, request

from shared.errors import Refusal
from shared.http.pages import begin, read, sign_in_required, visitor
from shop_service.db import orders as finders
from shop_service.domain.addresses import written_out
from shop_service.domain.checkout import OPEN
from shop_service.domain.order import is_final
from shop_service.domain.shoppers import Shopper
from shop_service.pages.progress import steps_of
from shop_service.pages.visit import current_shopper, go_to
from shop_service.usecases.orders import cancel_order

orders = Blueprint("orders", __name__)

A_PAGE = 20


@orders.get("/orders")
@sign_in_required
def orders_page() -> str:
    """The user's orders, newest first."""
    before = _uuid(request.args.get("before", ""))
    with read() as work:
        mine = Shopper(visitor().user_id)
        found = list(finders.orders_of(work, mine, before=before, limit=A_PAGE))
    shown, more = found[:A_PAGE], len(found) > A_PAGE
    further = f"/orders?before={shown[-1].id}" if more else None
    return render_template(
        "shop/orders.html", orders=shown, further=further, first="/orders" if before else None
    )


@orders.get("/orders/<number>")
def order_page(number: str) -> str:
    """One order; while its outcome is open, the page follows it."""
    return render_template("shop/order.html", **_shown(number))


@orders.get("/orders/<number>/progress")
def progress_fragment(number: str) -> Response:
    """The part of the order page that moves."""
    response = Response(render_template("shop/progress.html", **_shown(number)))
    response.headers["Cache-Control"] = "no-store"
    return response


@orders.post("/orders/<number>/cancel")
def cancel_page(number: str) -> Response:
    """Let the shopper think better of it."""
    with read() as work:
        order = finders.order_by_number(work, number, current_shopper())
    try:
        with begin() as work:
            cancel_order(work, order.id, visitor())
    except Refusal as refusal:
        flash(str(refusal), "error")
    else:
        flash(f"Order {order.number} is cancelled.", "success")
    return go_to(f"/orders/{order.number}")


def _shown(number: str) -> dict[str, object]:
    with read() as work:
        order = finders.order_by_number(work, number, _whose())
    return {
        "order": order,
        "steps": steps_of(order),
        "live": not is_final(order.status),
        "can_cancel": order.checkout.step in OPEN
        and finders.is_placed_by(order, current_shopper()),
        "address": written_out(order.shipping_address),
    }


def _whose() -> Shopper | None:
    return None if visitor().may("shop.view_order") else current_shopper()


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
