"""kombu doing the same, with the client that Celery uses: one confirm at a time, one thread."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import psycopg

from shared.bus import topology
from tests.benchmarks.bus import durable, teller
from tests.benchmarks.bus.ground import QUEUE, Ground
from tests.benchmarks.bus.meter import Meter

kombu: Any = import_module("kombu")  # it has no types of its own

WARM_UP = 100
PREFETCH = 16


def publish(ground: Ground, count: int) -> dict[str, float]:
    """Messages in memory; kombu waits for each confirm."""
    with _connection(ground) as connection:
        producer = connection.Producer(auto_declare=False)
        _send(producer, teller.messages(0, WARM_UP))
        meter = Meter()
        _send(producer, teller.messages(0, count))
        return meter.read(count)


def relay(ground: Ground, count: int) -> dict[str, float]:
    """Rows of an outbox: read 200, send them, mark them."""
    meter = None
    with _connection(ground) as connection, psycopg.connect(ground.plain, autocommit=True) as db:
        producer = connection.Producer(auto_declare=False)
        while rows := db.execute(durable.WAITING).fetchall():
            _send(producer, [(id_, type_, body.encode()) for _, id_, type_, body in rows])
            db.execute(durable.SENT, ([row[0] for row in rows],))
            meter = meter or Meter()  # the first batch warms up
        assert meter is not None
        return meter.read(count)


def consume(ground: Ground, count: int, driver: str) -> dict[str, float]:
    """A transaction per message, one after the other; acknowledged after the commit."""
    take = durable.taker(ground, driver)
    meters: list[Meter] = []
    left = count

    def hear(message: Any) -> None:
        nonlocal left
        if not meters:
            meters.append(Meter())
        take(json.loads(message.body))
        message.ack()
        left -= 1

    with _connection(ground) as connection:
        queue = kombu.Queue(topology.queue_name(QUEUE), no_declare=True)
        with connection.Consumer(
            [queue], on_message=hear, prefetch_count=PREFETCH, auto_declare=False
        ):
            while left:
                connection.drain_events(timeout=120)
            return meters[0].read(count)


def _connection(ground: Ground) -> Any:
    return kombu.Connection(ground.amqp, transport_options={"confirm_publish": True})


def _send(producer: Any, rows: Any) -> None:
    for id_, type_, body in rows:
        producer.publish(
            body,
            exchange=topology.EVENTS,
            routing_key=type_,
            mandatory=True,
            delivery_mode=2,
            message_id=id_,
            type=type_,
            content_type="application/cloudevents+json",
            content_encoding="utf-8",
        )
