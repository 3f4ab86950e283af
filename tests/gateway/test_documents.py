"""One document for the API of all services: valid, marked where it is old, cheap to ask again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.security import HTTPBearer
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel

from gateway.api.contracts import merge_openapi
from gateway.api.naming import public_names
from gateway.proxy.routing.file import PACKAGED
from gateway.proxy.upstream.pool import address_of
from tests.gateway.conftest import Services
from tests.gateway.stage import Loop, RunningGateway, Upstream, answer, get, says, wait_until

Open = Callable[..., RunningGateway]
OWN = {"/healthz"}
MORE_ROUTES = """
[services.reviews]
urls = ["{url}"]

[services.shop-next]
urls = ["http://127.0.0.1:9"]

[[routes]]
prefix = "/api/reviews"
service = "reviews"

[[routes]]
prefix = "/api/shop"
service = "shop-next"
headers = {{ x-beta = "1" }}
"""


class ThingOut(BaseModel):
    """Every service has a thing."""

    name: str
    parts: list[ThingOut] = []


def an_api(service: str) -> dict[str, Any]:
    """The document of a service that looks like ours."""
    api = FastAPI(title=service, servers=[{"url": f"/api/{service}"}])
    bearer = HTTPBearer()

    @api.get("/v1/things", tags=["things"], name="list_things", deprecated=True)
    def list_things() -> list[ThingOut]:
        return []

    @api.post("/v1/things", name="add_thing")
    def add_thing(thing: ThingOut) -> ThingOut:
        return thing

    @api.get("/internal/v1/secrets", name="list_secrets")
    def list_secrets() -> list[str]:
        return []

    @api.delete("/v1/things", name="drop_things", openapi_extra={"x-internal": True})
    def drop_things() -> None: ...

    document = api.openapi()
    document["components"]["securitySchemes"] = {"bearer": bearer.model.model_dump(
        by_alias=True, exclude_none=True, mode="json")}  # fmt: skip
    document["paths"]["/v1/things"]["post"]["security"] = [{"bearer": []}]
    return document


def publish(services: Services, *names: str) -> None:
    for name in names:
        raw = answer(json.dumps(an_api(name)).encode(), "content-type: application/json")
        getattr(services, name).on(f"/api/{name}/openapi.json", says(raw))


def be_away(services: Services, *names: str) -> None:
    for name in names:
        raw = answer(b"no", status="404 Not Found")
        getattr(services, name).on(f"/api/{name}/openapi.json", says(raw))


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Services are asked again soon."""
    monkeypatch.setattr("gateway.api.collecting.FRESH_SECONDS", 0.02)
    monkeypatch.setattr("gateway.api.collecting.RETRY_SECONDS", 0.02)


def test_the_apis_of_all_services_become_one_valid_document(
    open_gateway: Open, services: Services
) -> None:
    publish(services, "auth", "catalog", "shop")

    document = get(f"{open_gateway().url}/openapi.json").json()

    OpenAPIV31SpecValidator(document).validate()
    mounted = {f"/api/{name}/v1/things" for name in ("auth", "catalog", "shop")}
    assert mounted | OWN <= set(document["paths"])
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
    assert len(ids) == len(set(ids)) >= 6
    for kind, name in re.findall(r'"#/components/([a-z]+)/([^"]+)"', text, re.IGNORECASE):
        assert name in document["components"][kind]


def test_names_that_a_framework_made_up_are_shortened_and_two_never_meet() -> None:
    made_up = ["Page_ThingOut_", "news__api__home__Thing", "news__api__red_tape__Thing", "Problem"]

    assert public_names("news", made_up) == {
        "Page_ThingOut_": "NewsThingOutPage",
        "news__api__home__Thing": "NewsHomeThing",
        "news__api__red_tape__Thing": "NewsRedTapeThing",
        "Problem": "NewsProblem",
    }
    for clash in (["Page_Thing_", "ThingPage"], ["a__home__Thing", "b__home__Thing"]):
        assert public_names("news", clash) == {name: f"News{name}" for name in clash}


def test_what_a_service_keeps_to_itself_is_not_shown() -> None:
    document = merge_openapi({"auth": an_api("auth")}, away={}, public_url="/")

    assert set(document["paths"]) == {"/api/auth/v1/things"}
    assert set(document["paths"]["/api/auth/v1/things"]) == {"get", "post"}


def test_limits_and_problems_are_described_once_for_all() -> None:
    document = merge_openapi({"auth": an_api("auth")}, away={}, public_url="/")

    responses = document["paths"]["/api/auth/v1/things"]["post"]["responses"]
    assert responses["429"] == {"$ref": "#/components/responses/TooManyRequests"}
    refused = document["components"]["responses"]["TooManyRequests"]
    assert set(refused["headers"]) == {"RateLimit", "RateLimit-Policy", "Retry-After"}
    assert refused["content"] == {
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
    }


