"""One call for a page, on the real platform: what a view shows is what the services say."""

from __future__ import annotations

from collections.abc import Callable

from tests.system.platform import Platform
from tests.system.shopper import Shopper, ok

MakeProduct = Callable[[int], dict[str, str]]


def test_an_order_comes_with_its_products_for_those_who_may_see_it(
    platform: Platform, shopper: Shopper, a_product: MakeProduct
) -> None:
    product = a_product(3)
    shopper.register().put_in_cart(product["sku"], 2)
    number = ok(shopper.check_out(), 201)["number"]
    stranger = Shopper(platform.url).register()

    view = ok(shopper.get(f"/api/views/orders/{number}"), 200)
    refused = stranger.get(f"/api/views/orders/{number}")

    (line,) = view["order"]["lines"]
    assert view["missing"] == []
    assert (view["order"]["number"], view["order"]["status"]) == (number, "confirmed")
    assert (line["quantity"], line["product"]["slug"]) == (2, product["slug"])
    assert line["product"]["price"] == line["unit_price"] == {"amount": 1990, "currency": "EUR"}
    assert view["shipment"]["status"] == "unfulfilled"
    assert refused.status_code == 404
    assert refused.json()["type"] == shopper.get("/api/shop/v1/orders/NONE").json()["type"]
    stranger.close()


def test_a_guest_sees_what_of_a_product_is_in_the_cart(
    shopper: Shopper, a_product: MakeProduct
) -> None:
    product = a_product(5)
    path = f"/api/views/products/{product['slug']}"
    before = ok(shopper.get(path), 200)
    shopper.put_in_cart(product["sku"], 2)

    after = ok(shopper.get(path), 200)

    assert (before["in_cart"], after["in_cart"]) == (0, 2)
    assert after["available"]
    assert after["trail"][-1] == after["product"]["category"]
    assert after["missing"] == []


def test_the_first_page_is_one_call_for_a_browser(shopper: Shopper, a_product: MakeProduct) -> None:
    product = a_product(5)
    shopper.http.post("/api/shop/v1/cart/items", json={"sku": product["sku"], "quantity": 2})

    home = ok(shopper.http.get("/api/views/home"), 200)  # the client keeps the cart's cookie

    assert home["missing"] == []
    assert home["cart"] == {"count": 2, "total": {"amount": 3980, "currency": "EUR"}}
    assert home["categories"]
    assert home["products"]


def test_a_view_is_whole_again_once_the_service_is_back(
    platform: Platform, shopper: Shopper, a_product: MakeProduct
) -> None:
    shopper.register().put_in_cart(a_product(3)["sku"])
    number = ok(shopper.check_out(), 201)["number"]
    platform.kill("catalog")
    try:
        without = ok(shopper.get(f"/api/views/orders/{number}"), 200)
    finally:
        platform.start("catalog")
    whole = ok(shopper.get(f"/api/views/orders/{number}"), 200)

    assert without["order"]["number"] == number
    assert without["order"]["lines"][0]["product"] is None
    assert without["missing"][0]["reason"] in {"unreachable", "timeout"}
    assert whole["order"]["lines"][0]["product"] is not None
