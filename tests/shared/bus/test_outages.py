"""A broker of our own is killed, frozen, starved and shut: nothing is lost, all comes back."""

from __future__ import annotations

import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from shared.bus import topology
from shared.bus.protocol import Bus, Outcome, Subscription
from shared.metrics import RECONNECTS
from tests.shared.bus.private_broker import PrivateBroker, private_broker
from tests.shared.bus.wires import Wire, bodies, eventually, publish_until_confirmed, receive

pytestmark = [pytest.mark.real, pytest.mark.slow]

BACK_WITHIN = 20.0
WHOLE = {"problem": "", "consumers": 1, "gaps": 1}  # the gap before the queue was made


@pytest.fixture(scope="module")
def broker() -> Iterator[PrivateBroker]:
    """One broker for all that follows."""
    with private_broker() as broker:
        yield broker


@pytest.fixture
def wire(broker: PrivateBroker) -> Iterator[Wire]:
    """A bus on it."""
    wire = Wire(broker.url)
    yield wire
    for bus in wire.opened:
        bus.close()


def test_a_killed_broker_comes_back_with_what_it_held(wire: Wire, broker: PrivateBroker) -> None:
    bus, stock = joined(wire)
    publisher = bus.publisher()
    time.sleep(3)  # RabbitMQ 3.10 never elects a leader for a queue made just before its death
    publisher.publish(wire.orders(2))
    receive(stock, 1)

    broker.kill()
    assert publisher.publish(wire.orders(3)[2:], timeout=0.5) == [Outcome.UNCONFIRMED]
    broker.start()

    publish_until_confirmed(publisher, wire.orders(3)[2:])
    assert {"1", "2"} <= set(bodies(receive(stock, 3, within=BACK_WITHIN)))
    assert state(wire, bus, stock) == WHOLE


def test_a_broker_that_restarts_in_good_order_is_joined_again(
    wire: Wire, broker: PrivateBroker
) -> None:
    bus, stock = joined(wire)

    broker.stop_app()
    assert eventually(lambda: not bus.healthy() and not stock.healthy())
    broker.start_app()

    assert state(wire, bus, stock) == WHOLE
    assert publish_until_confirmed(bus.publisher(), wire.orders(1)) == [Outcome.CONFIRMED]
    assert bodies(receive(stock, 1)) == ["0"]


def test_a_frozen_broker_is_given_up_and_nothing_is_lost(wire: Wire, broker: PrivateBroker) -> None:
    bus, stock = joined(wire)
    publisher = bus.publisher()
    publisher.publish(wire.orders(1))
    receive(stock, 1)

    broker.freeze()
    outcomes = publisher.publish(wire.orders(3)[1:], timeout=1)
    assert outcomes == [Outcome.UNCONFIRMED] * 2
    assert eventually(lambda: bool(publisher.problem()), within=15)
    broker.thaw()

    publish_until_confirmed(publisher, wire.orders(3)[1:])
    assert {"1", "2"} <= set(bodies(receive(stock, 6, within=8)))
    assert state(wire, bus, stock) == WHOLE


@pytest.mark.parametrize("short_of", ["memory_alarm", "disk_alarm"])
def test_a_broker_in_need_stops_publishers_and_says_so_while_consumers_go_on(
    wire: Wire, broker: PrivateBroker, short_of: str
) -> None:
    bus, stock = joined(wire)
    publisher = bus.publisher()
    publisher.publish(wire.orders(5))
    held = receive(stock, 5, ack=False)

    with in_need(broker, short_of):
        assert publisher.publish(wire.orders(1), timeout=1) == [Outcome.UNCONFIRMED]
        assert eventually(lambda: "blocked" in publisher.problem())
        assert "blocked" in bus.problem()
        for delivery in held:
            stock.ack(delivery)
        assert eventually(lambda: broker.messages(topology.queue_name(wire.queue)) == 0)
        assert stock.healthy()

    assert publish_until_confirmed(publisher, wire.orders(7)[6:]) == [Outcome.CONFIRMED]
    assert eventually(lambda: "6" in bodies(receive(stock, 1, within=0.2)))
    assert state(wire, bus, stock) == WHOLE


def test_a_broker_that_takes_nobody_is_asked_rarely_and_joined_when_it_does(
    wire: Wire, broker: PrivateBroker
) -> None:
    bus, stock = joined(wire)

    broker.listeners(on=False)
    broker.close_connections()
    assert eventually(lambda: not stock.healthy())
    used = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    time.sleep(5)
    used = resource.getrusage(resource.RUSAGE_SELF).ru_utime - used
    broker.listeners(on=True)

    assert used < 0.25
    assert state(wire, bus, stock) == WHOLE


def test_consumers_come_back_each_time_all_connections_are_closed(
    wire: Wire, broker: PrivateBroker
) -> None:
    bus, stock = joined(wire)
    publisher = bus.publisher()
    heard: set[str] = set()

    for number in range(5):
        broker.close_connections()
        publish_until_confirmed(publisher, wire.orders(number + 1)[number:])
        heard |= set(bodies(receive(stock, 1, within=BACK_WITHIN)))
        assert state(wire, bus, stock) == WHOLE

    heard |= set(bodies(receive(stock, 5, within=0.5)))
    assert heard == set("01234")


