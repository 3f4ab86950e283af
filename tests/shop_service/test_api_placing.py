"""Orders are placed once, at our prices, and the outcome is told."""

from __future__ import annotations

import threading
import time as clock
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select, text

from shared.money import Money
from shared.service import Service
from shop_service.db.models import Base, Order
from shop_service.domain.numbers import read_number
from shop_service.events import consumed
from tests.shop_service import builders as b
from tests.shop_service.builders import Shop
from tests.shop_service.world import CatalogAndWorker


def test_an_order_is_placed_and_its_outcome_follows(shop: Shop) -> None:
    shop.add("mug", 2)

    answer = shop.order()

    order = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/api/shop/v1/orders/{order['number']}"
    assert read_number(order["number"]) == order["number"]
    assert (order["status"], order["payment_status"]) == ("placed", "pending")
    assert order["total"] == {"amount": 2500, "currency": "EUR"}
    assert order["timeline"][0]["text"] == "We have your order."
    assert order["payment"] == {"method": "test", "brand": "Visa", "last4": "4242"}
    assert shop.call("GET", "/cart").json()["count"] == 0


def test_an_order_without_a_key_is_refused(shop: Shop) -> None:
    shop.add("mug")

    answer = shop.call("POST", "/orders", json=b.an_order_body())

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"


def test_twenty_parallel_calls_with_one_key_make_one_order(shop: Shop, service: Service) -> None:
    shop.add("mug")

    answers = _order_in_parallel(shop, ["same"] * 20)

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["number"] for answer in answers}) == 1
    assert len({answer.text for answer in answers}) == 1
    assert _how_many_orders(service) == 1


def test_one_cart_is_ordered_once_however_many_keys_there_are(shop: Shop, service: Service) -> None:
    shop.add("mug")

    answers = _order_in_parallel(shop, [f"key-{number}" for number in range(8)])

    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 7
    assert _how_many_orders(service) == 1


def _order_in_parallel(shop: Shop, keys: list[str]) -> list[Any]:
    with ThreadPoolExecutor(len(keys)) as pool:
        return list(pool.map(lambda key: shop.twin().order(key=key), keys))


def _how_many_orders(service: Service) -> int:
    with service.transactions.read() as work:
        return work.session.scalar(select(func.count()).select_from(Order)) or 0


def test_a_key_belongs_to_one_request(shop: Shop) -> None:
    shop.add("mug")
    shop.order(key="k")

    other = shop.order(b.an_order_body(b.DECLINED), key="k")

    assert other.status_code == 422
    assert other.json()["type"] == "urn:quintet:problem:idempotency-key-reused"


def test_waiting_gives_the_outcome(shop: Shop, service: Service) -> None:
    shop.add("mug")

    with CatalogAndWorker(service):
        answer = shop.order(prefer="wait=10")

    assert answer.status_code == 201
    assert answer.headers["preference-applied"] == "wait=10"
    assert answer.headers["location"].endswith(answer.json()["number"])
    assert (answer.json()["status"], answer.json()["payment_status"]) == ("confirmed", "captured")


def test_waiting_in_vain_still_gives_the_order(shop: Shop) -> None:
    shop.add("mug")

    answer = shop.order(prefer="respond-async, wait=1")

    assert answer.status_code == 202
    assert answer.json()["status"] == "placed"


def test_nobody_waits_with_a_transaction_open(shop: Shop, service: Service) -> None:
    shop.add("mug")
    waiting = threading.Thread(target=lambda: shop.order(prefer="wait=30"))
    waiting.start()

    while not _how_many_orders(service):
        clock.sleep(0.01)
    b.a_product(service, "cup")  # needs the write lock

    still_waiting = waiting.is_alive()
    with CatalogAndWorker(service):  # who end the waiting
        waiting.join()
    assert still_waiting


def test_a_total_that_the_shopper_did_not_see_is_refused(shop: Shop) -> None:
    shop.add("mug", 2)
    seen, new = ({"amount": amount, "currency": "EUR"} for amount in (2400, 2500))

    refused = shop.order(b.an_order_body(expected_total=seen))
    accepted = shop.order(b.an_order_body(expected_total=new))

    assert refused.status_code == 409
    assert refused.json()["detail"] == "Prices have changed: the total is now €25.00."
    assert accepted.status_code == 202


def test_a_sold_out_line_is_refused_before_anything_happens(shop: Shop) -> None:
    shop.add("pen", 2)
    shop.tell(consumed.StockLevel(sku="pen", version=1, available=1))

    answer = shop.order()

    assert answer.status_code == 409
    assert "Only 1 of Pen left" in answer.json()["detail"]
    assert shop.call("GET", "/cart").json()["count"] == 2


