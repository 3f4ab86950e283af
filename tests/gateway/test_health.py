"""Replicas are asked how they are, host names where they lead; nobody waits for the answer."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from gateway.proxy.upstream.cluster import Cluster
from gateway.proxy.upstream.clusters import Clusters
from gateway.proxy.upstream.health import Health, is_literal, is_well
from gateway.proxy.upstream.pool import Address, PoolLimits, address_of
from gateway.proxy.upstream.replica import Judging, Replica
from tests.gateway.conftest import Services
from tests.gateway.stage import (
    Loop,
    RunningGateway,
    Seen,
    Upstream,
    answer,
    get,
    says,
    wait_until,
)  # fmt: skip

Open = Callable[..., RunningGateway]

JUDGING = Judging(up_after=2, down_after=3)
QUICK = {"check_every": 0.05, "slow_start": 0.01, "eject_seconds": 0.2}


@pytest.fixture
def second(loop: Loop) -> Iterator[Upstream]:
    with ExitStack() as stack:
        yield stack.enter_context(closing(Upstream(loop, "catalog-2")))


def both(gateway: RunningGateway, second: Upstream) -> tuple[Replica, Replica]:
    """The usual replica, and the second one."""
    replicas = gateway.app.pools["catalog"].replicas
    first, other = sorted(replicas, key=lambda each: each.address.port == second.port)
    return first, other


def checks(upstream: Upstream) -> int:
    return len([each for each in upstream.seen if each.target == "/healthz"])


def open_with(open_gateway: Open, services: Services, second: Upstream) -> RunningGateway:
    for each in (services.catalog, second):
        each.on("/healthz", says(answer(b"{}")))
    return open_gateway(catalog_url=f"{services.catalog.url},{second.url}", **QUICK)


def test_a_replica_that_fails_checks_gets_no_requests_until_it_passes_them(
    open_gateway: Open, services: Services, second: Upstream
) -> None:
    gateway = open_with(open_gateway, services, second)
    _, other = both(gateway, second)

    second.on("/healthz", says(answer(status="503 Unwell")))
    wait_until(lambda: other.state == "down")
    second.on("/", says(answer(status="500 Broken")))
    assert {get(gateway.url).status_code for _ in range(10)} == {200}
    second.on("/healthz", says(answer()))
    wait_until(lambda: other.state == "fit")

    wait_until(lambda: get(gateway.url).status_code == 500)


def test_a_replica_that_accepts_and_says_nothing_fails_its_check(loop: Loop) -> None:
    async def silent(_: Seen, reader: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        await reader.read()

    with closing(Upstream(loop, "silent")) as upstream:
        upstream.on("/healthz", silent)

        assert asyncio.run(is_well(address_of(upstream.url), 0.1)) is False


@pytest.mark.parametrize(
    ("raw", "well"),
    [
        (answer(), True), (answer(status="204 None"), False), (answer(status="500 No"), False),
        (b"SSH-2.0-hello\r\n", False), (b"x" * 5000, False),
    ],
)  # fmt: skip
def test_only_200_is_well(loop: Loop, raw: bytes, well: bool) -> None:
    with closing(Upstream(loop, "odd")) as upstream:
        upstream.on("/healthz", says(raw))

        assert asyncio.run(is_well(address_of(upstream.url), 0.5)) is well


def test_nobody_there_is_not_well() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    assert asyncio.run(is_well(Address("127.0.0.1", port), 0.5)) is False


def test_a_service_with_one_replica_is_not_asked(open_gateway: Open, services: Services) -> None:
    gateway = open_gateway(**QUICK)

    get(gateway.url)
    get(gateway.url)

    assert checks(services.catalog) == 0


def test_going_down_and_coming_up_take_several_checks_each(loop: Loop) -> None:
    cluster = Cluster("shop", PoolLimits(), JUDGING, lambda: 0.0)
    cluster.configure([Address("127.0.0.1", 1), Address("127.0.0.1", 2)])
    replica = cluster.replicas[0]

    def outcomes(*passed: bool) -> list[str]:
        told = []
        for each in passed:
            cluster.checked(replica, passed=each)
            told.append(replica.state)
        return told

    assert outcomes(False, False, True, False, False) == ["fit"] * 5
    assert outcomes(False) == ["down"]
    assert outcomes(True, False, True) == ["down"] * 3
    assert outcomes(True) == ["fit"]


def test_a_check_that_passes_ends_the_pause_of_a_replica_that_was_away() -> None:
    cluster = Cluster("shop", PoolLimits(), JUDGING, lambda: 100.0)
    cluster.configure([Address("127.0.0.1", 1), Address("127.0.0.1", 2)])
    away, broken = cluster.replicas
    away.pool.unreachable = True
    for _ in range(JUDGING.failures):
        away.done(ok=False)
    assert away.state == "ejected"

    cluster.checked(away, passed=True)

    assert away.state == "fit"
    for _ in range(JUDGING.failures):
        broken.done(ok=False)
    cluster.checked(broken, passed=True)
    assert broken.state == "ejected"  # that it lives was not the trouble


def test_a_replica_that_died_comes_back_by_its_checks(
    open_gateway: Open, services: Services, second: Upstream, loop: Loop
) -> None:
    gateway = open_with(open_gateway, services, second)
    _, other = both(gateway, second)
    port = second.port

    second.close()
    assert {get(gateway.url).status_code for _ in range(20)} == {200}
    wait_until(lambda: other.state in ("down", "ejected"))
    again = Upstream.__new__(Upstream)
    again.__dict__ |= vars(second)
    again._server = loop.do(asyncio.start_server(again._serve, "127.0.0.1", port))

    wait_until(lambda: other.state == "fit")
    assert {get(gateway.url).status_code for _ in range(20)} == {200}
    again.close()


def test_a_name_leads_to_all_its_addresses_and_follows_their_changes() -> None:
    clusters = Clusters(PoolLimits(), JUDGING, lambda: 0.0)
    clusters.configure({"shop": ["http://shop.internal:8000"]})
    [name] = clusters.names()
    assert addresses(clusters) == ["http://shop.internal:8000"]

    clusters.resolved(name, [Address("10.0.0.1", 8000), Address("10.0.0.2", 8000)])
    assert addresses(clusters) == ["http://10.0.0.1:8000", "http://10.0.0.2:8000"]
    kept = clusters["shop"].replicas[1]

    clusters.resolved(name, [Address("10.0.0.2", 8000), Address("10.0.0.3", 8000)])
    assert addresses(clusters) == ["http://10.0.0.2:8000", "http://10.0.0.3:8000"]
    assert clusters["shop"].replicas[0] is kept

    clusters.resolved(name, [])
    assert len(addresses(clusters)) == 2  # a name server in trouble ends no service


def addresses(clusters: Clusters) -> list[str]:
    return [each.address.url for each in clusters["shop"].replicas]


def test_names_are_resolved_without_keeping_anybody_waiting() -> None:
    async def resolve() -> tuple[list[str], list[str]]:
        clusters = Clusters(PoolLimits(), JUDGING, lambda: 0.0)
        clusters.configure(
            {"shop": ["http://localhost:8000"], "auth": ["http://no-such-host.invalid:8000"]}
        )
        looking = Health(clusters, JUDGING, lambda: 0.0)
        looking.tick()
        assert addresses(clusters) == ["http://localhost:8000"]
        for _ in range(500):
            await asyncio.sleep(0.01)
            if addresses(clusters) != ["http://localhost:8000"]:
                break
        await looking.stop()
        return addresses(clusters), [each.address.url for each in clusters["auth"].replicas]

    shop, auth = asyncio.run(resolve())

    assert shop == ["http://127.0.0.1:8000"]
    assert auth == ["http://no-such-host.invalid:8000"]


@pytest.mark.parametrize(
    ("host", "literal"),
    [("127.0.0.1", True), ("::1", True), ("localhost", False), ("10.0.0.1.example", False)],
)
def test_only_names_are_looked_up(host: str, literal: bool) -> None:
    assert is_literal(host) is literal
