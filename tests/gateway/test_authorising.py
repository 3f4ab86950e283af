"""Callers are refused early by what a service's own contract says; the service decides the rest."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from gateway.events.consumed import ShopReplicaAnnounced
from gateway.proxy.identity.requirements import Contract, NotAContract
from tests.gateway.conftest import Services
from tests.gateway.signing import Auth, bearer
from tests.gateway.stage import RunningGateway, answer, says, wait_until
from tests.gateway.test_hearing import publish
from tests.gateway.test_identity import ASK, knows
from tests.shared.bus.conftest import embedded
from tests.shared.bus.wires import Wire

__all__ = ["embedded"]  # a fixture

SOMEBODY: list[dict[str, list[str]]] = [{"accessToken": []}, {"session": []}]
ANYBODY = [*SOMEBODY, {}]

Open = Callable[..., RunningGateway]


def operation(security: Any = None, **more: Any) -> dict[str, Any]:
    said = {} if security is None else {"security": security}
    return {"responses": {}, **said, **more}


def contract(service: str, paths: dict[str, Any], **more: Any) -> dict[str, Any]:
    servers = [{"url": f"/api/{service}"}]
    return {"openapi": "3.1.0", "servers": servers, "paths": paths, **more}


SHOP = contract(
    "shop",
    {
        "/v1/cart": {"get": operation(ANYBODY)},
        "/v1/orders": {"get": operation(SOMEBODY), "post": operation([])},
        "/v1/orders/latest": {"get": operation([])},
        "/v1/orders/{number}": {
            "get": operation(SOMEBODY),
            "parameters": [{"name": "number", "in": "path"}],
        },
        "/v1/orders/{id}/ship": {
            "post": operation(SOMEBODY, **{"x-permissions": ["shop.ship_order"]})
        },
        "/v1/orders/{name}": {"delete": operation([{"accessToken": ["orders:write"]}])},
    },
)


@pytest.fixture
def reading(open_gateway: Open, services: Services) -> RunningGateway:
    """A gateway that has read the shop's contract; the others tell none."""
    tells(services, SHOP)
    Auth(services.auth)
    gateway = open_gateway(read_contracts=True)
    wait_until(lambda: "shop" in gateway.app.identity.contracts.known)
    services.shop.seen.clear()
    return gateway


def tells(services: Services, document: Any) -> None:
    body = json.dumps(document).encode()
    services.shop.on("/api/shop/openapi.json", says(answer(body)))


def call(gateway: RunningGateway, method: str, path: str, **headers: str) -> httpx.Response:
    url = f"{gateway.url}/api/shop{path}"
    return httpx.request(method, url, headers=headers, trust_env=False, timeout=30.0)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/cart", 200),
        ("GET", "/v1/orders", 401),
        ("HEAD", "/v1/orders", 401),  # RFC 9110, section 9.3.2
        ("POST", "/v1/orders", 200),
        ("GET", "/v1/orders/latest", 200),  # an address of its own before a template
        ("GET", "/v1/orders/Q7", 401),
        ("GET", "/v1/orders/%51%37", 401),
        ("GET", "/v1/%6Frders", 401),
        ("GET", "/v1/orders/Q7?a=b", 401),
        ("DELETE", "/v1/orders/Q7", 401),
        ("POST", "/v1/orders/Q7/ship", 401),
        ("PUT", "/v1/orders", 200),  # unknown here: the service says no
        ("GET", "/v1/orders/", 200),
        ("GET", "/v1/secrets", 200),
    ],
)
def test_strangers_are_refused_where_the_contract_wants_somebody(
    reading: RunningGateway, services: Services, method: str, path: str, status: int
) -> None:
    answered = call(reading, method, path)

    assert answered.status_code == status
    assert len(services.shop.seen) == (status == 200)


def test_a_stranger_is_told_how_to_come_in(reading: RunningGateway) -> None:
    refused = call(reading, "GET", "/v1/orders")  # RFC 6750, section 3: no error code

    assert refused.headers["www-authenticate"] == 'Bearer realm="quintet"'
    assert refused.json()["type"] == "urn:quintet:problem:sign-in-needed"


def test_the_signed_in_pass_by_token_or_by_cookie(
    reading: RunningGateway, services: Services
) -> None:
    services.auth.on(ASK, knows("abc"))

    assert call(reading, "GET", "/v1/orders", **bearer()).status_code == 200
    assert call(reading, "GET", "/v1/orders", cookie="quintet_session=abc").status_code == 200
    assert call(reading, "GET", "/v1/orders", cookie="quintet_session=x").status_code == 401
    assert call(reading, "GET", "/v1/orders", authorization="Basic YTpi").status_code == 401


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({}, 403),
        ({"permissions": ["shop.refund_order"]}, 403),
        ({"scope": "shop.ship_order"}, 403),  # what a client may ask is not what its user may do
        ({"permissions": "shop.ship_order"}, 403),
        ({"superuser": "yes"}, 403),
        ({"permissions": ["shop.ship_order"]}, 200),
        ({"superuser": True}, 200),
    ],
)
def test_a_permission_that_the_contract_names_must_be_held(
    reading: RunningGateway, said: dict[str, Any], status: int
) -> None:
    assert call(reading, "POST", "/v1/orders/Q7/ship", **bearer(**said)).status_code == status


def test_a_scope_that_the_contract_names_must_be_in_the_token(reading: RunningGateway) -> None:
    refused = call(reading, "DELETE", "/v1/orders/Q7", **bearer(scope="quintet"))
    passed = call(reading, "DELETE", "/v1/orders/Q7", **bearer(scope="quintet orders:write"))

    assert (refused.status_code, passed.status_code) == (403, 200)
    challenge = refused.headers["www-authenticate"]  # RFC 6750, section 3.1
    assert challenge.startswith('Bearer error="insufficient_scope", scope="orders:write"')


