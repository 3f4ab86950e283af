"""The same durable work for the others: an inbox row and the effect, in one transaction.

Two ways, because both are met: psycopg with a pool of its own (the leanest that Python has), and
SQLAlchemy's engine, which is what their documentation and most projects use, and we.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from psycopg_pool import AsyncConnectionPool, ConnectionPool
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.benchmarks.bus.ground import Ground

POOL = 16
HEARD = (
    "INSERT INTO inbox (event_id, type, aggregate, version, correlation, received_at) VALUES"
    " ({id}, {type}, {aggregate}, {version}, {correlation}, {now})"
    " ON CONFLICT DO NOTHING RETURNING 1"
)
EFFECT = "UPDATE tallies SET count = count + {by} WHERE name = {name}"
WAITING = (
    "SELECT seq, id, type, body FROM outbox WHERE published_at IS NULL AND stuck_at IS NULL"
    " ORDER BY seq LIMIT 200"
)
SENT = "UPDATE outbox SET published_at = now() WHERE seq = ANY(%s)"

Take = Callable[[dict[str, Any]], None]
TakeAsync = Callable[[dict[str, Any]], Awaitable[None]]
NAMES = ("id", "type", "aggregate", "version", "correlation", "now", "by", "name")
PLAIN = {name: f"%({name})s" for name in NAMES}
BOUND = {name: f":{name}" for name in NAMES}


def taker(ground: Ground, driver: str) -> Take:
    """Let one envelope take effect, once; blocking."""
    if driver == "psycopg":
        pool = ConnectionPool(ground.plain, min_size=POOL, max_size=POOL, open=True)

        def take(envelope: dict[str, Any]) -> None:
            with pool.connection() as connection:
                heard = connection.execute(HEARD.format(**PLAIN), _row(envelope))
                if heard.fetchone():
                    connection.execute(EFFECT.format(**PLAIN), envelope["data"])

        return take
    engine = create_engine(ground.database, pool_size=POOL)
    heard, effect = text(HEARD.format(**BOUND)), text(EFFECT.format(**BOUND))

    def take_by_engine(envelope: dict[str, Any]) -> None:
        with engine.begin() as connection:
            if connection.execute(heard, _row(envelope)).first():
                connection.execute(effect, _change(envelope))

    return take_by_engine


async def async_taker(ground: Ground, driver: str) -> TakeAsync:
    """The same for an event loop."""
    if driver == "psycopg":
        pool = AsyncConnectionPool(ground.plain, min_size=POOL, max_size=POOL, open=False)
        await pool.open(wait=True)

        async def take(envelope: dict[str, Any]) -> None:
            async with pool.connection() as connection:
                heard = await connection.execute(HEARD.format(**PLAIN), _row(envelope))
                if await heard.fetchone():
                    await connection.execute(EFFECT.format(**PLAIN), envelope["data"])

        return take
    engine = create_async_engine(ground.database, pool_size=POOL)
    heard, effect = text(HEARD.format(**BOUND)), text(EFFECT.format(**BOUND))

    async def take_by_engine(envelope: dict[str, Any]) -> None:
        async with engine.begin() as connection:
            if (await connection.execute(heard, _row(envelope))).first():
                await connection.execute(effect, _change(envelope))

    return take_by_engine


def _change(envelope: dict[str, Any]) -> dict[str, Any]:
    return {"name": envelope["data"]["name"], "by": envelope["data"]["by"]}


def _row(envelope: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": envelope["id"],
        "type": envelope["type"],
        "aggregate": f"{envelope['source']}/{envelope['subject']}",
        "version": envelope["aggregateversion"],
        "correlation": envelope["correlationid"],
        "now": datetime.now(UTC),
    }
