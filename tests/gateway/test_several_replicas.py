"""Canaries, and several replicas of a service on real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from types import SimpleNamespace

import httpx
import pytest

from gateway.proxy.identity.caller import Caller
from gateway.proxy.routing.route import Route, Split
from gateway.proxy.routing.splitting import service_for
from gateway.proxy.upstream.pool import address_of
from gateway.proxy.upstream.replica import Judging
from tests.gateway.conftest import Services
from tests.gateway.stage import Loop, RunningGateway, Seen, Upstream, answer, get, says, wait_until

Open = Callable[..., RunningGateway]


def flight(route: Route, client: str = "", session: str = "") -> SimpleNamespace:
    caller = Caller("session" if session else "nobody", session_id=session)
    return SimpleNamespace(route=route, caller=caller, head=SimpleNamespace(client=client))


def test_a_canary_gets_its_share_and_everybody_stays_on_one_side() -> None:
    few = Route("/", "catalog", splits=(Split("canary", 5.0),))
    more = Route("/", "catalog", splits=(Split("canary", 20.0),))

    def side(route: Route, who: str) -> str:
        return service_for(flight(route, client=who))  # type: ignore[arg-type]

    people = [f"10.0.{n // 250}.{n % 250}" for n in range(4000)]
    on_canary = {who for who in people if side(few, who) == "canary"}

    assert 120 < len(on_canary) < 280
    assert on_canary == {who for who in people if side(few, who) == "canary"}
    assert on_canary < {who for who in people if side(more, who) == "canary"}


def test_a_session_stays_on_its_side_when_the_address_changes() -> None:
    route = Route("/", "catalog", splits=(Split("canary", 50.0),))

    for session in ("a", "b", "c", "d"):
        sides = {
            service_for(flight(route, client=f"10.0.0.{n}", session=session))  # type: ignore[arg-type]
            for n in range(20)
        }
        assert len(sides) == 1


# The same with real sockets


@pytest.fixture
def second(loop: Loop) -> Iterator[Upstream]:
    with ExitStack() as stack:
        yield stack.enter_context(closing(Upstream(loop, "catalog-2")))


def test_requests_go_to_both_replicas_and_a_dead_one_costs_nobody_anything(
    open_gateway: Open, services: Services, second: Upstream
) -> None:
    gateway = open_gateway(catalog_url=f"{services.catalog.url},{second.url}")
    client = httpx.Client(base_url=gateway.url, trust_env=False, verify=False)

    before = [client.get("/").status_code for _ in range(10)]
    both = [services.catalog.seen, second.seen]
    assert all(len([each for each in seen if each.target == "/"]) == 5 for seen in both)
    second.close()
    after = [client.get("/").status_code for _ in range(10)]
    client.close()

    assert before + after == [200] * 20


def test_a_replica_that_answers_with_errors_is_passed_over(
    open_gateway: Open, services: Services, second: Upstream
) -> None:
    second.on("/", says(answer(status="500 Broken")))
    second.on("/healthz", says(answer()))
    gateway = open_gateway(catalog_url=f"{services.catalog.url},{second.url}")

    statuses = [get(gateway.url).status_code for _ in range(30)]

    assert statuses.count(500) == Judging().failures
    [bad] = [
        each
        for each in gateway.app.pools["catalog"].replicas
        if each.address == address_of(second.url)
    ]
    assert bad.state == "ejected"


def test_a_replica_that_is_slow_gets_fewer_requests(
    open_gateway: Open, services: Services, second: Upstream
) -> None:
    async def slow(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.6)
        writer.write(answer())

    second.on("/", slow)
    gateway = open_gateway(catalog_url=f"{services.catalog.url},{second.url}")

    async def storm() -> None:
        async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, verify=False) as client:

            async def shopper() -> None:
                for _ in range(10):
                    assert (await client.get("/")).status_code == 200

            await asyncio.gather(*(shopper() for _ in range(6)))

    asyncio.run(storm())

    taken = [
        len([one for one in each.seen if one.target == "/"]) for each in (services.catalog, second)
    ]
    assert sum(taken) == 60
    assert taken[1] < taken[0] / 2


def test_connections_of_a_replica_that_left_are_closed(
    open_gateway: Open, services: Services, second: Upstream
) -> None:
    gateway = open_gateway(catalog_url=f"{services.catalog.url},{second.url}")
    for _ in range(4):
        get(gateway.url)
    cluster = gateway.app.pools["catalog"]

    gateway.app.clock.loop.call_soon_threadsafe(
        cluster.configure, [address_of(services.catalog.url)]
    )

    wait_until(lambda: second.open == 0)
    assert len(cluster.replicas) == 1
    assert get(gateway.url).status_code == 200