def test_a_contract_that_changes_is_read_again(reading: RunningGateway, services: Services) -> None:
    tells(services, contract("shop", {"/v1/cart": {"get": operation(SOMEBODY)}}))
    reading.app.clock.loop.call_soon_threadsafe(reading.app.identity.contracts.doubt)

    wait_until(lambda: call(reading, "GET", "/v1/cart").status_code == 401)
    assert call(reading, "GET", "/v1/orders").status_code == 200


def test_a_replica_of_another_release_makes_us_read_again(
    open_gateway: Open, services: Services, embedded: Wire
) -> None:
    tells(services, SHOP)
    gateway = open_gateway(bus_url=embedded.url, hear_events=True, read_contracts=True)
    contracts = gateway.app.identity.contracts
    wait_until(lambda: "shop" in contracts.known and gateway.app.hearing.hears())
    tells(services, contract("shop", {"/v1/cart": {"get": operation(SOMEBODY)}}))
    serving = {"state": "serving", "count": 1, "every": 5.0, "prefixes": []}
    replica = {"service": "shop", "replica": "one", "url": services.shop.url}

    publish(embedded, ShopReplicaAnnounced(**replica, **serving, release="2"))

    wait_until(lambda: call(gateway, "GET", "/v1/cart").status_code == 401)


def test_the_last_good_contract_stays(reading: RunningGateway, services: Services) -> None:
    contracts = reading.app.identity.contracts
    failures = contracts.failures
    services.shop.on("/api/shop/openapi.json", says(answer(b"", status="500 Oops")))
    reading.app.clock.loop.call_soon_threadsafe(contracts.doubt)
    wait_until(lambda: contracts.failures >= failures + 3)

    assert call(reading, "GET", "/v1/orders").status_code == 401


def test_without_any_contract_the_service_decides(open_gateway: Open, services: Services) -> None:
    gateway = open_gateway()

    assert call(gateway, "GET", "/v1/orders").status_code == 200


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"openapi": "3.1.0"},
        {"openapi": "2.0", "paths": {}, "servers": [{"url": "/"}]},
        {"openapi": "3.1.0", "paths": {}},
        {"openapi": "3.1.0", "paths": {}, "servers": []},
        {"openapi": "3.1.0", "paths": {"/a": 1}, "servers": [{"url": "/"}]},
        {"openapi": "3.1.0", "paths": {"/a": {"get": 1}}, "servers": [{"url": "/"}]},
        {
            "openapi": "3.1.0",
            "paths": {"/a": {"get": {"security": [1]}}},
            "servers": [{"url": "/"}],
        },
    ],
)
def test_what_is_no_contract_is_not_taken_for_one(broken: dict[str, Any]) -> None:
    with pytest.raises(NotAContract):
        Contract(broken)


def test_security_of_the_whole_document_counts_where_an_operation_says_nothing() -> None:
    paths = {"/a": {"get": operation()}, "/b": {"get": operation([])}}
    made = Contract(contract("shop", paths, security=SOMEBODY))

    assert made.needs("GET", b"/api/shop/a") is not None
    assert made.needs("GET", b"/api/shop/b") is None


def test_the_memory_of_addresses_is_bounded() -> None:
    made = Contract(SHOP)

    for n in range(10_000):
        assert made.needs("GET", b"/api/shop/v1/orders/%d" % n) is not None
    assert made.needs("GET", b"/api/shop/v1/orders/" + b"x" * 5000) is not None

    assert len(made.at_hand) <= 4096


def test_admin_operations_are_closed_while_no_contract_is_known() -> None:
    from gateway.proxy.edge.headers import Head
    from gateway.proxy.identity.authorise import Authoriser
    from gateway.proxy.routing.route import Route
    from gateway.refusals import Refused

    class Asked:
        """As much of a request as is looked at."""

        head = Head("GET", b"/api/shop/v1/bus/overview", "127.0.0.1", [])
        route = Route("/api/shop/v1/bus", "shop", admin=True)

    authoriser: Any = Authoriser({})

    with pytest.raises(Refused) as refused:
        authoriser.check(Asked())
    assert refused.value.status == 503


def test_contracts_are_asked_for_in_parallel() -> None:
    from gateway.proxy.identity.contracts import Contracts
    from gateway.proxy.upstream.fetch import Answer

    async def play() -> None:
        waiting = 0
        everybody = asyncio.Event()

        async def fetch(service: str, path: str) -> Answer:
            nonlocal waiting
            assert path == f"/api/{service}/openapi.json"
            waiting += 1
            if waiting == 3:
                everybody.set()
            await everybody.wait()
            return Answer(200, [], json.dumps(contract(service, {})).encode())

        contracts = Contracts(fetch, lambda: ("auth", "catalog", "shop"))
        await asyncio.wait_for(contracts.refresh(), 30.0)
        assert sorted(contracts.known) == ["auth", "catalog", "shop"]

    asyncio.run(play())


def test_whoever_never_tells_is_asked_ever_more_seldom() -> None:
    from gateway.proxy.identity.contracts import REFRESH, RETRY, Contracts
    from gateway.proxy.upstream.fetch import Answer

    async def fetch(service: str, path: str) -> Answer:
        return Answer(404, [], b"{}")

    async def play() -> list[float]:
        contracts = Contracts(fetch, lambda: ("other",))
        pauses = []
        for _ in range(7):
            await contracts.refresh()
            pauses.append(contracts._pause())
        return pauses

    pauses = asyncio.run(play())

    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (RETRY, REFRESH)
