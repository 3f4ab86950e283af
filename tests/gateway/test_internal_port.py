"""The port for the inside: figures, readiness and steering; nothing of it on the public one."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from fastapi import APIRouter
from prometheus_client.parser import text_string_to_metric_families as parse

from gateway.operating.internal import InternalServer
from tests.gateway.conftest import Open, Services
from tests.gateway.stage import RunningGateway, answer, get, says, wait_until
from tests.gateway.test_gateway_page import Desk

INSIDE = ("/metrics", "/readyz", "/internal/gateway.json")


@pytest.fixture
def both(open_gateway: Open) -> RunningGateway:
    """A gateway with an internal port."""
    gateway = open_gateway(internal_port=0)
    gateway.app.operations.parts.steering = Desk()
    return gateway


def inside(gateway: RunningGateway) -> str:
    return f"http://127.0.0.1:{gateway.app.operations.internal.port}"


def post(url: str, **headers: str) -> httpx.Response:
    return httpx.post(url, headers=headers, trust_env=False)


def test_the_inside_is_told_everything(both: RunningGateway, services: Services) -> None:
    get(f"{both.url}/products/mug")

    figures, ready, twin = (get(inside(both) + path) for path in INSIDE)

    assert figures.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert {"quintet_gateway_requests", "process_cpu_seconds"} <= {
        family.name for family in parse(figures.text)
    }
    assert ready.json()["services"].keys() == {"auth", "catalog", "shop"}
    assert twin.json()["process"]["version"]
    assert get(f"{inside(both)}/healthz").json() == {"status": "ok", "service": "gateway"}


def test_the_public_port_knows_nothing_of_it(both: RunningGateway) -> None:
    for path in INSIDE:
        assert get(both.url + path).status_code == 404, path
    assert post(f"{both.url}/internal/gateway/cache/purge").status_code in (403, 404)
    assert both.app.operations.parts.steering.done == []
    assert get(f"{both.url}/healthz").status_code == 200


def test_readiness_names_whoever_is_not_ready(both: RunningGateway, services: Services) -> None:
    services.shop.on(
        "/readyz", says(answer(b'{"problems": {"database": "away"}}', status="503 No"))
    )

    ready = get(f"{inside(both)}/readyz")

    assert ready.status_code == 503
    assert ready.json()["services"]["shop"]["problems"] == {"database": "away"}


def test_scrapers_that_speak_openmetrics_get_it(both: RunningGateway) -> None:
    figures = get(f"{inside(both)}/metrics", accept="application/openmetrics-text;version=1.0.0")

    assert figures.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert figures.text.endswith("# EOF\n")


def test_the_inside_steers_or_is_told_why_not(both: RunningGateway) -> None:
    for action in (
        "replicas/10.0.0.1:8003/drain",
        "replicas/10.0.0.1:8003/enable",
        "cache/purge",
        "cache/purge?group=product-mug",
    ):
        answered = post(f"{inside(both)}/internal/gateway/{action}")
        assert (answered.status_code, bool(answered.json()["did"])) == (200, True)

    assert both.app.operations.parts.steering.done == [
        ("drain", "10.0.0.1:8003"),
        ("enable", "10.0.0.1:8003"),
        ("purge", "*"),
        ("purge", "product-mug"),
    ]
    refused = post(f"{inside(both)}/internal/gateway/replicas/last/drain")

    assert (refused.status_code, refused.json()["did"][:9]) == (409, "Not done:")
    assert post(f"{inside(both)}/internal/gateway/everything").status_code == 404


def test_no_browser_can_be_made_to_steer(both: RunningGateway) -> None:
    url = f"{inside(both)}/internal/gateway/cache/purge"

    assert post(url, origin="https://evil.example").status_code == 403
    assert post(url, **{"sec-fetch-site": "cross-site"}).status_code == 403
    assert both.app.operations.parts.steering.done == []


def test_without_a_port_of_its_own_only_this_machine_is_told(
    open_gateway: Open, services: Services
) -> None:
    gateway = open_gateway(trusted_proxies="127.0.0.1/32")

    for path in ("/metrics", "/readyz"):
        assert get(gateway.url + path).status_code == 200
        assert get(gateway.url + path, **{"x-forwarded-for": "203.0.113.9"}).status_code == 404
        assert get(gateway.url + path, forwarded="for=203.0.113.9").status_code == 404


def test_a_taken_port_stops_the_start(both: RunningGateway) -> None:
    second = InternalServer(APIRouter(), "127.0.0.1", both.app.operations.internal.port)

    with pytest.raises(OSError, match="in use"):
        asyncio.run(second.start())


def test_the_internal_port_closes_with_the_gateway(open_gateway: Open) -> None:
    gateway = open_gateway(internal_port=0)
    url = inside(gateway)
    get(f"{url}/healthz")

    gateway.close()

    wait_until(lambda: not _answers(url))


def _answers(url: str) -> bool:
    try:
        return get(f"{url}/healthz").status_code == 200
    except httpx.TransportError:
        return False
