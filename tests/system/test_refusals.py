"""What must not work does not, with the right status and a clear word, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import httpx
import pytest

from tests.system.platform import Platform
from tests.system.shopper import ADDRESS, GOOD_CARD, PASSWORD, Shopper, ok

Product = Callable[[int], dict[str, str]]


def refused(answer: httpx.Response, status: int) -> dict[str, object]:
    """The problem document of a refusal that must have this status."""
    assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
    assert answer.headers["content-type"].startswith("application/problem+json")
    body: dict[str, object] = answer.json()
    assert body["status"] == status
    assert body["detail"]
    return body


def test_a_forged_price_is_named_as_an_unknown_field(shopper: Shopper, a_product: Product) -> None:
    product = a_product(5)
    shopper.register()
    forged = {"sku": product["sku"], "quantity": 1, "unit_price": {"amount": 1, "currency": "EUR"}}

    problem = refused(shopper.post("/api/shop/v1/cart/items", forged), 422)

    assert "unit_price" in str(problem["errors"])


def test_a_forged_total_is_refused_and_nothing_is_ordered(
    shopper: Shopper, a_product: Product
) -> None:
    product = a_product(5)
    shopper.register().put_in_cart(product["sku"])

    answer = shopper.check_out(expected_total={"amount": 1, "currency": "EUR"})

    refused(answer, 409)
    assert ok(shopper.get("/api/shop/v1/orders"), 200)["items"] == []


@pytest.mark.parametrize("header", ["x-user-id", "x-quintet-user", "x-forwarded-user"])
def test_a_forged_user_header_makes_nobody_of_anyone(shopper: Shopper, header: str) -> None:
    refused(shopper.http.get("/api/auth/v1/users/me", headers={header: str(uuid4())}), 401)


def test_a_header_with_an_underscore_never_reaches_a_service(shopper: Shopper) -> None:
    refused(shopper.http.get("/api/auth/v1/users/me", headers={"x_user_id": "1"}), 400)


def test_a_forged_token_is_refused(shopper: Shopper) -> None:
    forged = "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJyb290In0."

    refused(shopper.http.get("/api/auth/v1/users/me", headers={"authorization": forged}), 401)


def test_another_users_order_does_not_exist_for_me(
    shopper: Shopper, platform: Platform, a_product: Product
) -> None:
    product = a_product(5)
    shopper.register().put_in_cart(product["sku"])
    order = ok(shopper.check_out(), 201)
    other = Shopper(platform.url).register()

    refused(other.get(f"/api/shop/v1/orders/{order['number']}"), 404)
    other.close()


def test_an_order_without_an_idempotency_key_is_refused(
    shopper: Shopper, a_product: Product
) -> None:
    product = a_product(5)
    shopper.register().put_in_cart(product["sku"])
    body = {"shipping_address": ADDRESS, "payment": {"method": "test", "card": GOOD_CARD}}

    problem = refused(shopper.post("/api/shop/v1/orders", body), 422)

    assert "Idempotency-Key" in str(problem)


def test_a_body_of_ten_megabytes_is_refused(shopper: Shopper) -> None:
    answer = shopper.http.post(
        "/api/auth/v1/tokens",
        content=b'{"email": "' + b"a" * 10_000_000 + b'"}',
        headers={"content-type": "application/json"},
    )

    refused(answer, 413)


def test_broken_json_is_refused_as_such(shopper: Shopper) -> None:
    answer = shopper.http.post(
        "/api/auth/v1/tokens", content=b"{", headers={"content-type": "application/json"}
    )

    assert "JSON" in str(refused(answer, 400)["detail"])


def test_a_field_that_is_not_known_is_named(shopper: Shopper) -> None:
    body = {"email": "a@b.example", "password": PASSWORD, "name": "A", "is_superuser": True}

    problem = refused(shopper.http.post("/api/auth/v1/users", json=body), 422)

    assert "is_superuser" in str(problem["errors"])


def test_a_form_without_its_csrf_token_changes_nothing(shopper: Shopper) -> None:
    shopper.http.get("/account/sign-in")

    answer = shopper.http.post(
        "/account/sign-in", data={"email": "a@b.example", "password": PASSWORD}
    )

    assert answer.status_code == 403
    assert "text/html" in answer.headers["content-type"]


def test_a_cookie_session_cannot_be_used_from_another_site(
    shopper: Shopper, a_product: Product
) -> None:
    product = a_product(5)
    email = f"{uuid4().hex[:12]}@shoppers.example"
    body = {"email": email, "password": PASSWORD, "name": "Robin"}
    ok(shopper.http.post("/api/auth/v1/users", json=body), 201)
    sign_in = {"email": email, "password": PASSWORD}
    assert shopper.http.post("/api/auth/v1/sessions", json=sign_in).status_code in (200, 201)
    item = {"sku": product["sku"], "quantity": 1}

    from_elsewhere = shopper.post("/api/shop/v1/cart/items", item, origin="https://evil.example")
    from_nowhere = shopper.post("/api/shop/v1/cart/items", item)
    from_here = shopper.post("/api/shop/v1/cart/items", item, **{"sec-fetch-site": "same-origin"})

    refused(from_elsewhere, 403)
    refused(from_nowhere, 403)
    assert from_here.status_code in (200, 201)


def test_a_customer_cannot_do_what_only_staff_may(shopper: Shopper, a_product: Product) -> None:
    product = a_product(5)
    shopper.register()

    answer = shopper.http.put(
        f"/api/catalog/v1/products/{product['sku']}/price",
        json={"amount": 1, "currency": "EUR"},
        headers=shopper.headers,
    )

    refused(answer, 403)


def test_nothing_internal_is_reachable_from_outside(shopper: Shopper) -> None:
    answer = shopper.http.post("/internal/v1/session-tokens", json={"session": "x"})

    assert answer.status_code == 404
