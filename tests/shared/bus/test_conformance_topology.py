"""What every bus promises about what must exist on it, held against both transports."""

from __future__ import annotations

import pytest

from shared.bus.protocol import Message, QueueState
from tests.shared.bus.wires import Wire, eventually, receive


def test_a_queue_tells_what_it_holds(wire: Wire) -> None:
    bus = wire.bus()
    stock = bus.subscribe(wire.queue, [wire.placed])
    bus.publisher().publish(wire.orders(3))
    receive(stock, 1, ack=False)
    stock.close()

    assert eventually(lambda: bus.inspect(wire.queue).messages == 3)
    assert bus.inspect(wire.queue).consumers == 0
    assert bus.inspect(wire.queue).dead == 0


def test_a_queue_that_is_not_there_is_told_apart_from_an_empty_one(wire: Wire) -> None:
    bus = wire.bus()

    assert not bus.inspect(wire.queue).exists
    bus.topology(wire.queue, [wire.placed]).apply()
    assert bus.inspect(wire.queue) in (
        QueueState(messages=0, unacked=unacked, consumers=0, dead=0) for unacked in (0, None)
    )


def test_what_is_missing_is_listed_and_made(wire: Wire) -> None:
    desk = wire.bus().topology(wire.queue, [wire.placed, wire.unheard])

    missing = desk.diff()
    left = desk.apply()

    assert any(wire.queue in each.what and each.found == "absent" for each in missing)
    assert left == desk.diff() == []


def test_a_type_that_is_not_bound_is_listed(wire: Wire) -> None:
    bus = wire.bus()
    bus.topology(wire.queue, [wire.placed]).apply()

    [missing] = bus.topology(wire.queue, [wire.placed, wire.unheard]).diff()

    assert missing.what == f"binding of {wire.unheard}"


def test_looking_for_differences_leaves_nothing_in_the_queue(wire: Wire) -> None:
    bus = wire.bus()
    bus.topology(wire.queue, [wire.placed]).apply()
    bus.topology(wire.other_queue, [wire.placed]).apply()

    bus.topology(wire.queue, [wire.placed]).diff()

    assert bus.inspect(wire.queue).messages == bus.inspect(wire.other_queue).messages == 0


def test_a_delivery_tells_how_often_it_came_back(wire: Wire) -> None:
    bus = wire.bus()
    bus.subscribe(wire.queue, [wire.placed]).close()
    bus.publisher().publish(wire.orders(1))

    seen = []
    for _ in range(3):
        stock = bus.subscribe(wire.queue, [wire.placed])
        seen += receive(stock, 1, ack=False)
        stock.close()

    assert [delivery.returns for delivery in seen] == [0, 1, 2]


def test_what_came_back_too_often_is_handed_over_once_it_is_kept(wire: Wire) -> None:
    bus = wire.bus()
    bus.subscribe(wire.queue, [wire.placed]).close()
    (order,) = wire.orders(1)
    bus.publisher().publish([order])
    for _ in range(21):
        crashing = bus.subscribe(wire.queue, [wire.placed])
        receive(crashing, 1, ack=False)
        crashing.close()
    kept: list[Message] = []

    assert eventually(lambda: bus.inspect(wire.queue).dead == 1)
    with pytest.raises(RuntimeError):
        bus.exhume(wire.queue, _refuse)

    assert eventually(lambda: bus.exhume(wire.queue, kept.append) == 1)
    assert [(each.id, each.type, each.body) for each in kept] == [(order.id, order.type, b"0")]
    assert bus.inspect(wire.queue).dead == 0


def _refuse(_: Message) -> None:
    raise RuntimeError("cannot be kept now")
