"""The cart over HTTP: for guests with a cookie or a token, and for users."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import text
from starlette.testclient import TestClient

from shared.ids import new_id
from shared.money import Money
from shared.service import Service
from shared.testing import client_of
from shop_service.domain.shoppers import Shopper, digest_of
from shop_service.events import consumed
from shop_service.usecases.carts import add_to_cart, bring_guest_cart, cart_of
from tests.shop_service import builders as b
from tests.shop_service.builders import Shop


def test_a_guest_gets_a_cart_by_cookie_and_by_token(shop: Shop) -> None:
    answer = shop.add("mug", 2)

    token = answer.headers["x-cart-token"]
    assert answer.status_code == 201
    assert answer.json()["token"] == token == answer.cookies["quintet_cart"]
    assert answer.cookies["quintet_cart_count"] == "2"
    assert answer.json()["total"] == {"amount": 2500, "currency": "EUR"}
    assert [line["name"] for line in shop.call("GET", "/cart").json()["lines"]] == ["Mug"]


def test_a_client_without_cookies_holds_its_cart_by_the_token(shop: Shop) -> None:
    token = shop.add("mug").json()["token"]
    shop.client.cookies.clear()

    nothing = shop.call("GET", "/cart").json()
    mine = shop.call("GET", "/cart", headers={"x-cart-token": token})

    assert nothing["count"] == 0
    assert mine.json()["count"] == 1
    assert "set-cookie" not in mine.headers


def test_only_the_digest_of_a_token_is_kept(shop: Shop, service: Service) -> None:
    token = shop.add("mug", headers={"idempotency-key": "again"}).json()["token"]
    shop.add("mug", headers={"idempotency-key": "more"})

    with service.transactions.read() as work:
        kept = work.session.execute(text("SELECT token_hash FROM carts")).scalars().all()
        answers = work.session.execute(text("SELECT body FROM idempotency_keys")).scalars().all()
    assert kept == [digest_of(token)]
    assert answers
    assert token not in "".join(answers)


def test_a_token_that_we_never_made_is_not_taken_over(shop: Shop) -> None:
    guessed = {"x-cart-token": "123"}

    answer = shop.add("mug", headers=guessed)

    assert answer.headers["x-cart-token"] != "123"
    assert shop.call("GET", "/cart", headers=guessed).json()["count"] == 0


def test_quantities_are_added_changed_and_removed(shop: Shop) -> None:
    shop.add("mug", 2)
    shop.add("mug", 3)
    shop.add("pen", 1)

    added = shop.call("GET", "/cart").json()
    changed = shop.call("PATCH", "/cart/items/mug", json={"quantity": 1}).json()
    removed = shop.call("DELETE", "/cart/items/pen").json()

    assert [line["quantity"] for line in added["lines"]] == [5, 1]
    assert changed["count"] == 2
    assert (removed["count"], removed["total"]["amount"]) == (1, 1250)
    assert shop.call("DELETE", "/cart/items/pen").status_code == 404


def test_more_than_there_are_is_refused_with_how_many_are_left(shop: Shop) -> None:
    answer = shop.add("pen", 4)

    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == "Only 3 of Pen left."
    assert answer.json()["errors"] == [{"field": "quantity", "message": "at most 3"}]


def test_unknown_and_withdrawn_products_cannot_be_added(shop: Shop) -> None:
    shop.tell(consumed.ProductWithdrawn(sku="pen", version=2))

    unknown, withdrawn = shop.add("moon"), shop.add("pen")

    assert (unknown.status_code, withdrawn.status_code) == (404, 409)
    assert withdrawn.json()["type"] == "urn:quintet:problem:product-withdrawn"


def test_a_line_takes_ninety_nine_and_a_cart_a_hundred_lines(shop: Shop, service: Service) -> None:
    for number in range(101):
        b.a_product(service, f"p{number}", available=1000)
    token = shop.add("p0", 99).json()["token"]
    guest = Shopper.of(None, token)
    with service.transactions.begin() as work:
        for number in range(1, 100):
            add_to_cart(work, guest, f"p{number}", 1)

    line_full, cart_full, still_fits = shop.add("p0"), shop.add("p100"), shop.add("p1")

    codes = (line_full.status_code, cart_full.status_code, still_fits.status_code)
    assert codes == (409, 409, 201)
    assert cart_full.json()["type"] == "urn:quintet:problem:cart-full"


def test_prices_are_those_of_the_moment_and_changes_are_shown(shop: Shop) -> None:
    shop.add("mug", 2)

    shop.tell(consumed.PriceChanged(sku="mug", version=2, price=Money(1300, "EUR")))

    line = shop.call("GET", "/cart").json()["lines"][0]
    assert (line["unit_price"]["amount"], line["previous_price"]["amount"]) == (1300, 1250)
    assert line["note"] == "The price was €12.50 before."


def test_what_can_no_longer_be_bought_is_shown_and_not_counted(shop: Shop) -> None:
    shop.add("mug", 2)
    shop.add("pen", 1)

    shop.tell(consumed.ProductWithdrawn(sku="mug", version=2))
    shop.tell(consumed.StockLevel(sku="pen", version=1, available=0))

    cart = shop.call("GET", "/cart").json()
    assert [line["trouble"] for line in cart["lines"]] == ["gone", "not-enough"]
    assert (cart["ready"], cart["total"]["amount"]) == (False, 399)


def test_a_user_finds_the_cart_again_on_any_device(shop: Shop, service: Service) -> None:
    user_id = new_id()
    shop.as_user(user_id).add("mug", 2)

    with client_of(service) as elsewhere:
        cart = Shop(service, elsewhere).as_user(user_id).call("GET", "/cart").json()

    assert cart["count"] == 2


def test_signing_in_brings_the_guests_cart_along(shop: Shop) -> None:
    user_id = new_id()
    user = shop.as_user(user_id)
    user.add("mug", 1)
    shop.add("mug", 2)
    shop.add("pen", 1)

    merged = user.call("GET", "/cart").json()

    assert {line["sku"]: line["quantity"] for line in merged["lines"]} == {"mug": 3, "pen": 1}
    assert shop.call("GET", "/cart").json()["count"] == 0


def test_merging_adds_up_to_ninety_nine_at_most(shop: Shop, service: Service) -> None:
    b.a_product(service, "bead", available=1000)
    user = shop.as_user()
    user.add("bead", 60)
    shop.add("bead", 60)

    merged = user.call("GET", "/cart").json()

    assert [line["quantity"] for line in merged["lines"]] == [99]


def test_merging_twice_at_once_loses_no_line_and_doubles_none(service: Service) -> None:
    user_id = new_id()
    b.a_shopper(service, user_id=user_id, mug=1)
    guest = b.a_shopper(service, mug=2, pen=3)
    both = Shopper(user_id, guest.guest)

    def merge(_: int) -> None:
        with service.transactions.begin() as work:
            bring_guest_cart(work, both)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(merge, range(8)))

    with service.transactions.read() as work:
        cart = cart_of(work, both)
        states = work.session.execute(text("SELECT state FROM carts")).scalars().all()
    assert {line.offer.sku: line.quantity for line in cart.lines} == {"mug": 3, "pen": 3}
    assert sorted(states) == ["merged", "open"]


def test_parallel_additions_all_count(shop: Shop) -> None:
    shop.add("mug")

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: shop.twin().add("mug").status_code, range(16)))

    assert codes == [201] * 16
    assert shop.call("GET", "/cart").json()["count"] == 17


def test_an_addition_with_a_key_counts_once(shop: Shop) -> None:
    shop.add("mug")
    key = {"idempotency-key": "one"}

    first, again = shop.add("mug", 2, headers=key), shop.add("mug", 2, headers=key)
    other = shop.add("mug", 3, headers=key)

    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert other.status_code == 422
    assert shop.call("GET", "/cart").json()["count"] == 3


def test_a_change_of_a_cart_that_moved_on_is_refused(shop: Shop) -> None:
    etag = shop.add("mug").headers["etag"]
    shop.add("pen")

    stale = shop.call("PATCH", "/cart/items/mug", json={"quantity": 5}, headers={"if-match": etag})

    assert stale.status_code == 412
    assert shop.call("GET", "/cart").json()["count"] == 2


NONSENSE: list[Any] = [
    {"sku": "mug", "quantity": 0},
    {"sku": "mug", "quantity": -1},
    {"sku": "mug", "quantity": 10**30},
    {"sku": "mug", "quantity": 1.5},
    {"sku": "mug", "quantity": "2"},
    {"sku": "mug", "quantity": True},
    {"sku": "mug", "price": {"amount": 1, "currency": "EUR"}},
    {"sku": "mug\u0000"},
    {"sku": "💥"},
    {"sku": "\ud800"},
    {"sku": {"$ne": None}},
    {"sku": [[[[[[]]]]]]},
    {"sku": "x" * 5000},
    {},
    [],
    None,
]


def test_nonsense_is_refused_before_it_reaches_the_cart(shop: Shop) -> None:
    json_type = {"content-type": "application/json"}

    answers = [
        shop.call("POST", "/cart/items", content=json.dumps(body), headers=json_type)
        for body in NONSENSE
    ]

    assert [answer.status_code for answer in answers] == [422] * len(NONSENSE)
    assert {answer.headers["content-type"] for answer in answers} == {"application/problem+json"}


def test_odd_paths_find_nothing(shop: Shop, client: TestClient) -> None:
    shop.add("mug")

    for path in ("/cart/items/%00", "/cart/items/../orders", "/cart/items/%F0%9F%92%A5"):
        assert shop.call("DELETE", path).status_code in (404, 405, 422)
    assert client.get("/api/shop/v1/orders/%00").status_code == 404
