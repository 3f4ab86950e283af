"""One ear for the whole gateway: events in order, and a word whenever some may be missing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from gateway.hearing import Hearing
from shared.bus.protocol import Message
from shared.clock import now
from shared.context import opened
from shared.events import Envelope, Event
from tests.shared.bus.breakable import Road, Sieve
from tests.shared.bus.conftest import embedded, rabbitmq, rabbitmqctl, vhost, wire
from tests.shared.bus.wires import Wire

__all__ = ["embedded", "rabbitmq", "vhost", "wire"]  # fixtures

CONSUME_OK = (60, 21)
HEARD = "the bus is heard"
NOT_HEARD = "the bus is not heard"
ANEW = "deaf for long: listening anew"
FAULT = "what was heard could not be done"


class Rang(Event, type="door.bell.rung.v1", key="door"):
    """Somebody rang."""

    door: str


class Knocked(Event, type="door.wood.knocked.v1", key="door"):
    """Somebody knocked."""

    door: str


@asynccontextmanager
async def listening(hearing: Hearing) -> AsyncIterator[None]:
    hearing.start()
    try:
        await until(hearing.hears)
        yield
    finally:
        await hearing.stop()


async def until(true: Callable[[], object], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.005)


def publish(wire: Wire, *events: Event, body: bytes = b"") -> None:
    publisher = wire.bus().publisher()
    messages = []
    for event in events:
        id = str(uuid4())
        told = Envelope.around(event, id=id, source="/door", time=now(), by=opened(None, None))
        messages.append(Message(id=id, type=event.TYPE, body=body or told.to_json()))
    publisher.publish(messages)
    publisher.close()


def test_everybody_hears_what_they_asked_for_in_order_on_the_event_loop(wire: Wire) -> None:
    async def listen() -> bool:
        hearing = Hearing(wire.url)
        loops: set[object] = set()
        hearing.on(Rang, lambda event: rung.append(event.door))
        hearing.on(Rang, lambda _: loops.add(asyncio.get_running_loop()))
        hearing.on(Knocked, lambda event: knocked.append(event.door))
        async with listening(hearing):
            doors = [str(n) for n in range(20)]
            publish(wire, *(Rang(door=door) for door in doors), Knocked(door="back"))
            await until(lambda: knocked)
        return loops == {asyncio.get_running_loop()}

    rung: list[str] = []
    knocked: list[str] = []

    assert asyncio.run(listen())
    assert rung == [str(n) for n in range(20)]
    assert knocked == ["back"]


def test_hearing_for_the_first_time_is_a_gap_for_whoever_knew_something_before(wire: Wire) -> None:
    async def listen() -> list[frozenset[str]]:
        hearing = Hearing(wire.url)
        gaps: list[frozenset[str]] = []
        hearing.on(Rang, lambda _: None)
        hearing.on_gap(gaps.append)
        async with listening(hearing):
            await until(lambda: gaps)
        return gaps

    assert asyncio.run(listen()) == [frozenset()]


def test_deafness_however_short_is_told(wire: Wire) -> None:
    async def listen() -> tuple[list[str], int]:
        hearing = Hearing(wire.url)
        rung: list[str] = []
        gaps: list[frozenset[str]] = []
        hearing.on(Rang, lambda event: rung.append(event.door))
        hearing.on_gap(gaps.append)
        async with listening(hearing):
            await until(lambda: gaps)
            await asyncio.to_thread(deafen, wire)
            await until(lambda: len(gaps) > 1, seconds=20.0)
            await until(hearing.hears)
            await asyncio.to_thread(publish, wire, Rang(door="front"))
            await until(lambda: rung)
        return rung, hearing.gaps

    rung, gaps = asyncio.run(listen())

    assert rung == ["front"]
    assert gaps >= 2


def deafen(wire: Wire) -> None:
    """What a restarted broker, or a bus file put back from a backup, does to its listeners."""
    if wire.url.startswith("embedded:"):
        for path in Path(wire.url.removeprefix("embedded:")).parent.glob("bus.db*"):
            path.unlink()
    else:
        name = wire.url.rpartition("/")[2]
        rabbitmqctl("close_all_connections", "--vhost", name, "test")


@pytest.mark.real
def test_deafness_is_told_to_every_room_and_to_the_log_with_its_reason(
    rabbitmq: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    async def listen() -> list[str]:
        hearing = Hearing(road.url)
        deaf: list[str] = []
        hearing.on(Rang, lambda _: None)
        hearing.on_deaf(lambda: 1 / 0)  # a fault in one room
        hearing.on_deaf(lambda: deaf.append("hears" if hearing.hears() else "deaf"))
        async with listening(hearing):
            road.cut()
            await until(lambda: deaf)
            road.mend()
            await until(hearing.hears, seconds=20.0)
        return deaf[:1]

    road = Road(rabbitmq.url)
    with caplog.at_level(logging.INFO, "gateway.hearing"):
        assert asyncio.run(listen()) == ["deaf"]
    road.cut()

    assert [line for line in told(caplog) if line != FAULT] == [HEARD, NOT_HEARD, HEARD]
    assert "broker closed our channel" in caplog.text


@pytest.mark.real
def test_who_is_deaf_for_long_listens_anew_on_another_connection(
    rabbitmq: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    async def listen() -> list[str]:
        hearing = Hearing(sieve.url, deaf_for_long=0.2)
        rung: list[str] = []
        hearing.on(Rang, lambda event: rung.append(event.door))
        sieve.keep_back(CONSUME_OK)
        hearing.start()
        try:
            await until(sieve.lost.is_set)
            sieve.keep_back()  # the one that is lost stays lost
            await until(hearing.hears, seconds=18.0)  # the bus itself would wait for longer
            await asyncio.to_thread(publish, rabbitmq, Rang(door="front"))
            await until(lambda: rung)
        finally:
            await hearing.stop()
        return rung

    sieve = Sieve(rabbitmq.url)
    with caplog.at_level(logging.INFO, "gateway.hearing"):
        assert asyncio.run(listen()) == ["front"]
    sieve.cut()

    assert told(caplog) == [NOT_HEARD, ANEW, HEARD]
    assert "not joined yet" in caplog.text


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the ear has logged, in short."""
    lines = [each.getMessage() for each in caplog.records if each.name == "gateway.hearing"]
    known = (HEARD, NOT_HEARD, ANEW, FAULT)
    return [next((one for one in known if one in line), line) for line in lines]


