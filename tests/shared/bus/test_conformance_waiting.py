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

    heard = receive(stock, 3 * 140, within=20)

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
    assert 0.35 < waited < 1.0


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

    delays = []
    for _ in range(5):
        thread = threading.Thread(target=publish_soon)
        thread.start()
        receive_one = receive(stock, 1)
        delays.append(time.monotonic() - sent[-1])
        thread.join()
        assert len(receive_one) == 1

    assert statistics.median(delays) < 0.1


def test_closing_wakes_whoever_waits(wire: Wire) -> None:
    stock = wire.bus().subscribe(wire.queue, [wire.placed])
    waiting = threading.Thread(target=stock.receive, args=(30.0,))
    waiting.start()

    stock.close()

    waiting.join(3.0)
    assert not waiting.is_alive()


def test_closing_twice_is_as_good_as_once(wire: Wire) -> None:
    bus = wire.bus()
    publisher, stock = bus.publisher(), bus.subscribe(wire.queue, [wire.placed])
    began = time.monotonic()

    for _ in range(2):
        publisher.close()
        stock.close()
        bus.close()

    assert time.monotonic() - began < 2
    assert publisher.publish(wire.orders(1), timeout=0.2) == [Outcome.UNKNOWN]
    assert stock.receive(0.1) == []
    assert not stock.healthy()


def test_a_bus_in_use_is_healthy(wire: Wire) -> None:
    bus = wire.bus()
    stock = bus.subscribe(wire.queue, [wire.placed])

    assert bus.healthy()
    assert stock.healthy()
