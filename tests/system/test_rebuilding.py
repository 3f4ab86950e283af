"""The shop's copy of the offer, rebuilt while the catalog changes, is the catalog's offer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import create_engine, text

from tests.system.platform import Platform
from tests.system.shopper import Shopper, ok

SABOTAGE = (
    "UPDATE known_products SET name = 'Wrong', price_amount = 1, available = 77",
    "DELETE FROM known_products WHERE sku LIKE 'TEST-%'",
)


def test_a_spoilt_copy_is_rebuilt_from_a_snapshot_while_live_news_flows(
    platform: Platform, staff: Shopper, a_product: Callable[[int], dict[str, str]]
) -> None:
    products = [a_product(5)["sku"] for _ in range(2)]
    _spoil_the_copy(platform)
    code, said = platform.command("shop", "rebuild-offer", "--check")
    assert code == 1, said

    with _changing_prices(staff, products):
        platform.manage("shop", "rebuild-offer")
        time.sleep(1.0)

    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        code, said = platform.command("shop", "rebuild-offer", "--check")
        if code == 0:
            break
    assert code == 0, said


@contextmanager
def _changing_prices(staff: Shopper, skus: list[str]) -> Iterator[None]:
    done = threading.Event()

    def change() -> None:
        amount = 2000
        while not done.is_set():
            for sku in skus:
                amount += 1
                _set_price(staff, sku, amount)

    changing = threading.Thread(target=change)
    changing.start()
    try:
        yield
    finally:
        done.set()
        changing.join()


def _set_price(staff: Shopper, sku: str, amount: int) -> None:
    seen = staff.get(f"/api/catalog/v1/products/{sku.lower()}").headers["etag"]
    answer = staff.http.put(
        f"/api/catalog/v1/products/{sku}/price",
        json={"amount": amount, "currency": "EUR"},
        headers=staff.headers | {"if-match": seen},
    )
    ok(answer, 200)


def _spoil_the_copy(platform: Platform) -> None:
    engine = create_engine(platform.database_urls["shop"])
    with engine.begin() as connection:
        for statement in SABOTAGE:
            connection.execute(text(statement))
    engine.dispose()
