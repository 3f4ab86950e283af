"""Operators take replicas out and let them in, and empty the cache: on a gateway that runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from tests.gateway.conftest import Open, Services
from tests.gateway.stage import Loop, RunningGateway, Upstream, answer, get, says


@pytest.fixture
def second(loop: Loop) -> Iterator[Upstream]:
    """Another replica of the shop."""
    with closing(Upstream(loop, "shop")) as upstream:
        yield upstream


@pytest.fixture
def own(open_gateway: Open, services: Services, second: Upstream) -> RunningGateway:
    return open_gateway(internal_port=0, shop_url=f"{services.shop.url},{second.url}")


def steer(own: RunningGateway, action: str) -> httpx.Response:
    port = own.app.operations.internal.port
    return httpx.post(f"http://127.0.0.1:{port}/internal/gateway/{action}", trust_env=False)


def twin(own: RunningGateway) -> dict[str, Any]:
    """The replicas of the shop, as the inside is told of them."""
    told = get(f"http://127.0.0.1:{own.app.operations.internal.port}/internal/gateway.json").json()
    (shop,) = [each for each in told["services"] if each["name"] == "shop"]
    return {each["name"]: each for each in shop["replicas"]}


def name_of(upstream: Upstream) -> str:
    return f"127.0.0.1:{upstream.port}"


def asked(upstream: Upstream) -> int:
    """How many carts it was asked for."""
    return sum(1 for each in upstream.seen if each.target == "/cart")


def test_a_drained_replica_gets_no_more_requests_until_it_is_enabled(
    own: RunningGateway, services: Services, second: Upstream
) -> None:
    drained = steer(own, f"replicas/{name_of(second)}/drain")
    for _ in range(6):
        assert get(f"{own.url}/cart").status_code == 200

    assert drained.status_code == 200
    assert (asked(services.shop), asked(second)) == (6, 0)
    seen = twin(own)[name_of(second)]
    assert (seen["state"], seen["words"], seen["steered"]) == (
        "away",
        "drained by an operator",
        True,
    )

    assert steer(own, f"replicas/{name_of(second)}/enable").status_code == 200
    assert steer(own, f"replicas/{name_of(services.shop)}/drain").status_code == 200
    assert get(f"{own.url}/cart").status_code == 200
    assert (asked(services.shop), asked(second)) == (6, 1)
    assert twin(own)[name_of(second)]["words"].startswith("warming up")


def test_the_last_replica_that_works_cannot_be_drained(
    own: RunningGateway, services: Services, second: Upstream
) -> None:
    steer(own, f"replicas/{name_of(second)}/drain")

    refused = steer(own, f"replicas/{name_of(services.shop)}/drain")

    assert refused.status_code == 409
    assert "the last replica of shop" in refused.json()["did"]
    assert get(f"{own.url}/cart").status_code == 200


def test_what_is_not_there_or_was_not_drained_is_refused(
    own: RunningGateway, second: Upstream
) -> None:
    assert steer(own, "replicas/10.9.9.9:1/drain").status_code == 409
    assert steer(own, f"replicas/{name_of(second)}/enable").status_code == 409


def test_a_purged_answer_is_asked_for_again(own: RunningGateway, services: Services) -> None:
    kept = answer(b"[]", "cache-control: public, max-age=600", 'cache-groups: "products"')
    services.catalog.on("/api/catalog/v1/products", says(kept))

    def look() -> int:
        get(f"{own.url}/api/catalog/v1/products")
        return sum(each.target == "/api/catalog/v1/products" for each in services.catalog.seen)

    assert (look(), look()) == (1, 1)
    assert steer(own, "cache/purge?group=people").json()["did"].endswith(" 0 cached answers.")
    assert look() == 1
    assert steer(own, "cache/purge?group=products").json()["did"].endswith(" 1 cached answer.")
    assert look() == 2
    assert steer(own, "cache/purge").json()["did"] == "Forgot everything: 1 cached answer."
    assert look() == 3
