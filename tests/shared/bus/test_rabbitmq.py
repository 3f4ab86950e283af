"""What is particular to the bus on RabbitMQ: everything that can be lost comes back."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from uuid import uuid4

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from shared.bus import topology
from shared.bus.protocol import Message, Outcome
from tests.shared.bus.breakable import Road
from tests.shared.bus.conftest import rabbitmqctl
from tests.shared.bus.wires import Wire, bodies, eventually, publish_until_confirmed, receive

pytestmark = pytest.mark.real


@pytest.fixture
def road(rabbitmq: Wire) -> Iterator[Road]:
    """A way to the broker that we can break."""
    road = Road(rabbitmq.url)
    yield road
    for bus in rabbitmq.opened:
        bus.close()
    road.cut()


@pytest.fixture
def operator(rabbitmq: Wire) -> Iterator[BlockingChannel]:
    """Somebody with other ideas about the broker."""
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq.url))
    yield connection.channel()
    connection.close()


def test_a_closed_connection_comes_back_with_its_consumers(rabbitmq: Wire, vhost: str) -> None:
    bus = rabbitmq.bus()
    stock = bus.subscribe(rabbitmq.queue, [rabbitmq.placed])
    ear = bus.listen([rabbitmq.placed], name="sessions")
    publisher = bus.publisher()
    publisher.publish(rabbitmq.orders(1))
    [held] = receive(stock, 1, ack=False)
    receive(ear, 1)

    rabbitmqctl("close_all_connections", "--vhost", vhost, "a test")
    outcomes = publish_until_confirmed(publisher, rabbitmq.orders(2)[1:])

    assert outcomes == [Outcome.CONFIRMED]
    assert set(bodies(receive(stock, 2, ack=False))) >= {"0", "1"}
    assert eventually(lambda: stock.healthy() and ear.healthy() and bus.healthy())
    stock.ack(held)  # of the old channel: dropped, and the new channel lives on
    publish_until_confirmed(publisher, rabbitmq.orders(3)[2:])
    assert eventually(lambda: "2" in bodies(receive(stock, 1)))  # "1" may come twice
    # It may have missed "1" while it was away.
    assert eventually(lambda: "2" in bodies(receive(ear, 1)))


def test_a_deleted_queue_is_noticed_and_made_again(rabbitmq: Wire, vhost: str) -> None:
    bus = rabbitmq.bus()
    stock = bus.subscribe(rabbitmq.queue, [rabbitmq.placed])

    rabbitmqctl("delete_queue", "-p", vhost, topology.queue_name(rabbitmq.queue))
    assert eventually(lambda: not stock.healthy() or consumers(rabbitmq) == 1)
    assert eventually(lambda: stock.healthy() and consumers(rabbitmq) == 1)

    publish_until_confirmed(bus.publisher(), rabbitmq.orders(1))
    assert bodies(receive(stock, 1)) == ["0"]


def test_deleted_exchanges_are_made_again(rabbitmq: Wire, operator: BlockingChannel) -> None:
    bus = rabbitmq.bus()
    bus.subscribe(rabbitmq.queue, [rabbitmq.placed]).close()
    publisher = bus.publisher()
    publisher.publish(rabbitmq.orders(1))
    operator.exchange_delete(topology.EVENTS)

    first = publisher.publish(rabbitmq.orders(1))

    assert first == [Outcome.UNCONFIRMED]
    stock = bus.subscribe(rabbitmq.queue, [rabbitmq.placed])
    assert publish_until_confirmed(publisher, rabbitmq.orders(2)[1:]) == [Outcome.CONFIRMED]
    assert bodies(receive(stock, 2)) == ["0", "1"]


def test_a_broken_topology_is_told_from_an_event_without_listeners(
    rabbitmq: Wire, operator: BlockingChannel
) -> None:
    publisher = rabbitmq.bus().publisher()
    nobody_cares = [Message(str(uuid4()), rabbitmq.unheard, b"?")]
    assert publisher.publish(nobody_cares) == [Outcome.CONFIRMED]

    operator.queue_unbind(topology.UNHEARD, topology.UNHEARD, "")

    assert publisher.publish(nobody_cares) == [Outcome.RETURNED]


def test_unheard_events_can_be_looked_at(rabbitmq: Wire, operator: BlockingChannel) -> None:
    publisher = rabbitmq.bus().publisher()
    publisher.publish(rabbitmq.orders(1))
    operator.queue_purge(topology.UNHEARD)

    publisher.publish([Message("the-id", rabbitmq.unheard, b"anybody?")])

    method, properties, body = operator.basic_get(topology.UNHEARD, auto_ack=True)
    assert method is not None
    assert properties is not None
    assert (properties.message_id, properties.delivery_mode, body) == ("the-id", 2, b"anybody?")
    assert method.routing_key == rabbitmq.unheard


def test_what_was_put_aside_is_kept_for_the_operator(
    rabbitmq: Wire, operator: BlockingChannel
) -> None:
    bus = rabbitmq.bus()
    bus.subscribe(rabbitmq.queue, [rabbitmq.placed]).close()
    bus.publisher().publish(rabbitmq.orders(1))
    for _ in range(21):
        crashing = bus.subscribe(rabbitmq.queue, [rabbitmq.placed])
        receive(crashing, 1, ack=False)
        crashing.close()

    dead = f"{topology.queue_name(rabbitmq.queue)}.dead"

    assert eventually(lambda: operator.basic_get(dead, auto_ack=True)[2] == b"0")


def test_a_queue_that_is_not_what_we_declare_is_told_in_plain_words_and_waited_for(
    rabbitmq: Wire, operator: BlockingChannel, caplog: pytest.LogCaptureFixture
) -> None:
    name = topology.queue_name(rabbitmq.queue)
    operator.queue_declare(name, durable=True)
    bus = rabbitmq.bus()
    healthy_neighbour = bus.subscribe(rabbitmq.other_queue, [rabbitmq.placed])

    with caplog.at_level(logging.ERROR):
        stock = bus.subscribe(rabbitmq.queue, [rabbitmq.placed])

    assert not stock.healthy()
    assert name in caplog.text
    assert "PRECONDITION_FAILED" in caplog.text
    assert healthy_neighbour.healthy()
    operator.queue_delete(name)
    assert eventually(stock.healthy)


def test_a_broker_that_is_away_is_no_answer_within_the_time_given(
    rabbitmq: Wire, road: Road
) -> None:
    road.cut()
    bus = rabbitmq.bus(road.url)
    publisher = bus.publisher()

    began = time.monotonic()
    outcomes = publisher.publish(rabbitmq.orders(2), timeout=0.5)
    stock = bus.subscribe(rabbitmq.queue, [rabbitmq.placed])
    nothing = stock.receive(0.2)

    assert outcomes == [Outcome.UNCONFIRMED] * 2
    assert nothing == []
    assert time.monotonic() - began < 9  # by default, publishing alone waits longer
    assert (bus.healthy(), stock.healthy()) == (False, False)


def test_everything_works_again_when_the_broker_is_back(rabbitmq: Wire, road: Road) -> None:
    bus = rabbitmq.bus(road.url)
    stock = bus.subscribe(rabbitmq.queue, [rabbitmq.placed])
    publisher = bus.publisher()
    publisher.publish(rabbitmq.orders(1))
    assert bodies(receive(stock, 1)) == ["0"]

    road.cut()
    assert eventually(lambda: not bus.healthy())
    assert publisher.publish(rabbitmq.orders(1), timeout=0.3) == [Outcome.UNCONFIRMED]
    road.mend()

    assert publish_until_confirmed(publisher, rabbitmq.orders(2)[1:]) == [Outcome.CONFIRMED]
    assert eventually(lambda: "1" in bodies(receive(stock, 1)))  # "0" may come twice
    assert (bus.problem(), stock.problem()) == ("", "")


def test_a_publish_that_waits_is_sent_when_the_broker_comes(rabbitmq: Wire, road: Road) -> None:
    road.cut()
    publisher = rabbitmq.bus(road.url).publisher()
    threading.Timer(0.5, road.mend).start()

    outcomes = publisher.publish(rabbitmq.orders(1), timeout=60)

    assert outcomes == [Outcome.CONFIRMED]


def test_a_frozen_broker_is_given_up_when_no_confirm_comes(rabbitmq: Wire, road: Road) -> None:
    bus = rabbitmq.bus(road.url)
    stock = bus.subscribe(rabbitmq.queue, [rabbitmq.placed])
    publisher = bus.publisher()
    publisher.publish(rabbitmq.orders(1))
    receive(stock, 1)

    road.freeze()
    began = time.monotonic()
    outcomes = publisher.publish(rabbitmq.orders(1), timeout=0.5)

    assert outcomes == [Outcome.UNCONFIRMED]
    assert time.monotonic() - began < 9  # by default it waits longer
    assert eventually(lambda: not bus.healthy())
    road.cut()
    road.mend()
    assert publish_until_confirmed(publisher, rabbitmq.orders(2)[1:]) == [Outcome.CONFIRMED]
    # The first ones may come again: their acknowledgement froze on its way.
    assert eventually(lambda: "1" in bodies(receive(stock, 1)))


def test_closing_is_over_in_time_even_when_the_broker_is_frozen(rabbitmq: Wire, road: Road) -> None:
    bus = rabbitmq.bus(road.url)
    bus.subscribe(rabbitmq.queue, [rabbitmq.placed])
    bus.publisher().publish(rabbitmq.orders(1))
    road.freeze()

    began = time.monotonic()
    bus.close()

    assert time.monotonic() - began < 20  # TCP would wait for minutes
    assert not io_threads()


def test_closing_is_quick_while_the_broker_is_away(rabbitmq: Wire, road: Road) -> None:
    road.cut()
    bus = rabbitmq.bus(road.url)
    stock = bus.subscribe(rabbitmq.queue, [rabbitmq.placed])
    waiting = threading.Thread(
        target=bus.publisher().publish, args=(rabbitmq.orders(1),), kwargs={"timeout": 60}
    )
    waiting.start()
    time.sleep(0.5)  # well into the back-off

    began = time.monotonic()
    stock.close()
    bus.close()
    waiting.join(20)

    assert time.monotonic() - began < 20
    assert not waiting.is_alive()
    assert not io_threads()


def test_a_message_amqp_cannot_carry_is_refused_and_its_neighbours_are_not(
    rabbitmq: Wire,
) -> None:
    publisher = rabbitmq.bus().publisher()
    before, after = rabbitmq.orders(2)
    too_long = Message(str(uuid4()), "x" * 300, b"")

    outcomes = publisher.publish([before, too_long, after])

    assert outcomes == [Outcome.CONFIRMED, Outcome.REFUSED, Outcome.CONFIRMED]


def test_connections_carry_our_name_and_are_two(rabbitmq: Wire, vhost: str) -> None:
    bus = rabbitmq.bus()
    bus.subscribe(rabbitmq.queue, [rabbitmq.placed])
    bus.publisher().publish(rabbitmq.orders(1))

    def names() -> list[str]:
        listed = rabbitmqctl("list_connections", "vhost", "client_properties", "-s")
        ours = [line for line in listed.splitlines() if line.startswith(vhost)]
        return sorted(line.partition('"connection_name","')[2].partition('"')[0] for line in ours)

    assert eventually(lambda: names() == ["test consume", "test publish"])


def consumers(wire: Wire) -> int:
    """How many consumers the broker counts on this test's queue; -1 when it is not there."""
    connection = pika.BlockingConnection(pika.URLParameters(wire.url))
    try:
        found = connection.channel().queue_declare(topology.queue_name(wire.queue), passive=True)
        return int(found.method.consumer_count)
    except pika.exceptions.ChannelClosedByBroker:
        return -1
    finally:
        connection.close()


def io_threads() -> list[str]:
    """The I/O threads of buses that are not closed."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("bus of")]
