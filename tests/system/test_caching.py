"""The gateway's memory of the catalogue, on the real platform: quick, and never wrong for long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

from tests.system.platform import Platform
from tests.system.shopper import Shopper, ok

MakeProduct = Callable[[int], dict[str, str]]


@contextmanager
def guest(platform: Platform) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=platform.url, timeout=30, trust_env=False) as client:
        yield client


def hit(client: httpx.Client, path: str) -> httpx.Response:
    """The answer once it comes from memory."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        answer = client.get(path)
        if "quintet; hit" in answer.headers.get("cache-status", ""):
            return answer
        time.sleep(0.02)
    raise AssertionError(f"{path} is never answered from memory: {answer.headers}")


def seconds_until(true: Callable[[], bool]) -> float:
    started = time.monotonic()
    while not true():
        assert time.monotonic() - started < 90, "it never came true"
        time.sleep(0.005)
    return time.monotonic() - started


def test_whoever_changes_a_price_sees_it_at_once(
    platform: Platform, staff: Shopper, a_product: MakeProduct
) -> None:
    product = a_product(3)
    path = f"/api/catalog/v1/products/{product['slug']}"
    with guest(platform) as client:
        hit(client, path)
        price = {"amount": 777, "currency": "EUR"}
        changed = staff.http.put(
            f"/api/catalog/v1/products/{product['sku']}/price", json=price, headers=staff.headers
        )
        ok(changed, 200)

        assert client.get(path).json()["price"] == price


def test_a_price_that_changed_elsewhere_is_seen_as_soon_as_the_event_is_heard(
    platform: Platform, staff: Shopper, a_product: MakeProduct
) -> None:
    """The change goes past the gateway, so that only the event can tell it."""
    product = a_product(3)
    search = f"/search?q={product['sku']}"
    paths = (f"/api/catalog/v1/products/{product['slug']}", search)
    with guest(platform) as client:
        for path in paths:
            hit(client, path)
        changed = httpx.put(
            f"http://127.0.0.1:{platform.ports['catalog']}"
            f"/api/catalog/v1/products/{product['sku']}/price",
            json={"amount": 4321, "currency": "EUR"},
            headers=staff.headers,
            trust_env=False,
        )
        ok(changed, 200)

        waited = seconds_until(lambda: client.get(paths[0]).json()["price"]["amount"] == 4321)
        seconds_until(lambda: "43.21" in client.get(paths[1]).text)

    assert waited < 30  # without the event it would be a minute


def test_what_is_left_is_told_after_somebody_has_bought(
    platform: Platform, shopper: Shopper, a_product: MakeProduct
) -> None:
    product = a_product(5)
    path = f"/api/catalog/v1/products/{product['slug']}"
    with guest(platform) as client:
        hit(client, path)
        shopper.register().put_in_cart(product["sku"], 2)
        ok(shopper.check_out(), 201)

        seconds_until(lambda: client.get(path).json()["available"] == 3)


def test_a_page_with_a_name_on_it_is_nobody_elses(platform: Platform) -> None:
    member = Shopper(platform.url).register()
    with guest(platform) as client:
        shared = hit(client, "/")
        own = member.get("/")
        after = hit(client, "/")
    member.close()

    assert "Robin" in own.text
    assert "Robin" not in shared.text + after.text
    assert "quintet; hit" not in own.headers["cache-status"]
