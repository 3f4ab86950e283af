"""aio-pika doing the same: confirms, persistent messages, manual acknowledgement."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import aio_pika
import psycopg
from aio_pika.abc import AbstractExchange, AbstractIncomingMessage

from shared.bus import topology
from tests.benchmarks.bus import durable, teller
from tests.benchmarks.bus.ground import QUEUE, Ground
from tests.benchmarks.bus.meter import Meter

WINDOW = 200
WARM_UP = 100
PREFETCH = 16


def publish(ground: Ground, count: int) -> dict[str, float]:
    """Messages in memory, 200 on their way at a time."""
    return asyncio.run(_publish(ground, count))


def relay(ground: Ground, count: int) -> dict[str, float]:
    """Rows of an outbox: read 200, send them, mark them."""
    return asyncio.run(_relay(ground, count))


def consume(ground: Ground, count: int, driver: str) -> dict[str, float]:
    """A transaction per message, up to 16 at a time; acknowledged after the commit."""
    return asyncio.run(_consume(ground, count, driver))


async def _exchange(connection: Any) -> AbstractExchange:
    channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
    exchange: AbstractExchange = await channel.get_exchange(topology.EVENTS, ensure=False)
    return exchange


async def _send(exchange: AbstractExchange, rows: Sequence[tuple[str, str, bytes]]) -> None:
    await asyncio.gather(
        *(
            exchange.publish(
                aio_pika.Message(
                    body,
                    message_id=id_,
                    type=type_,
                    content_type="application/cloudevents+json",
                    delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                ),
                routing_key=type_,
                mandatory=True,
            )
            for id_, type_, body in rows
        )
    )


async def _publish(ground: Ground, count: int) -> dict[str, float]:
    connection = await aio_pika.connect_robust(ground.amqp)
    exchange = await _exchange(connection)
    await _send(exchange, teller.messages(0, WARM_UP))
    meter = Meter()
    for first in range(0, count, WINDOW):
        await _send(exchange, teller.messages(first, WINDOW))
    found = meter.read(count)
    await connection.close()
    return found


async def _relay(ground: Ground, count: int) -> dict[str, float]:
    connection = await aio_pika.connect_robust(ground.amqp)
    exchange = await _exchange(connection)
    database = await psycopg.AsyncConnection.connect(ground.plain, autocommit=True)
    meter = None
    while True:
        rows = await (await database.execute(durable.WAITING)).fetchall()
        if not rows:
            break
        await _send(exchange, [(id_, type_, body.encode()) for _, id_, type_, body in rows])
        await database.execute(durable.SENT, ([row[0] for row in rows],))
        meter = meter or Meter()  # the first batch warms up
    assert meter is not None
    found = meter.read(count)
    await database.close()
    await connection.close()
    return found


async def _consume(ground: Ground, count: int, driver: str) -> dict[str, float]:
    take = await durable.async_taker(ground, driver)
    connection = await aio_pika.connect_robust(ground.amqp)
    channel = await connection.channel()
    await channel.set_qos(PREFETCH)
    queue = await channel.get_queue(topology.queue_name(QUEUE), ensure=False)
    finished = asyncio.Event()
    meters: list[Meter] = []
    left = count

    async def hear(message: AbstractIncomingMessage) -> None:
        nonlocal left
        if not meters:
            meters.append(Meter())
        await take(json.loads(message.body))
        await message.ack()
        left -= 1
        if not left:
            finished.set()

    await queue.consume(hear)
    await asyncio.wait_for(finished.wait(), 40)
    return meters[0].read(count)
