"""Signing out, closing accounts and changing keys, on the whole platform: over within moments."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx

from tests.system.conftest import ADMIN
from tests.system.platform import Platform
from tests.system.shopper import PASSWORD, Shopper, ok

ORDERS = "/api/shop/v1/orders"
SOON = 3.0  # seconds: one after the event, and those that the event takes to be said and heard


def soon(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON
    while not true():
        assert time.monotonic() < deadline, "this takes too long"
        time.sleep(0.02)


def status(shopper: Shopper, path: str = ORDERS) -> int:
    return shopper.get(path).status_code


def browser(platform: Platform, email: str) -> httpx.Client:
    """A browser that is signed in."""
    client = httpx.Client(base_url=platform.url, timeout=30, headers={"origin": platform.url})
    ok(client.post("/api/auth/v1/sessions", json={"email": email, "password": PASSWORD}), 201)
    return client


def register(shopper: Shopper) -> str:
    """Register and sign in; the address."""
    return str(ok(shopper.register().get("/api/auth/v1/users/me"), 200)["email"])


def test_a_token_whose_session_ended_opens_no_service_any_more(shopper: Shopper) -> None:
    register(shopper)
    assert status(shopper) == 200

    shopper.http.delete("/api/auth/v1/sessions/current", headers=shopper.headers)

    soon(lambda: status(shopper) == 401)
    refused = shopper.get(ORDERS)
    assert refused.headers["www-authenticate"].startswith('Bearer error="invalid_token"')


def test_a_browser_signed_out_elsewhere_is_nobody(platform: Platform, shopper: Shopper) -> None:
    email = register(shopper)
    there = browser(platform, email)
    assert ok(there.get(ORDERS), 200)["items"] == []
    listed = ok(shopper.get("/api/auth/v1/sessions"), 200)["items"]
    (other,) = [each["id"] for each in listed if not each["current"]]

    shopper.http.delete(f"/api/auth/v1/sessions/{other}", headers=shopper.headers)

    soon(lambda: there.get("/api/auth/v1/users/me").status_code == 401)
    assert status(shopper) == 200
    there.close()


def test_a_closed_account_is_out_everywhere(shopper: Shopper, staff: Shopper) -> None:
    register(shopper)
    me = ok(shopper.get("/api/auth/v1/users/me"), 200)["id"]
    assert status(shopper) == 200

    ok(
        staff.http.patch(
            f"/api/auth/v1/users/{me}", json={"is_active": False}, headers=staff.headers
        ),
        200,
    )

    soon(lambda: status(shopper) == 401)


def test_the_gateway_refuses_what_the_contract_says_the_service_would(shopper: Shopper) -> None:
    register(shopper)
    ship = f"{ORDERS}/Q7F3-K2MD-9/ship"

    stranger = shopper.http.post(ship, json={})
    customer = shopper.post(ship, {})

    assert (stranger.status_code, customer.status_code) == (401, 403)


def test_rotated_keys_end_nobody_and_dropped_keys_everybody(
    platform: Platform, shopper: Shopper
) -> None:
    email = register(shopper)
    there = browser(platform, email)

    platform.manage("auth", "rotate-keys")

    other = Shopper(platform.url)
    soon(lambda: status(shopper) == 200 and status(other.sign_in(email, PASSWORD)) == 200)
    assert there.get(ORDERS).status_code == 200

    platform.manage("auth", "rotate-keys", "--drop-old")

    soon(lambda: status(shopper) == 401 and status(other) == 401)
    soon(lambda: other.sign_in(email, PASSWORD).get(ORDERS).status_code == 200)
    soon(lambda: there.get(ORDERS).status_code == 200)  # its key is no token: it gets a new one
    for each in (there, other):
        each.close()


def test_tokens_pass_while_auth_is_away_and_after_it_came_back(
    platform: Platform, shopper: Shopper
) -> None:
    email = register(shopper)
    there = browser(platform, email)
    assert (status(shopper), there.get(ORDERS).status_code) == (200, 200)

    platform.kill("auth")
    try:
        unknown = httpx.get(platform.url + ORDERS, headers={"cookie": "quintet_session=unknown"})
        away = (status(shopper), there.get(ORDERS).status_code, unknown.status_code)
    finally:
        platform.start("auth")

    assert away == (200, 200, 503)
    assert (status(shopper), there.get(ORDERS).status_code) == (200, 200)
    shopper.http.delete("/api/auth/v1/sessions/current", headers=shopper.headers)
    soon(lambda: status(shopper) == 401)
    there.close()


def test_the_admin_is_open_to_its_people_again_after_all_that(platform: Platform) -> None:
    root = Shopper(platform.url).sign_in(*ADMIN)

    soon(lambda: root.get("/admin/gateway.json").status_code == 200)
    root.close()
