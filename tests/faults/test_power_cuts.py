"""kill -9 of any service during checkouts: every order ends, and nothing is lost or doubled."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from uuid import uuid4

import httpx
import pytest

from tests.system.invariants import broken_invariants
from tests.system.platform import Platform
from tests.system.shopper import Shopper

pytestmark = pytest.mark.slow

ORDERS = 12
DRAINED_WITHIN = 60.0


@pytest.mark.parametrize("victim", ["catalog", "shop", "auth"])
def test_orders_survive_the_sudden_death_of_a_service(
    platform: Platform, a_product: Callable[[int], dict[str, str]], victim: str
) -> None:
    product = a_product(ORDERS * 20)  # a repeated call may add twice
    accepted: list[str] = []
    started = threading.Event()

    def buy_on_and_on() -> None:
        for _ in range(ORDERS):
            number = _order_as_a_patient_client(platform, product["sku"])
            if number:
                accepted.append(number)
            started.set()

    buyers = [threading.Thread(target=buy_on_and_on) for _ in range(2)]
    for buyer in buyers:
        buyer.start()
    started.wait(20)
    platform.kill(victim)
    time.sleep(1.0)
    platform.start(victim)
    for buyer in buyers:
        buyer.join(90)

    assert len(accepted) == ORDERS * 2
    assert _what_is_broken_when_quiet(platform) == []
    stored = {number for (number,) in platform.query("shop", "SELECT number FROM orders")}
    assert set(accepted) <= stored
    assert len(set(accepted)) == len(accepted)


def _order_as_a_patient_client(platform: Platform, sku: str) -> str | None:
    """One order, retried with the same key until it is accepted, as clients should."""
    key, shopper = uuid4().hex, Shopper(platform.url)
    deadline = time.monotonic() + 60
    in_cart = False
    try:
        while time.monotonic() < deadline:
            try:
                if not in_cart:
                    shopper.put_in_cart(sku)
                    in_cart = True
                answer = shopper.check_out(key=key, wait=0)
            except (httpx.HTTPError, AssertionError):
                time.sleep(0.2)
                continue
            if answer.status_code in (201, 202):
                return str(answer.json()["number"])
            assert answer.status_code >= 500, answer.text
            time.sleep(0.2)
    finally:
        shopper.close()
    return None


def _what_is_broken_when_quiet(platform: Platform) -> list[str]:
    deadline = time.monotonic() + DRAINED_WITHIN
    broken = broken_invariants(platform)
    while broken and time.monotonic() < deadline:
        time.sleep(0.5)
        broken = broken_invariants(platform)
    return broken
