"""Programs that steer the gateway by its public address: what they may name, and what they hear."""

from __future__ import annotations

import httpx
import pytest

from tests.gateway.conftest import Open, Services
from tests.gateway.signing import Auth, bearer
from tests.gateway.stage import RunningGateway, get
from tests.gateway.test_gateway_page import LOOKS, PAGE, STEERS, TWIN, Desk, desk, somebody

PROBLEM = "application/problem+json"


@pytest.fixture
def own(open_gateway: Open, services: Services) -> RunningGateway:
    """A gateway with something to steer, on its public port and on the inside."""
    gateway = open_gateway(internal_port=0)
    gateway.app.operations.parts.steering = Desk()
    Auth(services.auth)
    return gateway


def post(url: str, **more: object) -> httpx.Response:
    return httpx.post(url, trust_env=False, **more)  # type: ignore[arg-type]


def doors(own: RunningGateway) -> tuple[str, str]:
    """Where the cache is purged from outside, and on the inside."""
    inside = f"http://127.0.0.1:{own.app.operations.internal.port}/internal/gateway/"
    return f"{own.url}{PAGE}", inside


def test_a_program_with_a_token_of_its_own_may_steer(
    own: RunningGateway, services: Services
) -> None:
    somebody(services, STEERS)

    done = post(f"{own.url}{PAGE}cache/purge", headers=bearer())

    assert done.json() == {"did": "Forgot everything: 7 cached answers."}
    assert desk(own).done == [("purge", "*")]


def test_both_doors_forget_the_group_that_is_named_and_no_more(
    own: RunningGateway, services: Services
) -> None:
    somebody(services, STEERS)

    for door in doors(own):
        post(f"{door}cache/purge?group=mugs", headers=bearer())
        post(f"{door}cache/purge", headers=bearer(), data={"group": "pens"})
        post(f"{door}cache/purge-group?group=tea", headers=bearer())

    assert desk(own).done == [("purge", "mugs"), ("purge", "pens"), ("purge", "tea")] * 2


def test_a_group_that_cannot_be_read_is_never_taken_for_everything(
    own: RunningGateway, services: Services
) -> None:
    somebody(services, STEERS)

    for door in doors(own):
        empty = post(f"{door}cache/purge?group=", headers=bearer())
        as_json = post(f"{door}cache/purge", headers=bearer(), json={"group": "mugs"})
        endless = post(f"{door}cache/purge", headers=bearer(), data={"group": "x" * 9000})

        assert [each.status_code for each in (empty, as_json, endless)] == [409, 415, 413]
        assert empty.json() == {"did": "Not done: name a group."}

    assert desk(own).done == []


def test_a_token_without_the_right_is_told_so_as_a_problem(
    own: RunningGateway, services: Services
) -> None:
    """RFC 6750, section 3.1."""
    somebody(services, "catalog.change_price")
    html = {**bearer(), "accept": "text/html"}

    refused = post(f"{own.url}{PAGE}cache/purge", headers=html)
    unseen = get(f"{own.url}{PAGE}", **html), get(f"{own.url}{TWIN}", **html)

    assert [each.status_code for each in (refused, *unseen)] == [403] * 3
    assert {each.headers["content-type"] for each in (refused, *unseen)} == {PROBLEM}
    assert STEERS in refused.json()["detail"]
    assert LOOKS in unseen[0].json()["detail"]
    assert 'error="insufficient_scope"' in refused.headers["www-authenticate"]


def test_whoever_says_nothing_of_themselves_is_challenged(own: RunningGateway) -> None:
    """RFC 9110, section 15.5.2: a 401 says how to sign in."""
    refused = (
        post(f"{own.url}{PAGE}cache/purge"),
        get(f"{own.url}{PAGE}", accept="application/json"),
        get(f"{own.url}{TWIN}"),
    )

    for each in refused:
        assert (each.status_code, each.headers["content-type"]) == (401, PROBLEM)
        assert each.headers["www-authenticate"] == 'Bearer realm="quintet"'
    assert desk(own).done == []
