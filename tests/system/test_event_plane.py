"""Operators see the bus of the whole platform, and one order's path through it."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx

from tests.system.platform import Platform
from tests.system.shopper import Shopper, ok

MakeProduct = Callable[[int], dict[str, str]]


def until_shown(staff: Shopper, path: str, *words: str) -> str:
    """The page, once it shows these words."""
    deadline = time.monotonic() + 20
    while True:
        page = staff.get(path)
        if page.status_code == 200 and all(word in page.text for word in words):
            return page.text
        assert time.monotonic() < deadline, page.text
        time.sleep(0.1)


def test_an_order_is_followed_through_all_services(
    staff: Shopper, shopper: Shopper, a_product: MakeProduct
) -> None:
    shopper.register().put_in_cart(a_product(3)["sku"])
    order = ok(shopper.check_out(), 201)

    page = until_shown(
        staff, f"/admin/events/path?of={order['number']}", "<h2>catalog.stock.committed.v1</h2>"
    )

    steps = [
        "shop.order.placed.v1", "catalog.stock.held.v1", "shop.order.paid.v1",
        "shop.order.confirmed.v1", "catalog.stock.committed.v1",
    ]  # fmt: skip
    places = [page.index(f"<h2>{step}</h2>") for step in steps]
    assert places == sorted(places)
    assert "does not answer" not in page
    assert page.count("<code>") == 1, "one request, one correlation"


def test_every_service_says_how_it_is_to_those_who_may_know(
    platform: Platform, staff: Shopper, shopper: Shopper
) -> None:
    page = until_shown(staff, "/admin/events/", "catalog tells shop 9 types")
    shopper.register()

    stranger = httpx.get(f"{platform.url}/admin/events/")
    customer = shopper.get("/admin/events/")

    assert "does not answer" not in page
    assert (stranger.status_code, customer.status_code) == (303, 403)


def test_a_command_sees_the_same_bus(platform: Platform) -> None:
    code, said = platform.command("shop", "bus", "topology", "check")

    assert code == 0, said