def test_what_is_deprecated_says_which_fields_tell_the_end() -> None:
    """RFC 9745 and RFC 8594."""
    document = merge_openapi({"auth": an_api("auth")}, away={}, public_url="/")

    listing = document["paths"]["/api/auth/v1/things"]["get"]
    assert listing["deprecated"]
    assert set(listing["responses"]["200"]["headers"]) == {"Deprecation", "Sunset"}


@pytest.mark.usefixtures("often")
def test_a_service_that_is_away_is_marked_with_the_time_and_its_last_document_kept(
    open_gateway: Open, services: Services
) -> None:
    publish(services, "auth", "catalog", "shop")
    url = f"{open_gateway().url}/openapi.json"
    get(url)
    be_away(services, "shop")

    wait_until(lambda: "x-unavailable" in get(url).json())

    document = get(url).json()
    since = document["x-stale"]["shop"]
    OpenAPIV31SpecValidator(document).validate()
    assert document["x-unavailable"] == ["shop"]
    assert datetime.now(UTC) - datetime.fromisoformat(since) < timedelta(seconds=30)
    assert document["paths"]["/api/shop/v1/things"]["get"]["x-stale"] == since
    assert "x-stale" not in document["paths"]["/api/auth/v1/things"]["get"]

    publish(services, "shop")
    wait_until(lambda: "x-unavailable" not in get(url).json())


def test_services_that_are_away_from_the_start_are_left_out(
    open_gateway: Open, services: Services
) -> None:
    publish(services, "catalog")
    be_away(services, "auth", "shop")

    document = get(f"{open_gateway().url}/openapi.json").json()

    OpenAPIV31SpecValidator(document).validate()
    assert document["x-unavailable"] == ["auth", "shop"]
    assert document["x-stale"] == {}
    shown = {path for path in document["paths"] if path.startswith("/api/")}
    assert {path for path in shown if not path.startswith("/api/views")} == {
        "/api/catalog/v1/things"
    }


@pytest.mark.usefixtures("often")
def test_whoever_has_the_document_is_not_sent_it_again(
    open_gateway: Open, services: Services
) -> None:
    """RFC 9110, section 13.1.2."""
    publish(services, "auth", "catalog", "shop")
    url = f"{open_gateway().url}/openapi.json"
    etag = get(url).headers["etag"]

    again = get(url, **{"if-none-match": f'"other", W/{etag}'})
    be_away(services, "shop")
    wait_until(lambda: get(url).headers["etag"] != etag)

    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert get(url, **{"if-none-match": etag}).status_code == 200


def test_readers_do_not_make_the_gateway_ask_the_services_each_time(
    open_gateway: Open, services: Services
) -> None:
    publish(services, "auth", "catalog", "shop")
    gateway = open_gateway()

    for _ in range(5):
        get(f"{gateway.url}/openapi.json")

    assert [each.target for each in services.shop.seen] == ["/api/shop/openapi.json"]


@pytest.mark.usefixtures("often")
def test_a_service_that_joins_later_becomes_part_of_the_document(
    open_gateway: Open, services: Services, loop: Loop
) -> None:
    publish(services, "auth", "catalog", "shop")
    gateway = open_gateway()
    url = f"{gateway.url}/openapi.json"
    before = get(url)
    with closing(Upstream(loop, "reviews")) as reviews:
        raw = answer(json.dumps(an_api("reviews")).encode(), "content-type: application/json")
        reviews.on("/api/reviews/openapi.json", says(raw))

        gateway.app.reach.clusters.open("reviews").add(address_of(reviews.url))
        wait_until(lambda: "/api/reviews/v1/things" in get(url).json()["paths"])
        joined = get(url)

    OpenAPIV31SpecValidator(joined.json()).validate()
    assert "/api/reviews/v1/things" not in before.json()["paths"]
    assert before.headers["etag"] != joined.headers["etag"]


def test_a_service_of_the_routes_file_is_in_the_document_and_a_canary_is_not(
    open_gateway: Open, services: Services, loop: Loop, tmp_path: Path
) -> None:
    publish(services, "auth", "catalog", "shop")
    routes = tmp_path / "routes.toml"
    with closing(Upstream(loop, "reviews")) as reviews:
        raw = answer(json.dumps(an_api("reviews")).encode(), "content-type: application/json")
        reviews.on("/api/reviews/openapi.json", says(raw))
        routes.write_text(PACKAGED.read_text() + MORE_ROUTES.format(url=reviews.url))
        gateway = open_gateway(routes_file=routes)

        joined = get(f"{gateway.url}/openapi.json").json()

        events = get(f"{gateway.url}/asyncapi.json")
    assert "/api/reviews/v1/things" in joined["paths"]
    assert "x-unavailable" not in joined
    assert "reviews" not in events.text, "who has no bus is not asked for events"