def test_what_was_ordered_does_not_move_when_the_offer_does(shop: Shop) -> None:
    shop.add("mug", 2)
    number = shop.order().json()["number"]

    shop.tell(
        consumed.ProductChanged(sku="mug", version=2, slug="new", name="New", price=Money(9, "EUR"))
    )
    shop.tell(consumed.ProductWithdrawn(sku="mug", version=3))

    order = shop.call("GET", f"/orders/{number}").json()
    assert (order["lines"][0]["name"], order["total"]["amount"]) == ("Mug", 2500)


def test_guests_must_say_where_to_write_to_and_users_need_not(shop: Shop) -> None:
    body = {name: value for name, value in b.an_order_body().items() if name != "email"}
    shop.add("mug")
    user = shop.as_user(email="user@example.com", name="Grace")

    guest = shop.order(body)
    order = user.order(body).json()

    assert guest.status_code == 422
    assert guest.json()["errors"][0]["field"] == "email"
    assert (order["email"], order["name"]) == ("user@example.com", "Grace")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"price": 1}, "price"),
    ({"total": {"amount": 1, "currency": "EUR"}}, "total"),
    ({"lines": [{"sku": "mug", "price": 1}]}, "lines"),
    ({"email": "nobody"}, "email"),
    ({"email": "a@b.c\u0000"}, "email"),
    ({"shipping_address": {**b.ADDRESS, "country": "GBR"}}, "shipping_address.country"),
    ({"shipping_address": {**b.ADDRESS, "country": "XX"}}, "shipping_address.country"),
    ({"shipping_address": {**b.ADDRESS, "line1": "  "}}, "shipping_address.line1"),
    ({"shipping_address": {**b.ADDRESS, "city": "x\u0000y"}}, "shipping_address.city"),
    ({"shipping_address": {**b.ADDRESS, "city": "x" * 999}}, "shipping_address.city"),
    ({"shipping_address": {**b.ADDRESS, "name": {"a": 1}}}, "shipping_address.name"),
    ({"shipping_address": None}, "shipping_address"),
    ({"payment": {"method": "cash", "card": b.GOOD}}, "payment.method"),
    ({"payment": {"method": "test"}}, "payment.card"),
    ({"payment": {"method": "test", "card": "4242"}}, "payment.card"),
    ({"payment": {"method": "test", "card": "4242 4242 4242 4241"}}, "payment.card"),
    ({"payment": {"method": "test", "card": "5555 5555 5555 4444"}}, "payment.card"),
    ({"payment": {"method": "test", "card": "４２４２424242424242"}}, "payment.card"),
    ({"expected_total": {"amount": -1, "currency": "EUR"}}, "expected_total.amount"),
    ({"expected_total": 12.5}, "expected_total"),
]


def test_a_body_that_cannot_be_right_names_its_fields(shop: Shop) -> None:
    shop.add("mug")

    answers = [(shop.order(b.an_order_body(**change)), field) for change, field in WRONG]

    for answer, field in answers:
        assert answer.status_code == 422, answer.text
        assert field in [error["field"] for error in answer.json()["errors"]]
    assert shop.call("GET", "/cart").json()["count"] == 1


def test_names_and_addresses_of_the_whole_world_are_kept_as_they_are(shop: Shop) -> None:
    shop.add("mug")
    address = {**b.ADDRESS, "name": "Zoë 🐝 Þorsteinsdóttir", "city": "東京", "country": "JP"}

    order = shop.order(b.an_order_body(shipping_address=address)).json()

    assert order["shipping_address"] == address
    assert order["name"] == "Zoë 🐝 Þorsteinsdóttir"


def test_an_empty_cart_cannot_be_ordered(shop: Shop) -> None:
    stranger = shop.order()
    shop.add("mug")
    shop.call("DELETE", "/cart/items/mug")

    answers = [stranger, shop.order(), shop.as_user().order()]

    assert {answer.status_code for answer in answers} == {409}
    assert answers[0].json()["type"] == "urn:quintet:problem:cart-empty"


def test_the_number_of_a_card_is_nowhere_in_the_database_or_the_log(
    shop: Shop, service: Service, capfd: pytest.CaptureFixture[str]
) -> None:
    for card in (b.GOOD, b.GOOD.replace(" ", "")):
        shop.add("mug")
        with CatalogAndWorker(service):
            shop.order(b.an_order_body(card), prefer="wait=10")
    shop.add("mug")
    shop.order(b.an_order_body("4242 4242 4242 4241"))
    shop.order(b.an_order_body(price=1))

    with service.transactions.read() as work:
        everything = "\n".join(
            str(row)
            for table in Base.metadata.sorted_tables
            for row in work.session.execute(text(f"SELECT * FROM {table.name}"))  # noqa: S608
        )
    written = everything + "".join(capfd.readouterr())
    assert "test-succeeds" in written
    assert "42424242" not in written.replace(" ", "").replace("-", "")
