"""What every bus promises about messages, held against both transports."""

from __future__ import annotations

from uuid import uuid4

from shared.bus.protocol import Message, Outcome
from tests.shared.bus.wires import Wire, bodies, receive

QUIET = 0.3  # long enough to see that nothing comes


def test_every_bound_queue_gets_a_message_once(wire: Wire) -> None:
    bus = wire.bus()
    stock = bus.subscribe(wire.queue, [wire.placed])
    mail = bus.subscribe(wire.other_queue, [wire.placed, wire.unheard])

    outcomes = bus.publisher().publish(wire.orders(2))

    assert outcomes == [Outcome.CONFIRMED, Outcome.CONFIRMED]
    assert bodies(receive(stock, 2)) == ["0", "1"]
    assert bodies(receive(mail, 2)) == ["0", "1"]
    assert stock.receive(QUIET) == mail.receive(0) == []


def test_a_message_arrives_as_it_was_sent(wire: Wire) -> None:
    bus = wire.bus()
    stock = bus.subscribe(wire.queue, [wire.placed])
    headers = {"traceparent": "00-ab-cd-01", "who": "Zoë 🌻"}
    message = Message(str(uuid4()), wire.placed, "naïve ☕".encode(), headers)

    bus.publisher().publish([message])

    [delivery] = receive(stock, 1)
    assert delivery.message == message
    assert not delivery.redelivered


def test_a_body_of_256_kibibytes_arrives_whole(wire: Wire) -> None:
    bus = wire.bus()
    stock = bus.subscribe(wire.queue, [wire.placed])
    body = bytes(range(256)) * 1024

    bus.publisher().publish([Message(str(uuid4()), wire.placed, body)])

    [delivery] = receive(stock, 1)
    assert delivery.message.body == body


def test_a_type_nobody_listens_to_is_confirmed(wire: Wire) -> None:
    publisher = wire.bus().publisher()

    outcomes = publisher.publish([Message(str(uuid4()), wire.unheard, b"anybody there?")])

    assert outcomes == [Outcome.CONFIRMED]


def test_nothing_to_publish_is_no_trouble(wire: Wire) -> None:
    assert wire.bus().publisher().publish([]) == []


def test_messages_wait_while_nobody_listens_and_survive_the_closing_of_everything(
    wire: Wire,
) -> None:
    first = wire.bus()
    first.subscribe(wire.queue, [wire.placed]).close()
    first.publisher().publish(wire.orders(3))
    first.close()

    stock = wire.bus().subscribe(wire.queue, [wire.placed])

    assert bodies(receive(stock, 3)) == ["0", "1", "2"]


def test_what_is_acknowledged_is_gone(wire: Wire) -> None:
    bus = wire.bus()
    stock = bus.subscribe(wire.queue, [wire.placed])
    bus.publisher().publish(wire.orders(3))
    receive(stock, 3)

    stock.close()

    assert bus.subscribe(wire.queue, [wire.placed]).receive(QUIET) == []


def test_what_is_not_acknowledged_comes_again_after_closing(wire: Wire) -> None:
    bus = wire.bus()
    stock = bus.subscribe(wire.queue, [wire.placed])
    bus.publisher().publish(wire.orders(3))
    held = receive(stock, 3, ack=False)
    stock.ack(held[1])

    stock.close()

    again = receive(bus.subscribe(wire.queue, [wire.placed]), 2)
    assert bodies(again) == ["0", "2"]
    assert all(delivery.redelivered for delivery in again)


def test_what_a_killed_consumer_held_comes_again(wire: Wire) -> None:
    bus = wire.bus()
    bus.subscribe(wire.queue, [wire.placed]).close()
    holder = wire.program("hold", "subscribe", wire.queue, wire.placed)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "ready\n"
    bus.publisher().publish(wire.orders(2))
    assert [holder.stdout.readline() for _ in range(2)] == ["0\n", "1\n"]

    holder.kill()

    again = receive(bus.subscribe(wire.queue, [wire.placed]), 2)
    holder.wait()
    holder.stdout.close()
    assert bodies(again) == ["0", "1"]
    assert all(delivery.redelivered for delivery in again)


def test_what_is_released_comes_again_before_what_came_later(wire: Wire) -> None:
    bus = wire.bus()
    stock = bus.subscribe(wire.queue, [wire.placed], prefetch=2)
    bus.publisher().publish(wire.orders(3))
    first, second = receive(stock, 2, ack=False)

    stock.release(second)
    stock.release(first)

    again = receive(stock, 3)
    assert bodies(again) == ["0", "1", "2"]
    assert [delivery.redelivered for delivery in again] == [True, True, False]


