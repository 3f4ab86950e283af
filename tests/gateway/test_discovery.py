"""Replicas and services join and leave by saying so on the bus, and no request notices."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest

from shared import announcing
from shared.bus.protocol import Message
from shared.clock import now
from shared.context import opened
from shared.events import Envelope, Event, read_as
from shared.replay_requests import SnapshotRequested
from tests.gateway.conftest import Services
from tests.gateway.stage import Loop, RunningGateway, Upstream, answer, get, says, wait_until
from tests.shared.bus.conftest import embedded, rabbitmq, rabbitmqctl, vhost, wire
from tests.shared.bus.wires import Wire, receive

__all__ = ["embedded", "rabbitmq", "rabbitmqctl", "vhost", "wire"]  # fixtures

Open = Callable[..., RunningGateway]
Said = Callable[..., None]

PATIENT = 15.0


class CatalogAnnounced(
    announcing.ReplicaAnnounced, type="catalog.replica.announced.v1", key="service"
):
    """What the catalog says."""


class NewsAnnounced(announcing.ReplicaAnnounced, type="news.replica.announced.v1", key="service"):
    """What a service says that nobody has heard of."""


@pytest.fixture
def hearing(open_gateway: Open, wire: Wire) -> RunningGateway:
    """A gateway that listens to the bus."""
    gateway = open_gateway(hear_events=True, bus_url=wire.url, check_every=0.05, slow_start=0.05)
    wait_until(gateway.app.hearing.hears, PATIENT)
    return gateway


@pytest.fixture
def second(loop: Loop) -> Iterator[Upstream]:
    with ExitStack() as stack:
        upstream = stack.enter_context(closing(Upstream(loop, "catalog-2")))
        upstream.on("/healthz", says(answer()))
        yield upstream


@pytest.fixture
def say(wire: Wire) -> Said:
    """Says on the bus what a process of a service would."""
    publisher = wire.bus().publisher()
    counts: dict[str, int] = {}

    def say(event: type[announcing.ReplicaAnnounced], state: str, url: str, **more: Any) -> None:
        replica = more.pop("replica", url)
        counts[replica] = counts.get(replica, 0) + 1
        service = event.TYPE.partition(".")[0]
        usual: dict[str, Any] = {
            "service": service, "replica": replica, "url": url, "state": state, "release": "1.0",
            "count": counts[replica], "every": 30.0, "prefixes": announcing.prefixes_of(service),
        }  # fmt: skip
        publisher.publish([message_of(event(**(usual | more)), service)])

    return say


def message_of(event: Event, service: str) -> Message:
    id = str(uuid4())
    by = opened(None, None)
    told = Envelope.around(event, id=id, source=f"/{service}", time=now(), by=by)
    return Message(id, event.TYPE, told.to_json())


def states(gateway: RunningGateway, service: str = "catalog") -> dict[str, str]:
    cluster = gateway.app.pools.get(service)
    return {each.address.url: each.state for each in cluster.replicas} if cluster else {}


@contextmanager
def shoppers(gateway: RunningGateway, path: str = "/") -> Iterator[list[int]]:
    """Clients that ask all the time; what they got but should not have."""
    failed: list[int] = []
    stop = threading.Event()

    def shop() -> None:
        with httpx.Client(base_url=gateway.url, trust_env=False, verify=False) as client:
            while not stop.is_set():
                status = client.get(path).status_code
                if status != 200:
                    failed.append(status)

    threads = [threading.Thread(target=shop) for _ in range(3)]
    for each in threads:
        each.start()
    yield failed
    stop.set()
    for each in threads:
        each.join()


def asked(upstream: Upstream) -> int:
    return len([each for each in upstream.seen if each.target == "/"])


def test_a_second_replica_joins_and_leaves_while_requests_flow_and_none_fails(
    hearing: RunningGateway, services: Services, second: Upstream, say: Said
) -> None:
    services.catalog.on("/healthz", says(answer()))
    with shoppers(hearing) as failed:
        say(CatalogAnnounced, "serving", second.url)
        wait_until(lambda: asked(second) > 20, PATIENT)
        say(CatalogAnnounced, "draining", second.url)
        wait_until(lambda: states(hearing).get(second.url) == "draining", PATIENT)
        wait_until(lambda: not hearing.app.pools["catalog"].replicas[-1].pool.busy)
        seen = asked(second)
        say(CatalogAnnounced, "gone", second.url)
        wait_until(lambda: second.url not in states(hearing), PATIENT)
        second.close()
        get(hearing.url)

    assert failed == []
    assert asked(second) == seen
    assert states(hearing) == {services.catalog.url: "fit"}


def test_a_replica_gets_nothing_before_it_passed_a_check(
    hearing: RunningGateway, services: Services, second: Upstream, say: Said
) -> None:
    services.catalog.on("/healthz", says(answer()))
    second.on("/healthz", says(answer(status="503 Not Yet")))
    say(CatalogAnnounced, "serving", second.url)
    wait_until(lambda: states(hearing).get(second.url) == "unchecked", PATIENT)
    for _ in range(20):
        get(hearing.url)
    assert asked(second) == 0

    second.on("/healthz", says(answer()))

    wait_until(lambda: states(hearing)[second.url] == "fit")


def test_the_replica_that_settings_name_may_drain_too_and_its_successor_is_used_at_once(
    hearing: RunningGateway, services: Services, second: Upstream, say: Said
) -> None:
    for upstream in (services.catalog, second):
        upstream.on("/healthz", says(answer()))
    say(CatalogAnnounced, "serving", second.url)
    wait_until(lambda: states(hearing).get(second.url) == "fit", PATIENT)

    say(CatalogAnnounced, "serving", services.catalog.url, replica="old")
    say(CatalogAnnounced, "draining", services.catalog.url, replica="old")
    wait_until(lambda: states(hearing)[services.catalog.url] == "draining", PATIENT)
    say(CatalogAnnounced, "serving", services.catalog.url, replica="new")
    wait_until(lambda: states(hearing)[services.catalog.url] == "fit", PATIENT)
    say(CatalogAnnounced, "gone", services.catalog.url, replica="old")  # heard late
    say(CatalogAnnounced, "draining", second.url)
    wait_until(lambda: states(hearing)[second.url] == "draining", PATIENT)

    assert states(hearing)[services.catalog.url] == "fit"


def test_a_new_service_answers_below_its_own_name_and_leaves_without_a_trace(
    hearing: RunningGateway, services: Services, second: Upstream, say: Said
) -> None:
    assert get(f"{hearing.url}/api/news/v1/items").status_code == 404
    mine = ["/api/news", "/news", "/cart", "/api/shop", "/", "/api/other"]

    say(NewsAnnounced, "serving", second.url, prefixes=mine)
    wait_until(lambda: states(hearing, "news").get(second.url) == "fit", PATIENT)

    assert get(f"{hearing.url}/api/news/v1/items").status_code == 200
    assert second.seen[-1].target == "/api/news/v1/items"
    get(f"{hearing.url}/cart")
    get(f"{hearing.url}/api/other/x")
    assert services.shop.seen[-1].target == "/cart"
    assert {each.target for each in second.seen} == {"/healthz", "/api/news/v1/items"}
    told = hearing.app.reach.described()
    assert told["discovery"]["joined_services"] == ["news"]

    say(NewsAnnounced, "gone", second.url)
    wait_until(lambda: "news" not in hearing.app.pools, PATIENT)
    assert get(f"{hearing.url}/api/news/v1/items").status_code == 404


def test_whoever_begins_to_hear_asks_which_replicas_there_are(
    open_gateway: Open, wire: Wire
) -> None:
    desk = wire.bus().subscribe("catalog", [SnapshotRequested.TYPE])

    open_gateway(hear_events=True, bus_url=wire.url)

    [delivery] = receive(desk, 1)
    question = read_as(Envelope.from_json(delivery.message.body), SnapshotRequested)
    assert (question.service, question.types) == ("gateway", [announcing.OF_ANY_SERVICE])