@pytest.mark.parametrize("side", ["publish", "consume"])
def test_one_side_alone_comes_back(wire: Wire, broker: PrivateBroker, side: str) -> None:
    bus, stock = joined(wire)
    before = RECONNECTS.labels(side)._value.get()

    broker.close_connection(f"test {side}")
    publish_until_confirmed(bus.publisher(), wire.orders(1))

    assert set(bodies(receive(stock, 1, within=BACK_WITHIN))) == {"0"}
    assert state(wire, bus, stock) == WHOLE
    assert eventually(lambda: RECONNECTS.labels(side)._value.get() == before + 1)


def test_a_full_queue_refuses_what_comes_and_keeps_what_it_has(
    wire: Wire, broker: PrivateBroker
) -> None:
    bus, stock = joined(wire, prefetch=1)
    name = topology.queue_name(wire.queue)
    broker.ctl("set_policy", "--apply-to", "queues", "full", f"^{name}$", '{"max-length": 3}')
    publisher = bus.publisher()

    outcomes = [publisher.publish([order])[0] for order in wire.orders(12)]
    broker.ctl("clear_policy", "full")

    taken = outcomes.count(Outcome.CONFIRMED)
    assert outcomes[-1] is Outcome.REFUSED
    assert set(outcomes) == {Outcome.CONFIRMED, Outcome.REFUSED}
    assert bodies(receive(stock, taken)) == [str(n) for n in range(taken)]


def test_a_broker_that_has_refused_takes_events_again_when_there_is_room(
    wire: Wire, broker: PrivateBroker
) -> None:
    bus, stock = joined(wire, prefetch=1)
    name = topology.queue_name(wire.queue)
    broker.ctl("set_policy", "--apply-to", "queues", "full", f"^{name}$", '{"max-length": 3}')
    publisher = bus.publisher()
    refused = [publisher.publish([order])[0] for order in wire.orders(12)].count(Outcome.REFUSED)
    assert refused

    broker.ctl("clear_policy", "full")  # while RabbitMQ 3.10 blocks our channel

    last = wire.orders(13)[12:]
    assert eventually(lambda: publisher.publish(last) == [Outcome.CONFIRMED])
    assert publisher.problem() == ""
    assert bodies(receive(stock, 13 - refused))[-1] == "12"


def test_a_handler_slower_than_the_heartbeat_keeps_its_connection(wire: Wire) -> None:
    bus = wire.bus(f"{wire.url}?heartbeat=1")
    stock = bus.subscribe(wire.queue, [wire.placed])
    bus.publisher().publish(wire.orders(1))
    [held] = receive(stock, 1, ack=False)

    time.sleep(6)

    stock.ack(held)
    assert stock.healthy()
    assert eventually(lambda: bus.inspect(wire.queue).messages == 0)
    assert stock.receive(0.5) == []


def test_a_handler_slower_than_the_broker_allows_gets_its_message_again(
    wire: Wire, broker: PrivateBroker
) -> None:
    with impatient(broker):
        bus, stock = joined(wire)
        bus.publisher().publish(wire.orders(1))
        [held] = receive(stock, 1, ack=False)

        assert eventually(lambda: not stock.healthy() or stock.receive(0.1) != [], within=15)
        stock.ack(held)

    assert state(wire, bus, stock) == WHOLE


def test_closing_during_an_outage_takes_a_few_seconds_at_most(
    wire: Wire, broker: PrivateBroker
) -> None:
    bus, stock = joined(wire)
    publisher = bus.publisher()
    broker.stop_app()
    waiting = threading.Thread(target=publisher.publish, args=(wire.orders(1),))
    waiting.start()
    time.sleep(1)

    began = time.monotonic()
    stock.close()
    bus.close()
    waiting.join()

    assert time.monotonic() - began < 5
    broker.start_app()


def test_a_listener_that_was_away_says_so(wire: Wire, broker: PrivateBroker) -> None:
    ear = wire.bus().listen([wire.placed], name="sessions")
    assert ear.gaps == 0

    broker.close_connections()

    assert eventually(lambda: ear.receive(0.1) == [] and ear.gaps == 1, within=BACK_WITHIN)


def joined(wire: Wire, prefetch: int = 16) -> tuple[Bus, Subscription]:
    """A bus and a consumer on it."""
    bus = wire.bus()
    stock = bus.subscribe(wire.queue, [wire.placed], prefetch=prefetch)
    assert stock.healthy(), stock.problem()
    return bus, stock


def state(wire: Wire, bus: Bus, stock: Subscription) -> dict[str, object]:
    """How things are once they had the time to come back."""
    eventually(lambda: bus.healthy() and stock.healthy(), within=BACK_WITHIN)
    problem, counted = bus.problem() or stock.problem(), bus.inspect(wire.queue).consumers
    return {"problem": problem, "consumers": counted, "gaps": stock.gaps}


@contextmanager
def in_need(broker: PrivateBroker, short_of: str) -> Iterator[None]:
    """A broker without memory or disk."""
    alarm = getattr(broker, short_of)
    alarm(on=True)
    try:
        yield
    finally:
        alarm(on=False)


@contextmanager
def impatient(broker: PrivateBroker) -> Iterator[None]:
    """A broker that gives a consumer two seconds to acknowledge."""
    setting = "application:set_env(rabbit, {}, {})."
    broker.ctl("eval", setting.format("channel_tick_interval", 500))
    broker.ctl("eval", setting.format("consumer_timeout", 2000))
    try:
        yield
    finally:
        broker.ctl("eval", setting.format("channel_tick_interval", 60_000))
        broker.ctl("eval", setting.format("consumer_timeout", 1_800_000))