def test_what_is_released_often_is_not_held_against_the_message(wire: Wire) -> None:
    bus = wire.bus()
    stock = bus.subscribe(wire.queue, [wire.placed])
    bus.publisher().publish(wire.orders(1))

    for _ in range(30):
        [delivery] = receive(stock, 1, ack=False)
        stock.release(delivery)

    assert bodies(receive(stock, 1)) == ["0"]


def test_a_message_that_never_gets_acknowledged_is_put_aside_in_the_end(wire: Wire) -> None:
    bus = wire.bus()
    bus.subscribe(wire.queue, [wire.placed]).close()
    bus.publisher().publish(wire.orders(1))

    for _ in range(21):
        crashing = bus.subscribe(wire.queue, [wire.placed], prefetch=1)
        assert bodies(receive(crashing, 1, ack=False)) == ["0"]
        crashing.close()

    bus.publisher().publish(wire.orders(2)[1:])
    assert bodies(receive(bus.subscribe(wire.queue, [wire.placed]), 1)) == ["1"]


def test_messages_come_in_the_order_of_publishing(wire: Wire) -> None:
    bus = wire.bus()
    stock = bus.subscribe(wire.queue, [wire.placed], prefetch=10)
    publisher = bus.publisher()
    orders = wire.orders(300)

    for start in range(0, 300, 50):
        publisher.publish(orders[start : start + 50])

    assert bodies(receive(stock, 300)) == [str(n) for n in range(300)]


def test_no_more_than_prefetch_is_handed_out_before_something_is_acknowledged(wire: Wire) -> None:
    bus = wire.bus()
    stock = bus.subscribe(wire.queue, [wire.placed], prefetch=3)
    bus.publisher().publish(wire.orders(5))
    held = receive(stock, 3, ack=False)
    assert stock.receive(QUIET) == []

    stock.ack(held[0])

    assert bodies(held + receive(stock, 1, ack=False)) == ["0", "1", "2", "3"]


def test_consumers_of_one_queue_never_get_the_same_message(wire: Wire) -> None:
    one, two = (wire.bus().subscribe(wire.queue, [wire.placed], prefetch=4) for _ in range(2))
    wire.bus().publisher().publish(wire.orders(40))

    heard: list[str] = []
    for _ in range(100):
        heard += bodies(receive(one, 1, within=0.1)) + bodies(receive(two, 1, within=0.1))
        if len(heard) >= 40:
            break

    assert sorted(map(int, heard)) == list(range(40))


def test_a_waiting_consumer_takes_over_when_the_other_leaves(wire: Wire) -> None:
    first = wire.bus().subscribe(wire.queue, [wire.placed])
    second = wire.bus().subscribe(wire.queue, [wire.placed])
    bus = wire.bus()
    bus.publisher().publish(wire.orders(1))
    receive(first, 1, within=0.5)

    first.close()
    bus.publisher().publish(wire.orders(1))

    assert bodies(receive(second, 1)) in (["0"], ["0", "0"])


def test_a_late_or_repeated_acknowledgement_does_no_harm(wire: Wire) -> None:
    bus = wire.bus()
    stock = bus.subscribe(wire.queue, [wire.placed])
    bus.publisher().publish(wire.orders(1))
    [delivery] = receive(stock, 1)

    stock.ack(delivery)
    bus.publisher().publish(wire.orders(2)[1:])
    [second] = receive(stock, 1, ack=False)
    stock.ack(delivery)
    stock.close()
    stock.ack(second)

    assert bodies(receive(bus.subscribe(wire.queue, [wire.placed]), 1)) == ["1"]


def test_the_same_message_published_twice_comes_twice(wire: Wire) -> None:
    bus = wire.bus()
    stock = bus.subscribe(wire.queue, [wire.placed])
    [order] = wire.orders(1)

    outcomes = bus.publisher().publish([order, order])

    assert outcomes == [Outcome.CONFIRMED, Outcome.CONFIRMED]
    assert [d.message.id for d in receive(stock, 2)] == [order.id, order.id]
    assert stock.receive(QUIET) == []


def test_a_broadcast_reaches_every_listener_that_is_there_and_no_other(wire: Wire) -> None:
    bus = wire.bus()
    one = bus.listen([wire.placed], name="sessions")
    two = wire.bus().listen([wire.placed], name="sessions")
    gone = bus.listen([wire.placed], name="sessions")
    gone.close()

    bus.publisher().publish(wire.orders(2))
    late = bus.listen([wire.placed], name="sessions")

    assert bodies(receive(one, 2)) == bodies(receive(two, 2)) == ["0", "1"]
    assert late.receive(QUIET) == gone.receive(0) == []
