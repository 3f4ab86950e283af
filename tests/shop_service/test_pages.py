"""The shop's pages, as a browser without scripts sees them."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from shared.ids import new_id
from shared.money import Money
from shared.service import Service
from shared.testing import bearer, tell
from shop_service.events import consumed
from tests.shop_service import builders as b

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
HIDDEN = re.compile(r'<input id="(key|expected)" name="\1" type="hidden" value="([^"]*)">')


@dataclass
class Browser:
    """Follows links, sends forms, keeps cookies."""

    client: TestClient
    service: Service
    token: str = ""
    who: dict[str, str] | None = None

    def get(self, path: str) -> Response:
        """Look at a page, and remember the token of its forms."""
        answer = self.client.get(path, headers=self.who)
        found = TOKEN.search(answer.text)
        self.token = found.group(1) if found else self.token
        return answer

    def post(self, path: str, **form: str) -> Response:
        """Send a form."""
        return self.client.post(path, data={"csrf_token": self.token, **form}, headers=self.who)

    def checkout_form(self, card: str = b.GOOD, **more: str) -> dict[str, str]:
        """The form of the checkout page, filled in."""
        page = self.get("/checkout")
        hidden = dict(HIDDEN.findall(page.text))
        address = {name: value for name, value in b.ADDRESS.items() if name != "name"}
        typed = {"email": "ada@example.com", "name": "Ada Lovelace", "card": card}
        return {**hidden, **address, **typed, **more}


@pytest.fixture
def browser(client: TestClient, service: Service) -> Browser:
    found = Browser(client, service)
    found.get("/checkout")
    found.get("/cart")
    return found


def test_the_empty_cart_says_so_and_leads_on(browser: Browser) -> None:
    page = browser.get("/cart")

    assert page.status_code == 200
    assert "Nothing in here yet" in page.text
    assert 'href="/search"' in page.text


def test_the_product_pages_form_fills_the_cart(browser: Browser) -> None:
    _take_token(browser)

    answer = browser.post("/cart/items", sku="mug", quantity="2", next="/products/mug-slug")
    page = browser.get("/cart")

    assert (answer.status_code, answer.headers["location"]) == (303, "/products/mug-slug")
    assert answer.cookies["quintet_cart_count"] == "2"
    assert 'src="/media/catalog/mug.svg"' in page.text
    assert "€25.00" in page.text


def test_next_never_leads_to_another_site(browser: Browser) -> None:
    _take_token(browser)

    answer = browser.post("/cart/items", sku="mug", next="https://evil.example/")

    assert answer.headers["location"] == "/cart"


def test_what_cannot_be_added_is_explained_on_the_cart(browser: Browser) -> None:
    _take_token(browser)

    for form in (
        {"sku": "pen", "quantity": "4"},
        {"sku": "moon"},
        {"sku": "\x00", "next": "/"},
        {"sku": "mug", "quantity": "-1"},
        {"sku": "mug", "quantity": "9" * 30},
        {},
    ):
        answer = browser.post("/cart/items", **form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/cart")

    page = browser.get("/cart").text
    assert "Only 3 of Pen left." in page
    assert "We do not know this product." in page
    assert "Choose a quantity from 1 to 99." in page


def test_quantities_change_and_lines_go(browser: Browser) -> None:
    _take_token(browser)
    browser.post("/cart/items", sku="mug")
    browser.post("/cart/items", sku="pen")

    changed = browser.post("/cart/items/mug", quantity="3")
    none_left = browser.post("/cart/items/pen", quantity="0")
    removed = browser.post("/cart/items/mug/remove")
    again = browser.post("/cart/items/mug/remove")
    odd = browser.post("/cart/items/%00", quantity="1")

    assert [each.cookies.get("quintet_cart_count") for each in (changed, none_left, removed)] == [
        "4",
        "3",
        "0",
    ]
    assert (again.status_code, odd.status_code) == (303, 303)


def test_a_form_without_our_token_is_refused(browser: Browser) -> None:
    for path in ("/cart/items", "/cart/items/mug", "/checkout", "/orders/X/cancel"):
        answer = browser.client.post(path, data={"sku": "mug"})
        assert answer.status_code == 403

    assert "Nothing in here yet" in browser.get("/cart").text


def test_a_changed_price_is_pointed_out(browser: Browser) -> None:
    _take_token(browser)
    browser.post("/cart/items", sku="mug")

    tell(
        browser.service,
        consumed.PriceChanged(sku="mug", version=2, price=Money(1400, "EUR")),
    )

    page = browser.get("/cart").text
    assert "The price was €12.50 before." in page
    assert "€14.00" in page


def test_a_guest_orders_and_sees_the_order(browser: Browser) -> None:
    _take_token(browser)
    browser.post("/cart/items", sku="mug", quantity="2")

    placed = browser.post("/checkout", **browser.checkout_form())
    page = browser.get(placed.headers["location"])

    assert placed.status_code == 303
    assert placed.cookies["quintet_cart_count"] == "0"
    assert "Thank you, Ada." in page.text
    assert "Setting your goods aside" in page.text
    assert 'data-events-url="/api/shop/v1/orders/' in page.text
    assert '<meta http-equiv="refresh"' in page.text
    assert "12 St James" in page.text
    assert "Visa ending in 4242" in page.text


def test_the_button_pressed_twice_makes_one_order(browser: Browser) -> None:
    _take_token(browser)
    browser.post("/cart/items", sku="mug")
    form = browser.checkout_form()

    first, second = browser.post("/checkout", **form), browser.post("/checkout", **form)

    assert first.headers["location"] == second.headers["location"]
    assert b.types_sent(browser.service) == ["order.placed.v1"]


def test_what_is_missing_or_wrong_is_said_at_its_field(browser: Browser) -> None:
    _take_token(browser)
    browser.post("/cart/items", sku="mug")

    empty = browser.post("/checkout")
    wrong = browser.post("/checkout", **browser.checkout_form(card="4242", country="Atlantis"))
    refused = browser.post("/checkout", **browser.checkout_form(card="5555 5555 5555 4444"))

    assert "Enter the e-mail address." in empty.text
    assert "choose one from the list" in wrong.text
    assert "This shop takes test cards only" in refused.text
    assert 'id="card-error"' in refused.text
    assert "5555" not in refused.text
    assert b.types_sent(browser.service) == []


def test_a_total_that_changed_is_shown_before_it_is_charged(browser: Browser) -> None:
    _take_token(browser)
    browser.post("/cart/items", sku="mug")
    form = browser.checkout_form()
    price = consumed.PriceChanged(sku="mug", version=2, price=Money(2000, "EUR"))
    tell(browser.service, price)

    refused = browser.post("/checkout", **form)
    seen = dict(HIDDEN.findall(refused.text))
    accepted = browser.post("/checkout", **{**form, **seen})

    assert "the total is now €20.00" in refused.text
    assert seen == {"key": form["key"], "expected": "2000 EUR"}
    assert accepted.status_code == 303


def test_checkout_without_a_cart_leads_to_the_cart(browser: Browser) -> None:
    answer = browser.get("/checkout")

    assert (answer.status_code, answer.headers["location"]) == (303, "/cart")


def test_the_fragment_shows_the_outcome_and_ends_the_watch(browser: Browser) -> None:
    _take_token(browser)
    browser.post("/cart/items", sku="mug")
    where = browser.post("/checkout", **browser.checkout_form()).headers["location"]
    before = browser.get(f"{where}/progress").text

    order_id = b.only_order(browser.service)
    b.hold(browser.service, order_id)
    b.pay(browser.service)

    after = browser.get(f"{where}/progress").text
    assert "data-live" in before
    assert "data-live" not in after
    assert "Order confirmed" in after
    assert "data-events-url" not in browser.get(where).text


def test_a_declined_card_is_explained_on_the_order(browser: Browser) -> None:
    _take_token(browser)
    browser.post("/cart/items", sku="mug")
    where = browser.post("/checkout", **browser.checkout_form(b.DECLINED)).headers["location"]

    order_id = b.only_order(browser.service)
    b.hold(browser.service, order_id)
    b.pay(browser.service)

    page = browser.get(where).text
    assert "Your bank declined the payment. Nothing was charged." in page


def test_a_shopper_cancels_on_the_page(browser: Browser) -> None:
    _take_token(browser)
    browser.post("/cart/items", sku="mug")
    where = browser.post("/checkout", **browser.checkout_form()).headers["location"]
    browser.get(where)

    answer = browser.post(f"{where}/cancel")
    again = browser.post(f"{where}/cancel")

    page = browser.get(where).text
    assert (answer.status_code, again.status_code) == (303, 303)
    assert "You cancelled this order." in page
    assert "can no longer be cancelled" in page


def test_somebody_elses_order_is_not_here(browser: Browser, service: Service) -> None:
    number = b.number_of(service, b.a_placed_order(service))

    answers = [browser.get(f"/orders/{number}{rest}") for rest in ("", "/progress")]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert browser.get("/orders/%00").status_code == 404
    browser.who = bearer(service, permissions=["shop.view_order"])
    assert browser.get(f"/orders/{number}").status_code == 200


def test_users_find_their_orders_and_guests_are_asked_to_sign_in(browser: Browser) -> None:
    as_guest = browser.get("/orders")
    browser.who = bearer(browser.service, user_id=new_id(), email="u@example.com")
    empty = browser.get("/orders").text
    browser.post("/cart/items", sku="mug")
    form = browser.checkout_form()
    where = browser.post("/checkout", **form).headers["location"]

    listed = browser.get("/orders").text
    known = browser.client.get("/account", headers=browser.who)
    browser.post("/cart/items", sku="mug")
    next_time = browser.get("/checkout").text

    assert as_guest.headers["location"] == "/account/sign-in?next=/orders"
    assert "No orders yet" in empty
    assert where in listed
    assert known.status_code == 404
    assert "12 St James" in next_time


def _take_token(browser: Browser) -> None:
    """Any page with a form will do: the catalog's product pages have one in life."""
    browser.client.cookies.set("quintet_cart", b.a_guest_token(browser.service, pen=1))
    browser.get("/cart")
    browser.post("/cart/items/pen/remove")
