"""Somebody changes the bus under a running consumer: it notices, says why, and is whole again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from urllib.parse import urlsplit

import pika
import pytest

from shared.bus import connect, topology
from shared.bus.holes import Holes
from shared.bus.protocol import Bus, Outcome
from shared.bus.rabbitmq import watch
from tests.shared.bus.wires import Wire, bodies, eventually, publish_until_confirmed, receive


@pytest.fixture(autouse=True)
def _looking_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the tests need not wait."""
    monkeypatch.setattr(watch, "LOOK_EVERY", 0.3)


def test_a_deleted_binding_is_made_again_and_the_gap_is_told(wire: Wire) -> None:
    bus = wire.bus()
    stock = bus.subscribe(wire.queue, [wire.placed])
    gaps = stock.gaps

    unbind(wire)

    assert eventually(lambda: stock.receive(0.1) == [] and stock.gaps == gaps + 1)
    assert stock.missed(since=gaps) == {wire.placed}
    assert bus.topology(wire.queue, [wire.placed]).diff() == []
    bus.publisher().publish(wire.orders(1))
    assert bodies(receive(stock, 1)) == ["0"]
    assert stock.problem() == ""


def test_a_deleted_queue_is_made_again_and_the_gap_is_told(wire: Wire) -> None:
    bus = wire.bus()
    stock = bus.subscribe(wire.queue, [wire.placed])
    gaps = stock.gaps

    delete_queue(wire)

    assert eventually(lambda: stock.receive(0.1) == [] and stock.gaps == gaps + 1)
    assert eventually(stock.healthy)
    assert publish_until_confirmed(bus.publisher(), wire.orders(1)) == [Outcome.CONFIRMED]
    assert bodies(receive(stock, 1)) == ["0"]


@pytest.mark.parametrize("delete", ["unbind", "delete_queue"])
def test_what_we_may_not_make_is_told_until_somebody_makes_it(wire: Wire, delete: str) -> None:
    desk = wire.bus().topology(wire.queue, [wire.placed])
    desk.apply()
    bus = checking(wire)
    stock = bus.subscribe(wire.queue, [wire.placed])
    assert eventually(stock.healthy)

    {"unbind": unbind, "delete_queue": delete_queue}[delete](wire)
    assert eventually(lambda: said(stock.receive, stock.problem) != "")
    assert desk.diff() != []
    assert (stock.healthy(), stock.gaps) == (False, 0)
    assert eventually(lambda: "topology apply" in said(stock.receive, stock.problem))
    desk.apply()

    assert eventually(lambda: said(stock.receive, stock.problem) == "")
    assert stock.gaps == 1
    publish_until_confirmed(bus.publisher(), wire.orders(1))
    assert bodies(receive(stock, 1)) == ["0"]


def test_a_service_that_may_only_check_waits_for_its_queue(wire: Wire) -> None:
    bus = checking(wire)
    stock = bus.subscribe(wire.queue, [wire.placed])

    assert not stock.healthy()
    assert not wire.bus().inspect(wire.queue).exists
    wire.bus().topology(wire.queue, [wire.placed]).apply()

    assert eventually(lambda: said(stock.receive, stock.problem) == "")


def test_what_went_missing_while_nobody_was_there_is_a_gap_too(wire: Wire) -> None:
    first = wire.bus()
    first.subscribe(wire.queue, [wire.placed]).close()
    unbind(wire)

    stock = first.subscribe(wire.queue, [wire.placed])

    assert stock.gaps == 1


def test_a_release_that_hears_more_has_missed_only_what_is_new(wire: Wire) -> None:
    bus, more = wire.bus(), wire.placed.replace("placed", "packed")
    bus.subscribe(wire.queue, [wire.placed]).close()

    stock = bus.subscribe(wire.queue, [wire.placed, more])

    assert eventually(lambda: stock.receive(0.1) == [] and stock.gaps == 1)
    assert stock.missed(since=0) == {more}


def test_what_was_missed_is_of_any_type_unless_all_gaps_tell() -> None:
    holes = Holes()
    holes.add(["a.b.c.v1"])
    holes.add(["d.e.f.v1"])
    told = holes.types(since=1), holes.types(since=0)
    holes.add()

    assert [sorted(types) for types in told] == [["d.e.f.v1"], ["a.b.c.v1", "d.e.f.v1"]]
    assert holes.types(since=0) == frozenset()


