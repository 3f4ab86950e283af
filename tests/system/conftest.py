"""One platform for all system tests; those that kill parts of it start them again."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from uuid import uuid4

import pytest

from shared.testing import STACK, need_postgresql
from tests.system.platform import Platform
from tests.system.shopper import Shopper, ok

ADMIN = ("root@quintet.example", "nine purple kettles")


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    if STACK == "real":
        need_postgresql()
    platform = Platform(tmp_path_factory.mktemp("platform"))
    with platform.servers():
        try:
            platform.start()
            platform.manage(
                "auth", "superuser", "--email", ADMIN[0], "--password", ADMIN[1], "--name", "Root"
            )
            _wait_until_the_shop_knows_the_demo_goods(platform)
            yield platform
        finally:
            platform.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Beside a failure stands what the platform complained of, for whoever has only the report."""
    report = yield
    platform = item.funcargs.get("platform")
    if report.failed and isinstance(platform, Platform):
        report.sections.append(("what the platform complained of", platform.complaints()))
    return report


def _wait_until_the_shop_knows_the_demo_goods(platform: Platform) -> None:
    offered = platform.query("catalog", "SELECT count(*) FROM products")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if platform.query("shop", "SELECT count(*) FROM known_products") == offered:
            return
        time.sleep(0.05)
    raise AssertionError("the shop did not hear of all products")


@pytest.fixture
def shopper(platform: Platform) -> Iterator[Shopper]:
    shopper = Shopper(platform.url)
    yield shopper
    shopper.close()


@pytest.fixture
def staff(platform: Platform) -> Iterator[Shopper]:
    staff = Shopper(platform.url)
    yield staff.sign_in(*ADMIN)
    staff.close()


@pytest.fixture
def a_product(staff: Shopper) -> Callable[[int], dict[str, str]]:
    """Make a new published product with so many in stock, and wait until the shop knows it."""

    def make(on_hand: int) -> dict[str, str]:
        sku = f"TEST-{uuid4().hex[:8].upper()}"
        categories = ok(staff.get("/api/catalog/v1/categories"), 200)["items"]
        body = {
            "sku": sku,
            "slug": sku.lower(),
            "name": f"Test piece {sku}",
            "summary": "Made to be bought by a test.",
            "description": "It is sturdy.",
            "category": categories[0]["slug"],
            "price": {"amount": 1990, "currency": "EUR"},
        }
        ok(staff.post("/api/catalog/v1/products", body), 201)
        ok(staff.post(f"/api/catalog/v1/products/{sku}/publish"), 200, 201)
        stock = {"received": on_hand, "reason": "delivery"}
        ok(staff.post(f"/api/catalog/v1/products/{sku}/stock", stock), 200, 201)
        _wait_until_the_shop_knows(staff, sku)
        return {"sku": sku, "slug": sku.lower()}

    return make


def _wait_until_the_shop_knows(staff: Shopper, sku: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        answer = staff.post("/api/shop/v1/cart/items", {"sku": sku, "quantity": 1})
        if answer.status_code < 300:
            staff.http.delete(f"/api/shop/v1/cart/items/{sku}", headers=staff.headers)
            return
        time.sleep(0.05)
    raise AssertionError(f"The shop did not hear of {sku}: {answer.text}")
