"""What the gateway says about itself and about all services together."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import pytest

from gateway.events.consumed import AnyReplicaAnnounced
from tests.gateway.conftest import Services
from tests.gateway.stage import RunningGateway, answer, get, says, wait_until

Open = Callable[..., RunningGateway]


def test_the_api_page_asks_no_outside_host(client: httpx.Client) -> None:
    page = client.get("/docs")
    start = client.get("/docs/static/start.js")

    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert page.status_code == 200
    assert all(link.startswith("/") and not link.startswith("//") for link in links)
    assert all(client.get(link).status_code == 200 for link in links if "/docs/" in link)
    assert "validatorUrl: null" in start.text
    assert "http" not in start.text
    assert "<script>" not in page.text
    assert "dark-mode" in client.get("/docs/static/theme.js").text
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "connect-src 'self'" in policy


@pytest.mark.parametrize("path", ["/api/nope", "/api/nope/v1/things", "/api", "/api/"])
def test_what_lies_below_api_and_is_nobodys_is_no_page_of_the_shop(
    client: httpx.Client, services: Services, path: str
) -> None:
    for method in ("GET", "POST", "DELETE"):
        unknown = client.request(method, path, headers={"accept": "application/json"})

        assert (unknown.status_code, unknown.json()["status"]) == (404, 404)
        assert unknown.headers["content-type"] == "application/problem+json"
    assert services.catalog.seen == []


def test_files_of_the_api_page_are_compressed_for_those_who_can(client: httpx.Client) -> None:
    plain = client.get("/docs/static/swagger-ui.css", headers={"accept-encoding": "identity"})
    zipped = client.get("/docs/static/swagger-ui.css", headers={"accept-encoding": "gzip"})

    assert "content-encoding" not in plain.headers
    assert int(zipped.headers["content-length"]) < int(plain.headers["content-length"]) / 2
    assert zipped.content == plain.content


def test_health_says_that_we_live_whatever_the_services_do(open_gateway: Open) -> None:
    gateway = open_gateway(**{f"{name}_url": "http://127.0.0.1:9" for name in ("auth", "shop")})

    response = get(f"{gateway.url}/healthz")

    assert (response.status_code, response.json()["status"]) == (200, "ok")
    assert response.headers["x-content-type-options"] == "nosniff"


def test_ready_means_that_every_service_of_the_settings_is(
    client: httpx.Client, services: Services
) -> None:
    fine = client.get("/readyz")
    services.shop.on("/readyz", says(answer(b'{"problems": {}}', status="503 Not Ready")))
    not_fine = client.get("/readyz")

    assert (fine.status_code, not_fine.status_code) == (200, 503)
    assert not_fine.json()["services"]["shop"]["status"] == "not ready"
    assert not_fine.json()["services"]["auth"]["status"] == "ready"


def test_a_guest_that_is_not_ready_is_named_and_takes_nobody_out_of_service(
    open_gateway: Open,
) -> None:
    gateway = open_gateway()
    guest = {
        "service": "news", "replica": "a", "url": "http://127.0.0.1:9", "state": "serving",
        "release": "", "count": 1, "every": 30.0, "prefixes": ["/api/news"],
    }  # fmt: skip
    hear = gateway.app.reach.discovery.hear
    loop = gateway.app.clock.loop
    loop.call_soon_threadsafe(hear, "news", AnyReplicaAnnounced(**guest))
    wait_until(lambda: "news" in gateway.app.pools)

    ready = get(f"{gateway.url}/readyz")

    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert ready.json()["services"]["news"] == {"status": "unreachable"}


def test_a_service_that_cannot_be_reached_is_named(open_gateway: Open) -> None:
    gateway = open_gateway(shop_url="http://127.0.0.1:9")

    response = get(f"{gateway.url}/readyz")

    assert response.status_code == 503
    assert response.json()["services"]["shop"] == {"status": "unreachable"}


def test_figures_are_counted(open_gateway: Open, services: Services) -> None:
    gateway = open_gateway(shop_url="http://127.0.0.1:9")
    for path in ("/products/mug", "/products/pen", "/cart", "/internal/x"):
        get(gateway.url + path)

    text = get(f"{gateway.url}/metrics").text

    requests = 'quintet_gateway_requests_total{route="%s",service="%s",method="GET",status="%s"} %d'
    assert requests % ("/", "catalog", "2xx", 2) in text
    assert requests % ("/cart", "shop", "5xx", 1) in text
    assert requests % ("(none)", "gateway", "4xx", 1) in text
    failures = 'quintet_gateway_failures_total{service="shop",reason="upstream-unreachable"} 1'
    assert failures in text
    assert 'quintet_gateway_request_seconds_count{route="/",service="catalog"} 2' in text
    assert 'quintet_gateway_pool_connections{service="catalog",state="idle"} 1' in text


def test_what_is_not_there_is_a_problem_too(client: httpx.Client) -> None:
    missing, wrong = client.get("/docs/static/secrets.txt"), client.post("/healthz")

    assert (missing.status_code, wrong.status_code) == (404, 405)
    assert {each.headers["content-type"] for each in (missing, wrong)} == {
        "application/problem+json"
    }
