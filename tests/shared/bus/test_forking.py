"""A process that forks shares no connection with its child."""

from __future__ import annotations

import os

import pytest

from shared.bus.protocol import Bus, Outcome, Publisher
from tests.shared.bus.wires import Wire, bodies, publish_until_confirmed, receive


def test_a_forked_process_shares_no_connection(embedded: Wire) -> None:
    bus = embedded.bus()
    stock = bus.subscribe(embedded.queue, [embedded.placed])
    publisher = bus.publisher()
    publisher.publish(embedded.orders(1))

    child = os.fork()
    if child == 0:
        outcomes = publisher.publish(embedded.orders(2)[1:])
        os._exit(0 if outcomes == [Outcome.CONFIRMED] else 1)

    assert os.waitpid(child, 0)[1] == 0
    publisher.publish(embedded.orders(3)[2:])
    assert bodies(receive(stock, 3)) == ["0", "1", "2"]


@pytest.mark.real
def test_a_forked_process_opens_connections_of_its_own(rabbitmq: Wire) -> None:
    bus = rabbitmq.bus()
    stock = bus.subscribe(rabbitmq.queue, [rabbitmq.placed])
    publisher = bus.publisher()
    publisher.publish(rabbitmq.orders(1))

    child = os.fork()
    if child == 0:
        os._exit(0 if in_a_child(rabbitmq, bus, publisher) else 1)

    assert os.waitpid(child, 0)[1] == 0
    assert publish_until_confirmed(publisher, rabbitmq.orders(3)[2:]) == [Outcome.CONFIRMED]
    assert bodies(receive(stock, 3)) == ["0", "1", "2"]
    assert (bus.healthy(), stock.healthy()) == (True, True)


def in_a_child(wire: Wire, bus: Bus, inherited: Publisher) -> bool:
    """Whether the parent's publisher is refused here, and one of our own works."""
    try:
        inherited.publish(wire.orders(1))
    except RuntimeError:
        own = bus.publisher().publish(wire.orders(2)[1:]) == [Outcome.CONFIRMED]
        bus.close()
        return own
    return False
