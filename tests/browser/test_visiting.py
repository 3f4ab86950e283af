"""The shop as a visitor sees it: every screen fits, nothing is blocked, and buying works."""

from __future__ import annotations

from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor
from tests.system.conftest import ADMIN
from tests.system.shopper import PASSWORD

pytestmark = pytest.mark.browser


def as_admin(visitor: Visitor, path: str) -> Page:
    """The page at `path`, come to by signing in."""
    page = visitor.go(f"/account/sign-in?next={path}")
    page.fill("input[name=email]", ADMIN[0])
    page.fill("input[name=password]", ADMIN[1])
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_url(f"**{path}")
    return page


def test_every_public_screen_fits_and_is_clean(visitor: Visitor) -> None:
    page = visitor.go("/")
    product = page.locator("a[href^='/products/']").first.get_attribute("href")
    category = page.locator("a[href^='/categories/']").first.get_attribute("href")
    assert product
    assert category

    for path in (category, product, "/search?q=lamp", "/search?q=zzzz", "/cart"):
        visitor.go(path)
    for path in ("/account/sign-in", "/account/register", "/docs", "/docs/events"):
        visitor.go(path)

    assert visitor.complaints == []


def test_the_page_of_the_api_is_dark_for_whoever_likes_it_dark(visitor: Visitor) -> None:
    visitor.page.emulate_media(color_scheme="dark")
    page = visitor.go("/docs")

    background = "getComputedStyle(document.documentElement).backgroundColor"
    expect(page.get_by_label("Filter by tag or path")).to_be_visible()
    assert page.evaluate(background) == "rgb(28, 32, 34)"
    page.emulate_media(color_scheme="light")
    assert page.evaluate(background) != "rgb(28, 32, 34)"
    assert visitor.complaints == []


def test_a_visitor_registers_buys_and_watches_the_order_become_confirmed(visitor: Visitor) -> None:
    page = visitor.go("/account/register")
    page.fill("input[name=name]", "Robin Reader")
    page.fill("input[name=email]", f"{uuid4().hex[:12]}@shoppers.example")
    page.fill("input[name=password]", PASSWORD)
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_load_state()
    visitor.go("/")
    page.locator("a[href^='/products/']").first.click()
    page.get_by_role("button", name="Add to cart").first.click()
    page.wait_for_load_state()
    visitor.go("/cart")
    visitor.go("/checkout")
    for name, value in {
        "line1": "3 Lantern Lane",
        "city": "Utrecht",
        "postal_code": "3511 AB",
        "card": "4242 4242 4242 4242",
    }.items():
        page.locator(f"input[name$={name}]").first.fill(value)
    page.locator("select[name$=country]").select_option("NL")
    visitor.look("checkout-filled")
    page.locator("main form button[type=submit]").last.click()

    page.wait_for_url("**/orders/*")
    expect(page.get_by_text("confirmed", exact=False).first).to_be_visible(timeout=15_000)

    visitor.look("order")
    visitor.go("/orders")
    visitor.go("/account")
    assert visitor.complaints == []


def test_staff_find_the_order_in_the_admin(visitor: Visitor) -> None:
    as_admin(visitor, "/admin/")
    visitor.look("admin")

    for path in ("/admin/shop/", "/admin/catalog/", "/admin/auth/"):
        visitor.go(path)
    for path in ("/admin/shop/order/list", "/admin/catalog/product/list", "/admin/auth/user/list"):
        visitor.go(path)
    for path in ("/admin/shop/sent/list", "/admin/catalog/dead/list", "/admin/auth/outbox/list"):
        visitor.go(path)

    assert visitor.complaints == []


def test_staff_follow_the_events_and_the_page_keeps_itself_fresh(visitor: Visitor) -> None:
    page = as_admin(visitor, "/admin/events/")
    visitor.look("events")
    before = page.locator("#fresh").inner_text()

    expect(page.locator("#fresh")).not_to_have_text(before, timeout=15_000)
    page.get_by_role("button", name="Pause").click()
    page.fill("input[name=of]", "no-such-order")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("Nobody knows an event of this")).to_be_visible()

    visitor.look("path")
    page.emulate_media(color_scheme="dark")
    visitor.go("/admin/events/")
    assert visitor.complaints == []


def test_staff_watch_the_gateway_and_steer_it(visitor: Visitor) -> None:
    page = as_admin(visitor, "/admin/gateway/")
    visitor.look("gateway")
    before = page.locator("#fresh").inner_text()

    expect(page.locator("#fresh")).not_to_have_text(before, timeout=15_000)
    page.get_by_role("button", name="Forget everything").click()
    expect(page.get_by_role("status")).to_contain_text("Forgot everything")

    page.emulate_media(color_scheme="dark")
    visitor.go("/admin/gateway/")
    visitor.look("gateway-dark")
    assert visitor.complaints == []
