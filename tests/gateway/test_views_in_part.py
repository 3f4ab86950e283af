"""Views when a service fails: what can be had is shown, and what is missing is named."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest

from gateway.proxy.resilience.breaker import State
from tests.gateway.conftest import Services
from tests.gateway.stage import RunningGateway, answer, get, says, wait_until
from tests.gateway.telling import (
    EUR,
    ORDER,
    an_order,
    missing,
    never,
    offers,
    tells,
)
from tests.gateway.test_identity import ASK

Open = Callable[..., RunningGateway]


def test_parts_that_fail_are_null_and_named_with_the_reason(
    client: httpx.Client, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.views.parts.Parts.__init__.__defaults__", (0.5,))
    tells(services.shop, ORDER, an_order("fine", "gone", "broken", "strange", "slow"))
    offers(services, "fine")
    path = "/api/catalog/v1/products"
    tells(services.catalog, f"{path}/gone", {}, status="404 Not Found")
    tells(services.catalog, f"{path}/broken", {}, status="500 Oops")
    tells(services.catalog, f"{path}/strange", {"slug": "strange"})
    services.catalog.on(f"{path}/slow", never)

    response = client.get("/api/views/orders/Q7F3-K2MD-9")

    lines = {each["slug"]: each["product"] for each in response.json()["order"]["lines"]}
    assert response.status_code == 200
    assert lines["fine"]["price"] == EUR
    assert [lines[slug] for slug in ("gone", "broken", "strange", "slow")] == [None] * 4
    assert missing(response) == {
        "products.gone": "not-found",
        "products.broken": "failed",
        "products.strange": "unreadable",
        "products.slow": "timeout",
    }


def test_a_shop_that_hangs_costs_a_product_no_more_than_what_the_shop_knows(
    client: httpx.Client, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.views.parts.Parts.__init__.__defaults__", (0.5,))
    offers(services, "mug")
    trail = [{"slug": "mugs", "name": "Mugs"}]
    tells(services.catalog, "/api/catalog/v1/categories/mugs", {"trail": trail})
    services.shop.on("/api/shop/v1/cart", never)

    response = client.get("/api/views/products/mug", headers={"x-cart-token": "t0ken"})

    assert missing(response) == {"in_cart": "timeout"}
    assert response.json()["trail"] == trail


def test_without_its_main_part_a_view_answers_what_the_service_says(
    client: httpx.Client, services: Services
) -> None:
    problem = {"type": "urn:quintet:problem:order-not-found", "status": 404}
    raw = answer(json.dumps(problem).encode(), "content-type: application/problem+json",
                 "set-cookie: a=b", status="404 Not Found")  # fmt: skip
    services.shop.on(ORDER, says(raw))

    response = client.get("/api/views/orders/Q7F3-K2MD-9")

    assert (response.status_code, response.json()) == (404, problem)
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "private, no-store"
    assert "set-cookie" not in response.headers


def test_a_main_part_whose_service_is_away_is_a_bad_gateway(
    client: httpx.Client, services: Services
) -> None:
    services.shop.on(ORDER, says(b"this is no HTTP\r\n\r\n"))

    response = client.get("/api/views/orders/Q7F3-K2MD-9")

    assert response.status_code == 502
    assert response.json()["type"] == "urn:quintet:problem:upstream-unreachable"
    assert response.json()["request_id"] == response.headers["x-request-id"]


def test_a_service_that_is_left_alone_is_not_asked_by_views_either(
    open_gateway: Open, services: Services
) -> None:
    gateway = open_gateway()
    tells(services.catalog, "/api/catalog/v1/categories", {}, status="503 Not Now")
    tells(services.catalog, "/api/catalog/v1/products", {}, status="503 Not Now")
    breaker = gateway.app.gates["catalog"].breaker
    wait_until(lambda: get(f"{gateway.url}/api/views/home") and breaker.state is State.OPEN)
    asked = len(services.catalog.seen)

    response = get(f"{gateway.url}/api/views/home")

    assert response.status_code == 200
    assert missing(response) == {"categories": "busy", "products": "busy"}
    assert len(services.catalog.seen) == asked
    assert gateway.app.gates["catalog"].in_flight == 0


def test_auth_in_trouble_makes_nobody_a_stranger(client: httpx.Client, services: Services) -> None:
    services.auth.on(ASK, says(answer(b"", status="500 Oops")))

    response = client.get("/api/views/orders/X", headers={"cookie": "quintet_session=tea"})

    assert response.status_code == 503
    assert response.json()["type"] == "urn:quintet:problem:identity-unavailable"
    assert services.shop.seen == []
