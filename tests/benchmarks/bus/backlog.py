"""A broker that was away for long: how fast the outbox drains, in what memory, in what order."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pika
from sqlalchemy import text

from shared.bus import connect, topology
from shared.relay import Relay
from shared.service import Service
from tests.benchmarks.bus import ground as place
from tests.benchmarks.bus import teller
from tests.benchmarks.bus.ground import QUEUE, Ground
from tests.benchmarks.bus.meter import Meter, peak_mb
from tests.shared.bus.breakable import Road

AGGREGATES = 2000
AWAY = 3.0
WAITING = text("SELECT 1 FROM outbox WHERE published_at IS NULL AND stuck_at IS NULL LIMIT 1")


def drain(ground: Ground, count: int) -> dict[str, float]:
    """Relay `count` rows once the broker is back; runs in a process of its own."""
    road = Road(ground.amqp)
    road.cut()
    service = teller.create(ground.database, road.url, ground.folder)
    bus = connect(road.url, client="bench")
    stop = threading.Event()
    sender = threading.Thread(target=Relay(service, bus).run, args=(stop,))
    sender.start()
    time.sleep(AWAY)
    before = peak_mb()
    road.mend()
    meter = Meter()
    while _waiting(service):
        time.sleep(0.2)
    found = meter.read(count)
    stop.set()
    service.bell.ring()
    sender.join(20)
    bus.close()
    service.close()
    return {**found, "grew_mb": peak_mb() - before}


def order_kept(ground: Ground, count: int) -> bool:
    """Read the whole queue: within an aggregate, no event may come before an earlier one."""
    connection = pika.BlockingConnection(pika.URLParameters(ground.amqp))
    channel = connection.channel()
    seen: dict[str, int] = {}
    ids: set[str] = set()
    in_order = True
    channel.basic_qos(prefetch_count=1000)
    for method, properties, body in channel.consume(
        topology.queue_name(QUEUE), inactivity_timeout=5
    ):
        if method is None or properties is None or body is None:
            break
        event = json.loads(body)
        if properties.message_id not in ids:  # the same event twice is allowed, with the same id
            ids.add(properties.message_id)
            in_order &= event["aggregateversion"] > seen.get(event["subject"], 0)
            seen[event["subject"]] = event["aggregateversion"]
        if len(ids) % 500 == 0 or len(ids) == count:
            channel.basic_ack(method.delivery_tag, multiple=True)
        if len(ids) == count:
            break
    connection.close()
    assert len(ids) == count, f"{len(ids)} of {count} events arrived"
    return in_order


def prepare(service: Service, ground: Ground, count: int) -> None:
    """An empty queue, and an outbox full of what could not be sent."""
    place.empty(ground.amqp)
    teller.forget(service)
    teller.say(service, count, aggregates=AGGREGATES)


def _waiting(service: Service) -> bool:
    with service.transactions.read() as work:
        found: Any = work.session.execute(WAITING)
        return found.first() is not None
