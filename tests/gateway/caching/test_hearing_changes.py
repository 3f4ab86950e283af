"""What is heard on the bus ends stored answers; when nothing is heard, little is believed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from uuid import uuid4

import httpx
import pytest

from gateway.events.consumed import (
    KeysRotated,
    PriceChanged,
    ProductChanged,
    ProductPublished,
    ProductWithdrawn,
    StockLevel,
)
from gateway.proxy.caching.cache import SharedCache
from shared.bus.protocol import Message
from shared.clock import now
from shared.context import opened
from shared.events import Envelope, Event
from tests.gateway.caching.conftest import Origin
from tests.gateway.conftest import Open
from tests.gateway.stage import RunningGateway, Seen, answer, says, wait_until
from tests.shared.bus.conftest import embedded, rabbitmq, rabbitmqctl, vhost, wire
from tests.shared.bus.wires import Wire

__all__ = ["embedded", "rabbitmq", "rabbitmqctl", "vhost", "wire"]  # fixtures

OURS = "quintet-cache-control: public, max-age=600"


def publish(wire: Wire, *events: Event) -> None:
    publisher = wire.bus().publisher()
    messages = []
    for event in events:
        id = str(uuid4())
        told = Envelope.around(event, id=id, source="/test", time=now(), by=opened(None, None))
        messages.append(Message(id=id, type=event.TYPE, body=told.to_json()))
    publisher.publish(messages)
    publisher.close()


@pytest.fixture
def hearing(wire: Wire, open_gateway: Open) -> RunningGateway:
    """A gateway that hears the bus, embedded or real."""
    gateway = open_gateway(bus_url=wire.url, hear_events=True)
    wait_until(gateway.app.hearing.hears)
    wait_until(lambda: gateway.app.cache.memory._heard)
    return gateway


@pytest.fixture
def client(hearing: RunningGateway) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=hearing.url, trust_env=False, timeout=30.0) as client:
        yield client


def stored(hearing: RunningGateway) -> set[str]:
    cache: SharedCache = hearing.app.cache
    return {key.decode().rpartition("/")[2] for key in cache.memory.store.shelves}


def test_an_event_ends_what_it_is_about_and_nothing_else(
    wire: Wire, hearing: RunningGateway, client: httpx.Client, origin: Origin
) -> None:
    groups = {
        "mug": "product-MUG", "cup": "product-CUP", "list": "catalog-lists",
        "there": "catalog-levels", "keys": "auth-keys", "none": "else",
    }  # fmt: skip
    endings: list[tuple[Event, set[str]]] = [
        (PriceChanged(version=1, sku="MUG"), {"mug", "list"}),
        (ProductChanged(version=1, sku="MUG"), {"mug", "list"}),
        (ProductPublished(version=1, sku="MUG"), {"mug", "list"}),
        (ProductWithdrawn(version=1, sku="MUG"), {"mug", "list"}),
        (StockLevel(version=1, sku="CUP"), {"cup", "there"}),
        (KeysRotated(version=1, active_kid="k", kids=["k"]), {"keys"}),
    ]
    for name, group in groups.items():
        raw = answer(b"x", "cache-control: private", OURS, f'cache-groups: "{group}"')
        origin.upstream.on(f"/{name}", says(raw))
    for event, ended in endings:
        for name in groups:
            client.get(f"/{name}")
        assert stored(hearing) == set(groups)

        publish(wire, event)

        left = set(groups) - ended
        wait_until(lambda: stored(hearing) == left)  # noqa: B023 - called at once


def test_what_was_asked_for_before_the_event_is_not_kept_when_it_comes_after(
    wire: Wire, hearing: RunningGateway, client: httpx.Client, origin: Origin
) -> None:
    """The answer tells of the world before the change, whatever its date says."""
    go_on = threading.Event()
    raw = answer(b"old price", "cache-control: private", OURS, 'cache-groups: "product-MUG"')

    async def slowly(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not go_on.is_set():
            await asyncio.sleep(0.005)
        writer.write(raw)

    origin.upstream.on("/mug", slowly)
    asking = threading.Thread(target=lambda: client.get("/mug"))
    asking.start()
    wait_until(lambda: len(origin.seen) == 1)
    heard = hearing.app.hearing.heard
    publish(wire, PriceChanged(version=1, sku="MUG"))
    wait_until(lambda: heard.get(PriceChanged.TYPE) == 1)
    wait_until(lambda: hearing.app.cache.memory.purges.number > 1)
    go_on.set()
    asking.join()

    assert stored(hearing) == set()


def test_when_the_bus_is_gone_only_what_all_caches_may_keep_is_kept(
    wire: Wire, hearing: RunningGateway, client: httpx.Client, origin: Origin
) -> None:
    origin.upstream.on("/ours", says(answer(b"x", "cache-control: private", OURS)))
    origin.upstream.on("/all", says(answer(b"x", "cache-control: max-age=60")))
    for path in ("/ours", "/all"):
        client.get(path)
    before = stored(hearing)

    hearing.app.hearing._hearing = False  # as its thread says when the broker is away

    wait_until(lambda: stored(hearing) == {"all"})
    assert before == {"ours", "all"}


@pytest.mark.parametrize("types", [frozenset[str](), frozenset({PriceChanged.TYPE})])
def test_after_a_gap_everything_is_forgotten(
    hearing: RunningGateway, client: httpx.Client, origin: Origin, types: frozenset[str],
    on_loop: Callable[[Callable[[], object]], None],
) -> None:  # fmt: skip
    origin.upstream.on("/mug", says(answer(b"x", OURS, 'cache-groups: "product-MUG"')))
    client.get("/mug")
    assert stored(hearing) == {"mug"}

    on_loop(lambda: [gap(types) for gap in hearing.app.hearing._on_gap])

    wait_until(lambda: stored(hearing) == set())


@pytest.fixture
def on_loop(hearing: RunningGateway) -> Callable[[Callable[[], object]], None]:
    """Does something on the gateway's own loop."""
    return lambda act: hearing.app.clock.loop.call_soon_threadsafe(act)


def test_a_gateway_that_never_hears_believes_no_more_than_others(
    visitor: httpx.Client, origin: Origin
) -> None:
    origin.upstream.on("/ours", says(answer(b"x", "cache-control: private", OURS)))

    visitor.get("/ours")
    visitor.get("/ours")

    assert len(origin.seen) == 2
