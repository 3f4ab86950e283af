"""Faults of the messages themselves: doubled, shuffled, poisoned, lost; queues and bindings gone."""

from __future__ import annotations

import json
import signal
import time
from datetime import UTC, datetime
from uuid import uuid4

from shared.bus import connect
from shared.bus.protocol import Bus, Delivery, Message
from tests.faults.facts import QUEUES, subscriptions
from tests.faults.rounds import Round, Scenario

COPIES = "faults-copies"
MOST_DEATHS = 6  # twice from the queue, three times with care, and once for a death in between
GIVEN_UP_WITHIN = 180.0


def _bus(round_: Round) -> Bus:
    return connect(round_.rig.bus_url, client="faults")


def doubled(round_: Round) -> None:
    """Every message comes two to five times: at once, and again when all is long done."""
    types = sorted(set().union(*subscriptions(round_.rig).values()))
    bus = _bus(round_)
    copies, publisher = bus.subscribe(COPIES, types), bus.publisher()
    later: list[Message] = []
    with round_.fault("every message 2 to 5 times"):
        deadline = time.monotonic() + 40
        seen: set[str] = set()
        while time.monotonic() < deadline:
            batch = copies.receive(0.5)
            fresh = [each.message for each in batch if each.message.id not in seen]
            seen |= {message.id for message in fresh}
            again = [m for m in fresh for _ in range(round_.dice.randint(1, 4))]
            round_.dice.shuffle(again)
            publisher.publish(again[: len(again) // 2])
            later += again[len(again) // 2 :]
            for each in batch:
                copies.ack(each)
            if not batch and not any(t.is_alive() for t in round_.crowd.threads):
                break
        publisher.publish(later[:400])
    copies.close()
    round_.detail.append(f"{len(seen)} messages copied")
    _forget_copies(round_, bus)


def shuffled(round_: Round) -> None:
    """What waited for a worker comes in any order: the end is the same as in order."""
    round_.ordered = False
    service, worker = round_.dice.choice([("shop", "shop-work"), ("catalog", "catalog")])
    bus = _bus(round_)
    with round_.fault(f"messages of {service} shuffled"):
        round_.wait_for_orders(0.1)
        round_.rig.kill(worker)
        round_.wait_for_orders(1.0)
        taken = _take_all(bus, service, sorted(subscriptions(round_.rig)[service]))
        messages = [each.message for each in taken]
        round_.dice.shuffle(messages)
        publisher = bus.publisher()
        for start in range(0, len(messages), 50):
            publisher.publish(messages[start : start + 50])
        round_.rig.start(worker)
    round_.detail.append(f"{len(messages)} messages")
    bus.close()


def _take_all(bus: Bus, queue: str, types: list[str]) -> list[Delivery]:
    subscription = bus.subscribe(queue, types)
    taken: list[Delivery] = []
    quiet = 0
    while quiet < 3:
        batch = subscription.receive(0.5)
        quiet = 0 if batch else quiet + 1
        for each in batch:
            subscription.ack(each)
        taken += batch
    subscription.close()
    return taken


def poisoned(round_: Round) -> None:
    """Messages that nobody can ever read lie down as dead letters, and hold up nobody."""
    bus = _bus(round_)
    publisher = bus.publisher()
    round_.wait_for_orders(0.2)
    dead_before = _dead(round_)
    poured = 0
    with round_.fault("unreadable, incomplete and future messages"):
        for queue, type_ in (
            ("catalog", "shop.order.placed.v1"),
            ("shop", "catalog.stock.held.v1"),
        ):
            for body in (b"{not json", b"[]", b"\xff\xfe\x00"):
                publisher.publish([Message(str(uuid4()), type_, body)])
                poured += 1
            for data in ({}, {"order_id": 7, "lines": "many", "version": "next"}):
                id_ = str(uuid4())
                round_.poison.add(id_)
                publisher.publish([Message(id_, type_, _envelope(id_, type_, data))])
                poured += 1
            time.sleep(0.2)
            round_.detail.append(f"{queue} poisoned")
    arrived = round_.eventually(lambda: _dead(round_) - dead_before >= poured, within=30)
    round_.expect(arrived, f"{_dead(round_) - dead_before} of {poured} poisons are dead letters")
    bus.close()
    round_.wait_for_orders(1.0)
    round_.detail.append(f"slowest neighbour {_slowest_neighbour(round_):.2f} s")
    _drop_dead(round_, "shop", "catalog")


def killing(round_: Round) -> None:
    """An event whose handler ends the process: a letter after few deaths, and neighbours live."""
    victim, type_ = round_.dice.choice(
        [("catalog", "shop.order.placed.v1"), ("shop-work", "catalog.stock.held.v1")]
    )
    id_, armed, deaths = str(uuid4()), {}, 0
    armed["QUINTET_FAILPOINTS"] = f"consumer.after_inbox@{id_}:kill"
    round_.wait_for_orders(0.1)
    dead_before = _dead(round_)
    with round_.fault(f"an event that kills {victim}"):
        round_.rig.restart(victim, **armed)
        bus = _bus(round_)
        data: dict[str, object] = {"order_id": id_, "lines": [{"sku": "NOTHING", "quantity": 1}]}
        bus.publisher().publish([Message(id_, type_, _envelope(id_, type_, data))])
        bus.close()
        deadline = time.monotonic() + GIVEN_UP_WITHIN
        while _dead(round_) == dead_before and time.monotonic() < deadline:
            if round_.wait_for_death(victim, within=1.0):
                deaths += 1
                round_.rig.start_armed(victim, armed["QUINTET_FAILPOINTS"])
        round_.expect(_dead(round_) == dead_before + 1, f"no letter after {deaths} deaths")
        round_.expect(1 <= deaths <= MOST_DEATHS, f"{victim} died {deaths} times")
        round_.rig.restart(victim)
    round_.detail.append(f"{deaths} deaths")
    round_.wait_for_orders(1.0)
    round_.expect(_dead(round_) == dead_before + 1, "neighbours died with it")
    _drop_dead(round_, victim.partition("-")[0])


def _dead(round_: Round) -> int:
    return sum(
        int(str(round_.rig.rows(each, "SELECT count(*) FROM parked_events WHERE dead_at IS NOT NULL")[0][0]))
        for each in QUEUES
    )  # fmt: skip


def _drop_dead(round_: Round, *services: str) -> None:
    """What was judged is taken off the list, so that the next round begins with none."""
    for service in services:
        round_.rig.manage(service, "bus", "dead", "drop", "--all", "--yes", "--by", "faults")
    round_.poison.clear()


def _slowest_neighbour(round_: Round) -> float:
    """The longest that an event of this round took from being written to being heard, seconds."""
    longest = 0.0
    for writer, reader in (("catalog", "shop"), ("shop", "catalog")):
        rows = round_.rig.rows(writer, "SELECT id, created_at FROM outbox")
        written = {str(id_): at for id_, at in rows}
        for id_, at in round_.rig.rows(reader, "SELECT event_id, received_at FROM inbox"):
            at_first = written.get(str(id_))
            if at_first is not None and str(id_) not in round_.said_before:
                longest = max(longest, (_moment(at) - _moment(at_first)).total_seconds())
    return longest


def _moment(at: object) -> datetime:
    found = at if isinstance(at, datetime) else datetime.fromisoformat(str(at))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _envelope(id_: str, type_: str, data: dict[str, object]) -> bytes:
    return json.dumps(
        {
            "specversion": "1.0", "id": id_, "type": type_, "source": "/faults",
            "subject": id_, "time": "2026-01-01T00:00:00+00:00", "aggregateversion": 1,
            "correlationid": id_, "traceparent": f"00-{uuid4().hex}-{uuid4().hex[:16]}-01",
            "data": data,
        }
    ).encode()  # fmt: skip


def strange_arguments(round_: Round) -> None:
    """Somebody made the queue anew with other arguments: named as the reason, repaired by hand."""
    round_.ordered = False
    broker, rig = round_.rig.servers_used.broker, round_.rig
    assert broker is not None
    round_.wait_for_orders(0.2)
    with round_.fault("queue of shop replaced by one with other arguments"):
        rig.signal("shop-work", signal.SIGSTOP)
        with broker.channel(rig.vhost) as channel:
            channel.queue_delete("quintet.shop")
            channel.queue_declare("quintet.shop", durable=True, arguments={"x-max-length": 7})
        rig.signal("shop-work", signal.SIGCONT)
        told = round_.eventually(
            lambda: "quintet.shop" in rig.why_not_ready("shop-work"), within=30
        )
        round_.expect(told, f"not told that the queue differs: {rig.why_not_ready('shop-work')}")
        code, _ = rig.command("shop", "bus", "topology", "check")
        round_.expect(code == 1, f"`topology check` ended with {code}")
        with broker.channel(rig.vhost) as channel:
            channel.queue_delete("quintet.shop")
        rig.manage("shop", "bus", "topology", "apply")
        rig.manage("shop", "bus", "catch-up", "--yes")
    whole = round_.eventually(lambda: not rig.why_not_ready("shop-work"), within=40)
    round_.expect(whole, f"still not ready: {rig.why_not_ready('shop-work')}")


def deleted_queue(round_: Round) -> None:
    """A queue is deleted under its consumer: it is made again, and the hole is filled."""
    round_.ordered = False
    broker, queue = round_.rig.servers_used.broker, round_.dice.choice(["shop", "catalog"])
    assert broker is not None
    round_.wait_for_orders(0.2)
    with round_.fault(f"queue of {queue} deleted"):
        broker.ctl("delete_queue", "-p", round_.rig.vhost, f"quintet.{queue}")
        time.sleep(1)


def deleted_binding(round_: Round) -> None:
    """A binding is taken away: detected, mended, and what passed by is sent again."""
    round_.ordered = False
    broker, rig = round_.rig.servers_used.broker, round_.rig
    assert broker is not None
    round_.wait_for_orders(0.2)
    with round_.fault("binding of shop to catalog.stock.held.v1 deleted"):
        with broker.channel(rig.vhost) as channel:
            channel.exchange_unbind("quintet.shop", "quintet.events", "catalog.stock.held.v1.#")
        time.sleep(2)


def forgotten_copy(round_: Round) -> None:
    """A read model is thrown away under load and rebuilt from what its publisher kept."""
    round_.ordered = False
    rig = round_.rig
    round_.wait_for_orders(0.1)
    with round_.fault("half of the shop's copy of the offer forgotten"):
        rig.kill("shop-work")
        with rig.engines["shop"].begin() as connection:
            for table, column in (("known_products", "sku"),):
                rows = connection.exec_driver_sql(f"SELECT {column} FROM {table} ORDER BY 1").all()
                for (sku,) in rows[::2]:
                    if sku not in (*rig.plenty, round_.crowd.rare):
                        connection.exec_driver_sql(f"DELETE FROM {table} WHERE {column} = '{sku}'")
            connection.exec_driver_sql(
                "DELETE FROM inbox WHERE type IN ('catalog.product.published.v1', "
                "'catalog.product.changed.v1', 'catalog.stock.level.v1', 'catalog.price.changed.v1')"
            )
        rig.start("shop-work")


def _forget_copies(round_: Round, bus: Bus) -> None:
    """Our own queue is no part of the platform."""
    bus.close()
    broker = round_.rig.servers_used.broker
    if broker is not None:
        with broker.channel(round_.rig.vhost) as channel:
            channel.queue_delete(f"quintet.{COPIES}")
            channel.queue_delete(f"quintet.{COPIES}.dead")


SCENARIOS = [
    Scenario("every message doubled", (11,), doubled, most=8),
    Scenario("messages shuffled", (12,), shuffled),
    Scenario("poison", (13,), poisoned),
    Scenario("event that kills its consumer", (13,), killing),
    Scenario("queue deleted", (10,), deleted_queue, ("real",)),
    Scenario("binding deleted", (10,), deleted_binding, ("real",)),
    Scenario("queue with other arguments", (10,), strange_arguments, ("real",)),
    Scenario("read model rebuilt under load", (23,), forgotten_copy),
]
