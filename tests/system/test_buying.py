"""The whole path: register, browse, buy, and the order is confirmed over the bus."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.system.invariants import broken_invariants
from tests.system.platform import Platform
from tests.system.shopper import DECLINED_CARD, GOOD_CARD, POOR_CARD, Shopper, ok

Product = Callable[[int], dict[str, str]]


def test_a_new_shopper_registers_browses_buys_and_the_stock_is_down(shopper: Shopper) -> None:
    shopper.register()
    listed = ok(shopper.get("/api/catalog/v1/products", params={"limit": 50}), 200)["items"]
    product = next(each for each in listed if each["available"] >= 10)
    before = shopper.available(product["slug"])
    shopper.put_in_cart(product["sku"], 2)
    cart = ok(shopper.get("/api/shop/v1/cart"), 200)

    answer = shopper.check_out(expected_total=cart["total"])

    order = ok(answer, 201)
    assert order["status"] == "confirmed"
    assert order["total"]["amount"] == 2 * product["price"]["amount"]
    assert answer.headers["location"].endswith(order["number"])
    _wait_for(lambda: shopper.available(product["slug"]) == before - 2)
    assert [each["number"] for each in ok(shopper.get("/api/shop/v1/orders"), 200)["items"]] == [
        order["number"]
    ]


def test_a_guest_buys_with_a_cart_token_and_only_that_token_shows_the_order(
    shopper: Shopper, platform: Platform, a_product: Product
) -> None:
    product = a_product(5)
    shopper.put_in_cart(product["sku"])

    order = ok(shopper.check_out(), 201)

    stranger = Shopper(platform.url)
    assert order["status"] == "confirmed"
    assert shopper.order(order["number"])["status"] == "confirmed"
    assert stranger.get(f"/api/shop/v1/orders/{order['number']}").status_code == 404
    stranger.close()


@pytest.mark.parametrize("card", [DECLINED_CARD, POOR_CARD])
def test_a_refused_card_cancels_the_order_says_why_and_gives_the_stock_back(
    shopper: Shopper, a_product: Product, card: str
) -> None:
    product = a_product(3)
    shopper.register().put_in_cart(product["sku"], 2)

    order = ok(shopper.check_out(card=card), 201)

    assert order["status"] == "cancelled"
    assert order["reason"]
    _wait_for(lambda: shopper.available(product["slug"]) == 3)


def test_an_order_larger_than_the_stock_is_refused_and_names_what_is_left(
    shopper: Shopper, a_product: Product
) -> None:
    product = a_product(2)
    shopper.register()

    answer = shopper.post("/api/shop/v1/cart/items", {"sku": product["sku"], "quantity": 3})

    assert answer.status_code == 409
    assert "2" in answer.json()["detail"]


def test_an_order_placed_without_waiting_can_be_followed_to_its_end(
    shopper: Shopper, a_product: Product
) -> None:
    product = a_product(2)
    shopper.register().put_in_cart(product["sku"])

    placed = ok(shopper.check_out(card=GOOD_CARD, wait=0), 202)

    _wait_for(lambda: shopper.order(placed["number"])["status"] == "confirmed")


def test_what_must_always_hold_holds_after_all_this(platform: Platform) -> None:
    broken = broken_invariants(platform)
    deadline = time.monotonic() + 30
    while broken and time.monotonic() < deadline:
        time.sleep(0.2)
        broken = broken_invariants(platform)

    assert broken == []


def _wait_for(true: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert true()
