"""FastStream doing the same, on its RabbitMQ broker (which stands on aio-pika)."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from typing import Any

import psycopg
from faststream import AckPolicy
from faststream.rabbit import Channel, RabbitBroker, RabbitExchange, RabbitQueue

from shared.bus import topology
from tests.benchmarks.bus import durable, teller
from tests.benchmarks.bus.ground import QUEUE, Ground
from tests.benchmarks.bus.meter import Meter

WINDOW = 200
WARM_UP = 100
PREFETCH = 16
EVENTS = RabbitExchange(topology.EVENTS, declare=False)


def publish(ground: Ground, count: int) -> dict[str, float]:
    """Messages in memory, 200 on their way at a time."""
    return asyncio.run(_publish(ground, count))


def relay(ground: Ground, count: int) -> dict[str, float]:
    """Rows of an outbox: read 200, send them, mark them."""
    return asyncio.run(_relay(ground, count))


def consume(ground: Ground, count: int, driver: str) -> dict[str, float]:
    """A transaction per message, up to 16 at a time; acknowledged after the commit."""
    return asyncio.run(_consume(ground, count, driver))


def _broker(ground: Ground) -> Any:
    return RabbitBroker(
        ground.amqp,
        logger=None,
        log_level=logging.CRITICAL,
        default_channel=Channel(prefetch_count=PREFETCH, on_return_raises=True),
    )


async def _send(broker: Any, rows: Sequence[tuple[str, str, bytes]]) -> None:
    await asyncio.gather(
        *(
            broker.publish(
                body,
                exchange=EVENTS,
                routing_key=type_,
                persist=True,
                mandatory=True,
                message_id=id_,
                message_type=type_,
                content_type="application/cloudevents+json",
            )
            for id_, type_, body in rows
        )
    )


async def _publish(ground: Ground, count: int) -> dict[str, float]:
    async with _broker(ground) as broker:
        await _send(broker, teller.messages(0, WARM_UP))
        meter = Meter()
        for first in range(0, count, WINDOW):
            await _send(broker, teller.messages(first, WINDOW))
        return meter.read(count)


async def _relay(ground: Ground, count: int) -> dict[str, float]:
    database = await psycopg.AsyncConnection.connect(ground.plain, autocommit=True)
    meter = None
    async with _broker(ground) as broker:
        while rows := await (await database.execute(durable.WAITING)).fetchall():
            await _send(broker, [(id_, type_, body.encode()) for _, id_, type_, body in rows])
            await database.execute(durable.SENT, ([row[0] for row in rows],))
            meter = meter or Meter()  # the first batch warms up
        assert meter is not None
        found = meter.read(count)
    await database.close()
    return found


async def _consume(ground: Ground, count: int, driver: str) -> dict[str, float]:
    take = await durable.async_taker(ground, driver)
    broker = _broker(ground)
    queue = RabbitQueue(topology.queue_name(QUEUE), declare=False)
    finished = asyncio.Event()
    meters: list[Meter] = []
    left = count

    async def hear(body: bytes) -> None:
        nonlocal left
        if not meters:
            meters.append(Meter())
        await take(json.loads(body))
        left -= 1
        if not left:
            finished.set()

    broker.subscriber(queue, ack_policy=AckPolicy.NACK_ON_ERROR)(hear)
    async with broker:
        await broker.start()
        await asyncio.wait_for(finished.wait(), 40)
        return meters[0].read(count)
