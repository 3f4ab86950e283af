"""Changes that come with our cookies must have been asked for by our own pages."""

from __future__ import annotations

import httpx
import pytest

from shared.http import csrf
from tests.gateway.conftest import Open, Services
from tests.gateway.stage import RunningGateway, status_of, talk
from tests.gateway.test_identity import ASK, knows

TOKEN = csrf.new_token()
SESSION = f"quintet_session=abc; quintet_csrf={TOKEN}"
ORDERS = "/api/shop/v1/orders"


@pytest.fixture(autouse=True)
def _signed_in(services: Services) -> None:
    services.auth.on(ASK, knows("abc"))


def status(gateway: RunningGateway, method: str, path: str, **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.request(
        method, gateway.url + path, headers=named, trust_env=False, verify=False
    ).status_code


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 403),
        ({"sec_fetch_site": "same-origin"}, 200),
        ({"sec_fetch_site": "none"}, 403),
        ({"sec_fetch_site": "same-site"}, 403),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "cross-site", "x_csrf_token": csrf.mask(TOKEN)}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://evil.example", "x_csrf_token": csrf.mask(TOKEN)}, 403),
        ({"origin": "http://127.0.0.1:8000"}, 200),
        ({"origin": "http://127.0.0.1:8000", "sec_fetch_site": "cross-site"}, 403),
        ({"origin": "http://127.0.0.1:8000", "sec_fetch_site": "same-site"}, 403),
        ({"origin": "http://evil.example", "sec_fetch_site": "same-origin"}, 403),
        ({"origin": "null", "sec_fetch_site": "same-origin"}, 403),
        ({"origin": "https://127.0.0.1:8000"}, 403),
        ({"origin": "http://127.0.0.1"}, 403),
        ({"origin": "http://127.0.0.1:8001"}, 403),
        ({"origin": "http://127.0.0.1:8000.evil.example"}, 403),
        ({"origin": "http://127.0.0.1:8000@evil.example"}, 403),
        ({"origin": "http://127.0.0.1:8000/"}, 403),
        ({"origin": "http://127.0.0.1:8000 http://evil.example"}, 403),
        ({"origin": "http://localhost:8000"}, 403),
        ({"origin": ""}, 403),
        ({"x_csrf_token": csrf.mask(TOKEN)}, 200),
        ({"x_csrf_token": csrf.mask(csrf.new_token())}, 403),
        ({"x_csrf_token": "rubbish"}, 403),
        ({"x_csrf_token": ""}, 403),
    ],
)
def test_a_change_with_a_session_needs_proof_of_origin(
    gateway: RunningGateway, method: str, headers: dict[str, str], expected: int
) -> None:
    assert status(gateway, method, ORDERS, cookie=SESSION, **headers) == expected


def test_the_address_that_the_client_used_is_our_own(gateway: RunningGateway) -> None:
    assert status(gateway, "POST", ORDERS, cookie=SESSION, origin=gateway.url) == 200


def test_the_refusal_has_a_name(gateway: RunningGateway) -> None:
    response = httpx.post(
        gateway.url + ORDERS, headers={"cookie": SESSION}, trust_env=False, verify=False
    )

    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"].endswith("csrf-token-missing")


@pytest.mark.parametrize(
    ("method", "path", "headers", "expected"),
    [
        ("GET", ORDERS, {"cookie": SESSION, "sec_fetch_site": "cross-site"}, 200),
        ("POST", ORDERS, {"sec_fetch_site": "cross-site"}, 200),
        ("POST", ORDERS, {"cookie": "theirs=1", "origin": "http://evil.example"}, 200),
        ("POST", ORDERS, {"cookie": "quintet_session=unknown"}, 200),
        ("POST", ORDERS, {"cookie": SESSION, "authorization": "Basic x"}, 200),
        ("POST", ORDERS, {"cookie": "quintet_cart=1"}, 200),
        ("POST", ORDERS, {"cookie": "quintet_cart=1", "sec_fetch_site": "cross-site"}, 403),
        ("POST", "/cart", {"cookie": "quintet_cart=1", "origin": "http://evil.example"}, 403),
        ("POST", "/checkout", {"cookie": SESSION, "sec_fetch_site": "cross-site"}, 403),
        ("POST", "/checkout", {"cookie": SESSION}, 200),
    ],
)
def test_only_changes_with_our_cookies_are_judged(
    gateway: RunningGateway, method: str, path: str, headers: dict[str, str], expected: int
) -> None:
    assert status(gateway, method, path, **headers) == expected


@pytest.mark.parametrize(
    "twice",
    [
        "origin: http://127.0.0.1:8000\r\norigin: http://evil.example\r\n",
        "sec-fetch-site: same-origin\r\nsec-fetch-site: cross-site\r\n",
    ],
)
def test_a_browser_that_says_two_things_is_no_browser(
    gateway: RunningGateway, services: Services, twice: str
) -> None:
    raw = f"POST {ORDERS} HTTP/1.1\r\nhost: a\r\ncookie: {SESSION}\r\n{twice}content-length: 0\r\n\r\n"

    assert status_of(talk(gateway.port, raw.encode())) == 400
    assert services.shop.seen == []


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("https://shop.example", 200),
        ("http://shop.example", 403),
        ("https://www.shop.example", 403),
    ],
)
def test_a_page_on_http_is_not_our_page_on_https(
    open_gateway: Open, services: Services, origin: str, expected: int
) -> None:
    """Whoever can write into an unencrypted connection can serve one: RFC 6454, section 8.2."""
    gateway = open_gateway(public_url="https://shop.example", trusted_proxies="127.0.0.1/32")
    cookie = f"__Host-quintet_session=abc; __Host-quintet_csrf={TOKEN}"

    got = status(
        gateway, "POST", ORDERS,
        cookie=cookie, origin=origin, host="shop.example", x_forwarded_proto="https",
    )  # fmt: skip

    assert got == expected