def test_a_queue_that_was_there_is_no_gap(wire: Wire) -> None:
    bus = wire.bus()
    bus.subscribe(wire.queue, [wire.placed]).close()

    assert bus.subscribe(wire.queue, [wire.placed]).gaps == 0


def test_a_gap_wakes_whoever_waits(wire: Wire) -> None:
    stock = wire.bus().subscribe(wire.queue, [wire.placed])
    delete_queue(wire)

    assert eventually(lambda: stock.receive(30.0) == [] and stock.gaps == 2, within=60)


@pytest.mark.real
def test_a_queue_with_other_arguments_is_told_and_replaced_when_it_is_empty(rabbitmq: Wire) -> None:
    bus = rabbitmq.bus()
    stock = bus.subscribe(rabbitmq.queue, [rabbitmq.placed])
    gaps = stock.gaps
    name = topology.queue_name(rabbitmq.queue)

    def redeclare(channel: pika.adapters.blocking_connection.BlockingChannel) -> None:
        channel.queue_delete(name)
        channel.queue_declare(name, durable=True, arguments={"x-queue-type": "classic"})

    on_a_channel(rabbitmq, redeclare)
    assert eventually(lambda: "PRECONDITION_FAILED" in stock.problem() or stock.gaps > gaps)
    if stock.gaps == gaps:
        desk = bus.topology(rabbitmq.queue, [rabbitmq.placed])
        assert any("PRECONDITION_FAILED" in each.found for each in desk.diff())
        assert desk.apply() == []

    assert eventually(lambda: stock.healthy() and stock.gaps > gaps)


@pytest.mark.real
@pytest.mark.parametrize("declare", [True, False])
def test_a_queue_of_the_dead_that_is_gone_is_found_as_well(
    rabbitmq: Wire, declare: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "LOOK_AROUND", 2)
    desk = rabbitmq.bus().topology(rabbitmq.queue, [rabbitmq.placed])
    desk.apply()
    bus = connect(rabbitmq.url, client="test", declare=declare)
    rabbitmq.opened.append(bus)
    stock = bus.subscribe(rabbitmq.queue, [rabbitmq.placed])
    grave = topology.dead_name(rabbitmq.queue)

    on_a_channel(rabbitmq, lambda c: c.queue_delete(grave))
    if not declare:
        assert eventually(lambda: grave in stock.problem())
        desk.apply()

    assert eventually(lambda: desk.diff() == [] and stock.problem() == "")
    assert stock.gaps == 0


def checking(wire: Wire) -> Bus:
    """A bus that makes nothing, closed after the test."""
    bus = connect(wire.url, client="test", declare=False)
    wire.opened.append(bus)
    return bus


def said(receive: Callable[[float], object], problem: Callable[[], str]) -> str:
    """What is wrong, after another look: a file is looked at by whoever receives."""
    receive(0.1)
    return problem()


def unbind(wire: Wire) -> None:
    """Take the binding away that leads events to the queue of this test."""
    if wire.url.startswith("embedded"):
        execute(wire, "DELETE FROM bindings WHERE type = ?", wire.placed)
        return
    name = topology.queue_name(wire.queue)
    on_a_channel(wire, lambda c: c.exchange_unbind(name, topology.EVENTS, f"{wire.placed}.#"))


def delete_queue(wire: Wire) -> None:
    """Take the queue away with all it holds."""
    if wire.url.startswith("embedded"):
        execute(wire, "DELETE FROM queues WHERE name = ?", wire.queue)
    else:
        on_a_channel(wire, lambda c: c.queue_delete(topology.queue_name(wire.queue)))


def execute(wire: Wire, statement: str, value: str) -> None:
    """Write into the bus file from outside."""
    with closing(sqlite3.connect(urlsplit(wire.url).path)) as db, db:
        db.execute("PRAGMA foreign_keys = ON")
        db.execute(statement, (value,))


def on_a_channel(
    wire: Wire, do: Callable[[pika.adapters.blocking_connection.BlockingChannel], object]
) -> None:
    """Do something to the broker, as an operator would."""
    connection = pika.BlockingConnection(pika.URLParameters(wire.url))
    do(connection.channel())
    connection.close()
