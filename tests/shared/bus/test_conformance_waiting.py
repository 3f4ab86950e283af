"""What every bus promises about crowds, waiting and closing, held against both transports."""

from __future__ import annotations

import statistics
import threading
import time

from shared.bus.protocol import Outcome
from tests.shared.bus.wires import Wire, bodies, receive


def test_several_publishing_processes_lose_nothing(wire: Wire) -> None:
    stock = wire.bus().subscribe(wire.queue, [wire.placed])
    programs = [wire.program("publish", wire.placed, prefix, "140") for prefix in "abc"]

    heard = receive(stock, 3 * 140, within=60)

    assert [program.communicate()[0] for program in programs] == ["confirmed\n"] * 3
    expected = {f"{prefix}{n}" for prefix in "abc" for n in range(140)}
    assert set(bodies(heard)) == expected
    assert len(heard) == len(expected)


def test_receiving_waits_as_long_as_asked_and_then_has_nothing(wire: Wire) -> None:
    stock = wire.bus().subscribe(wire.queue, [wire.placed])

    began = time.monotonic()
    nothing = stock.receive(0.4)
    waited = time.monotonic() - began

    assert nothing == []
    assert 0.35 < waited < 20


def test_a_waiting_consumer_wakes_at_once(wire: Wire) -> None:
    bus = wire.bus()
    stock = bus.subscribe(wire.queue, [wire.placed])
    publisher = wire.bus().publisher()
    publisher.publish(wire.orders(1))
    receive(stock, 1)
    sent: list[float] = []

    def publish_soon() -> None:
        time.sleep(0.1)
        sent.append(time.monotonic())
        publisher.publish(wire.orders(1))

    def delay() -> float:
        thread = threading.Thread(target=publish_soon)
        thread.start()
        received = receive(stock, 1)
        woken = time.monotonic()
        thread.join()
        assert len(received) == 1
        return woken - sent[-1]

    # A busy machine may keep us for a while: one good round out of ten is enough.
    rounds = (statistics.median(delay() for _ in range(5)) for _ in range(10))
    assert any(median < 0.1 for median in rounds)


def test_closing_wakes_whoever_waits(wire: Wire) -> None:
    stock = wire.bus().subscribe(wire.queue, [wire.placed])
    waiting = threading.Thread(target=stock.receive, args=(60.0,))
    waiting.start()

    stock.close()

    waiting.join(20)
    assert not waiting.is_alive()


def test_closing_twice_is_as_good_as_once(wire: Wire) -> None:
    bus = wire.bus()
    publisher, stock = bus.publisher(), bus.subscribe(wire.queue, [wire.placed])

    for _ in range(2):
        publisher.close()
        stock.close()
        bus.close()

    assert publisher.publish(wire.orders(1), timeout=0.2) == [Outcome.UNCONFIRMED]
    assert stock.receive(0.1) == []
    assert not stock.healthy()


def test_a_bus_in_use_is_healthy(wire: Wire) -> None:
    bus = wire.bus()
    stock = bus.subscribe(wire.queue, [wire.placed])

    assert bus.healthy()
    assert stock.healthy()
