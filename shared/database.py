"""Engines and sessions: PostgreSQL as it is, SQLite made honest."""

from __future__ import annotations

import functools
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    DateTime,
    Dialect,
    Engine,
    Executable,
    Integer,
    TypeDecorator,
    create_engine,
    event,
    literal,
    make_url,
    text,
)
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import URL
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

BUSY_SECONDS = 20

# Unnamed constraints cannot be dropped by a later migration.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

# SQLite counts rows by itself only in columns of the exact type INTEGER.
RowNumber = BigInteger().with_variant(Integer, "sqlite")


class UtcTime(TypeDecorator[datetime]):
    """A moment: aware and in UTC in Python, `timestamptz` on PostgreSQL, naive UTC on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times: nobody knows what they mean."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A stored time needs a time zone.")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give every time its zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Database:
    """One service's database: a writer that locks early, a reader that never blocks writers."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url: URL = make_url(url)
        self.engine = self._engine(pool_size)
        if self.on_postgresql:
            # One statement, one snapshot: a read needs no BEGIN and ROLLBACK round trips.
            self._reader = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        else:
            self._reader = self.engine.execution_options(quintet_reads=True)

    @property
    def on_postgresql(self) -> bool:
        """Whether this is PostgreSQL (else it is SQLite)."""
        return self.url.get_backend_name() == "postgresql"

    @property
    def file(self) -> Path | None:
        """The file of a SQLite database."""
        return None if self.on_postgresql else Path(self.url.database or "")

    @contextmanager
    def writer(self) -> Iterator[Session]:
        """A session in a transaction that may write; closing without a commit rolls back."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def reader(self) -> Iterator[Session]:
        """A session that only reads, without taking the write lock."""
        with Session(self._reader, expire_on_commit=False, autoflush=False) as session:
            yield session

    def answers(self) -> bool:
        """Whether the database can be reached right now."""
        try:
            with self._reader.connect() as connection:
                connection.execute(text("SELECT 1"))
        except Exception:  # noqa: BLE001 - whatever it is, the database did not answer
            return False
        return True

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _engine(self, pool_size: int) -> Engine:
        if self.on_postgresql:
            return create_engine(
                self.url, pool_size=pool_size, max_overflow=pool_size, pool_pre_ping=True
            )
        if self.file:
            self.file.parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(
            self.url,
            pool_size=pool_size,
            max_overflow=pool_size * 4,
            connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS},
        )
        turns = _Turns()
        event.listen(engine, "connect", _open_sqlite)
        event.listen(engine, "begin", turns.begin)
        event.listen(engine, "checkin", _leave_nothing_open)
        event.listen(engine, "checkin", turns.give_back)
        event.listen(engine, "invalidate", turns.give_back)
        return engine


def _open_sqlite(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    # The driver's own transaction handling commits savepoints behind our back; we begin ourselves.
    connection.isolation_level = None
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",  # a confirmed order survives the power cut
        "foreign_keys = ON",
        f"busy_timeout = {BUSY_SECONDS * 1000}",
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _leave_nothing_open(connection: sqlite3.Connection | None, _: ConnectionPoolEntry) -> None:
    # A COMMIT that fails (the disk is full) leaves its transaction open, with the write lock;
    # SQLAlchemy believes it is over.
    if connection is not None and connection.in_transaction:
        connection.rollback()


class _Turns:
    """Writers of one process take turns here, before they ask SQLite for its lock.

    SQLite lets a writer that finds the lock taken sleep up to 100 ms and try its luck again; with a
    dozen writers that costs seconds. Other processes still meet at SQLite's own lock.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()

    def begin(self, connection: Connection) -> None:
        """Begin a transaction; a writer waits for its turn and takes the lock at once."""
        if connection.get_execution_options().get("quintet_reads", False):
            connection.exec_driver_sql("BEGIN")
            return
        # After this long SQLite itself says that the database is locked.
        if self._turn.acquire(timeout=BUSY_SECONDS):
            connection.info["turn"] = True
        # A read that turned into a write later would fail with BUSY.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def give_back(self, _: object, entry: ConnectionPoolEntry, *__: object) -> None:
        """The transaction is over: the next one may begin."""
        if entry.info.pop("turn", False):
            self._turn.release()


def insert_if_absent(session: Session, table: Any, values: dict[str, Any]) -> bool:
    """Insert a row unless one with the same key is there; says whether it was inserted.

    On PostgreSQL a parallel twin waits here until the first has committed or rolled back.
    """
    statement = _insert_if_absent(table, session.get_bind().dialect.name)
    return session.execute(statement, values).first() is not None


@functools.cache
def _insert_if_absent(table: Any, dialect: str) -> Executable:
    insert = pg_insert if dialect == "postgresql" else sqlite_insert
    return insert(table).on_conflict_do_nothing().returning(literal(1))
