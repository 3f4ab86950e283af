"""What the gateway says about itself and about all services together."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.security import HTTPBearer
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel

from tests.gateway.conftest import Services
from tests.gateway.stage import RunningGateway, answer, get, says

Open = Callable[..., RunningGateway]


class ThingOut(BaseModel):
    """Every service has a thing."""

    name: str
    parts: list[ThingOut] = []


def an_api(service: str) -> dict[str, Any]:
    """The document of a service that looks like ours."""
    api = FastAPI(title=service, servers=[{"url": f"/api/{service}"}])
    bearer = HTTPBearer()

    @api.get("/v1/things", tags=["things"], name="list_things")
    def list_things() -> list[ThingOut]:
        return []

    @api.post("/v1/things", name="add_thing")
    def add_thing(thing: ThingOut) -> ThingOut:
        return thing

    document = api.openapi()
    document["components"]["securitySchemes"] = {"bearer": bearer.model.model_dump(
        by_alias=True, exclude_none=True, mode="json")}  # fmt: skip
    document["paths"]["/v1/things"]["post"]["security"] = [{"bearer": []}]
    return document


def publish(services: Services, *names: str) -> None:
    for name in names:
        raw = answer(json.dumps(an_api(name)).encode(), "content-type: application/json")
        getattr(services, name).on(f"/api/{name}/openapi.json", says(raw))


def test_the_apis_of_all_services_become_one_valid_document(
    open_gateway: Open, services: Services
) -> None:
    publish(services, "auth", "catalog", "shop")

    document = get(f"{open_gateway().url}/openapi.json").json()

    OpenAPIV31SpecValidator(document).validate()
    assert set(document["paths"]) == {f"/api/{s}/v1/things" for s in ("auth", "catalog", "shop")}
    assert {
        "AuthHTTPValidationError",
        "CatalogHTTPValidationError",
        "ShopHTTPValidationError",
    } <= set(document["components"]["schemas"])
    assert set(document["components"]["securitySchemes"]) == {"accessToken", "session", "bearer"}
    assert document["servers"] == [{"url": "http://127.0.0.1:8000"}]
    assert "x-unavailable" not in document


def test_names_of_operations_and_references_stay_unique_and_whole(
    open_gateway: Open, services: Services
) -> None:
    publish(services, "auth", "catalog", "shop")

    text = get(f"{open_gateway().url}/openapi.json").text

    document = json.loads(text)
    ids = re.findall(r'"operationId":"([^"]+)"', text)
    assert len(ids) == len(set(ids)) == 6
    for reference in re.findall(r'"#/components/schemas/([^"]+)"', text):
        assert reference in document["components"]["schemas"]


def test_a_service_that_is_away_is_marked_and_its_last_document_kept(
    open_gateway: Open, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.api.collecting.FRESH_SECONDS", 0.0)
    publish(services, "auth", "catalog", "shop")
    gateway = open_gateway()
    get(f"{gateway.url}/openapi.json")
    services.shop.on("/api/shop/openapi.json", says(answer(b"", status="500 Oops")))

    document = get(f"{gateway.url}/openapi.json").json()

    assert document["x-unavailable"] == ["shop"]
    assert "/api/shop/v1/things" in document["paths"]


def test_services_that_are_away_from_the_start_are_left_out(
    open_gateway: Open, services: Services
) -> None:
    publish(services, "catalog")
    for each in (services.auth, services.shop):
        each.on(f"/api/{each.name}/openapi.json", says(answer(b"no", status="404 Not Found")))

    document = get(f"{open_gateway().url}/openapi.json").json()

    OpenAPIV31SpecValidator(document).validate()
    assert document["x-unavailable"] == ["auth", "shop"]
    assert set(document["paths"]) == {"/api/catalog/v1/things"}


def test_events_of_all_services_become_one_document(open_gateway: Open, services: Services) -> None:
    def events(action: str, note: str) -> bytes:
        channel = {"address": "a.b.c.v1", "messages": {"event": {"name": note}}}
        return json.dumps(
            {
                "asyncapi": "3.0.0",
                "channels": {"a.b.c.v1": channel},
                "operations": {f"{action}.a.b.c.v1": {"action": action}},
                "components": {
                    "schemas": {"a.b.c.v1": {"$id": "a.b.c.v1"}} if action == "send" else {}
                },
            }
        ).encode()

    services.auth.on("/asyncapi.json", says(answer(events("receive", "reader"))))
    services.catalog.on("/asyncapi.json", says(answer(events("send", "publisher"))))
    services.shop.on("/asyncapi.json", says(answer(b"", status="404 Not Found")))

    document = get(f"{open_gateway().url}/asyncapi.json").json()

    assert set(document["operations"]) == {"auth.receive.a.b.c.v1", "catalog.send.a.b.c.v1"}
    assert document["channels"]["a.b.c.v1"]["messages"]["event"] == {
        "name": "publisher",
        "payload": {"$ref": "#/components/schemas/a.b.c.v1"},
    }
    assert document["x-unavailable"] == ["shop"]


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
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "connect-src 'self'" in policy


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


def test_ready_means_that_every_service_is(client: httpx.Client, services: Services) -> None:
    fine = client.get("/readyz")
    services.shop.on("/readyz", says(answer(b'{"problems": {}}', status="503 Not Ready")))
    not_fine = client.get("/readyz")

    assert (fine.status_code, not_fine.status_code) == (200, 503)
    assert not_fine.json()["services"]["shop"]["status"] == "not ready"
    assert not_fine.json()["services"]["auth"]["status"] == "ready"


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

    assert 'quintet_gateway_requests_total{route="/",status="200"} 2' in text
    assert 'quintet_gateway_requests_total{route="/cart",status="502"} 1' in text
    assert 'quintet_gateway_requests_total{route="(none)",status="404"} 1' in text
    assert (
        'quintet_gateway_upstream_errors_total{service="shop",reason="upstream-unreachable"} 1'
        in text
    )
    assert 'quintet_gateway_request_seconds_count{service="catalog"} 2' in text
    assert 'quintet_gateway_pool_connections{service="catalog",state="idle"} 1' in text


def test_what_is_not_there_is_a_problem_too(client: httpx.Client) -> None:
    missing, wrong = client.get("/docs/static/secrets.txt"), client.post("/healthz")

    assert (missing.status_code, wrong.status_code) == (404, 405)
    assert {each.headers["content-type"] for each in (missing, wrong)} == {
        "application/problem+json"
    }
