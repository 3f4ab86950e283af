"""Many at once: the last unit is sold once, and a repeated order is one order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import uuid4

import httpx

from tests.system.platform import Platform
from tests.system.shopper import Shopper, ok

BUYERS = 50
REPEATS = 20


def test_fifty_buyers_at_once_get_exactly_one_last_unit(
    platform: Platform, a_product: Callable[[int], dict[str, str]]
) -> None:
    product = a_product(1)
    buyers = [Shopper(platform.url) for _ in range(BUYERS)]
    for buyer in buyers:
        buyer.put_in_cart(product["sku"])
    together = Barrier(BUYERS)

    def buy(buyer: Shopper) -> str:
        together.wait()
        answer = buyer.check_out(wait=25)
        return str(answer.json()["status"]) if answer.status_code in (201, 202) else "refused"

    with ThreadPoolExecutor(BUYERS) as pool:
        ends = Counter(pool.map(buy, buyers))

    for buyer in buyers:
        buyer.close()
    assert ends["confirmed"] == 1, ends
    assert ends["cancelled"] + ends["refused"] == BUYERS - 1, ends
    shelf = platform.query(
        "catalog", f"SELECT on_hand, held FROM shelves WHERE sku = '{product['sku']}'"
    )
    assert shelf == [(0, 0)]


def test_the_same_order_posted_twenty_times_is_one_order(
    platform: Platform, shopper: Shopper, a_product: Callable[[int], dict[str, str]]
) -> None:
    product = a_product(REPEATS * 2)
    shopper.register().put_in_cart(product["sku"])
    key, together = uuid4().hex, Barrier(REPEATS)

    def post(_: int) -> httpx.Response:
        together.wait()
        return shopper.check_out(key=key, wait=0)

    with ThreadPoolExecutor(REPEATS) as pool:
        answers = list(pool.map(post, range(REPEATS)))

    assert {answer.status_code for answer in answers} <= {201, 202}
    assert len({answer.json()["number"] for answer in answers}) == 1
    assert len(ok(shopper.get("/api/shop/v1/orders"), 200)["items"]) == 1