def test_what_cannot_be_read_has_passed_us_by(embedded: Wire) -> None:
    async def listen() -> tuple[list[frozenset[str]], int]:
        hearing = Hearing(embedded.url)
        gaps: list[frozenset[str]] = []
        hearing.on(Rang, lambda _: None)
        hearing.on_gap(gaps.append)
        async with listening(hearing):
            publish(embedded, Rang(door="front"), body=b"{")
            await until(lambda: len(gaps) == 2)
        return gaps, hearing.unreadable

    assert asyncio.run(listen()) == ([frozenset(), frozenset({Rang.TYPE})], 1)


def test_a_fault_in_one_room_does_not_make_the_others_deaf(embedded: Wire) -> None:
    async def listen() -> list[str]:
        hearing = Hearing(embedded.url)
        rung: list[str] = []
        hearing.on(Rang, lambda event: 1 / 0)
        hearing.on(Rang, lambda event: rung.append(event.door))
        async with listening(hearing):
            publish(embedded, Rang(door="front"), Rang(door="back"))
            await until(lambda: len(rung) == 2)
        return rung

    assert asyncio.run(listen()) == ["front", "back"]


def test_what_to_hear_is_said_before_listening(embedded: Wire) -> None:
    async def listen() -> None:
        hearing = Hearing(embedded.url)
        hearing.on(Rang, lambda _: None)
        async with listening(hearing):
            with pytest.raises(RuntimeError):
                hearing.on(Knocked, lambda _: None)

    asyncio.run(listen())


def test_the_figures_say_how_long_we_have_been_deaf(embedded: Wire) -> None:
    async def listen() -> dict[str, float]:
        hearing = Hearing(embedded.url)
        hearing.on(Rang, lambda _: None)
        assert hearing.deaf_seconds() > 0
        async with listening(hearing):
            publish(embedded, Rang(door="front"))
            await until(lambda: hearing.heard)
            return {name: value for name, _, _, _, value in hearing.samples()}

    figures = asyncio.run(listen())

    assert figures["bus_hears"] == 1
    assert figures["bus_deaf_seconds"] == 0
    assert figures["bus_heard_total"] == 1
