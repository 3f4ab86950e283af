"""Engines and sessions: PostgreSQL as it is, SQLite made honest."""

from __future__ import annotations

import functools
import math
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    Connection,
    DateTime,
    Dialect,
    Engine,
    Executable,
    Integer,
    Table,
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
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import ConnectionPoolEntry

from shared import clock, deadline
from shared.sqlite import BUSY_SECONDS, Turns, leave_nothing_open, open_sqlite

# Classes of SQLSTATE: connection, out of resources (disk, memory, connections), shut down, broken.
# 25006 is a server that became a standby.
SERVER_IN_TROUBLE = ("08", "53", "57", "58", "25006")
# SQLite has no SQLSTATE; these are its words.
FILE_IN_TROUBLE = ("locked", "full", "disk i/o error", "unable to open", "readonly")
_CLOCK = text("SELECT clock_timestamp()")
ASK_AFTER = 30.0  # seconds of rest after which a connection has to prove that it lives

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
    """One service's database: a writer that locks early, a reader that never blocks writers.

    A process that is frozen in the middle of a transaction keeps its locks, and whoever comes after
    it waits: PostgreSQL ends a transaction that did nothing for `idle_seconds` (0: never).
    """

    def __init__(self, url: str, *, pool_size: int = 10, idle_seconds: float = 0) -> None:
        self.url: URL = make_url(url)
        self._idle_seconds = idle_seconds
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
        # Only in a transaction of its own can a statement be told how long it may take.
        hurried = self.on_postgresql and deadline.hurried() is not None
        engine = self.engine if hurried else self._reader
        with Session(engine, expire_on_commit=False, autoflush=False) as session:
            yield session

    def answers(self) -> bool:
        """Whether the database can be reached right now."""
        try:
            with self._reader.connect() as connection:
                connection.execute(text("SELECT 1"))
        except Exception:  # noqa: BLE001 - whatever it is, the database did not answer
            return False
        return True

    def end_session(self, backend: int) -> None:
        """Let PostgreSQL end one of our sessions, and roll back what it was doing."""
        with self._reader.connect() as connection:
            connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": backend})

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _postgresql_options(self) -> dict[str, str]:
        if not self._idle_seconds or "options" in self.url.query:  # the URL has the last word
            return {}
        limit = f"idle_in_transaction_session_timeout={self._idle_seconds * 1000:.0f}"
        return {"options": f"-c {limit}"}

    def _engine(self, pool_size: int) -> Engine:
        if self.on_postgresql:
            engine = create_engine(
                self.url,
                pool_size=pool_size,
                max_overflow=pool_size,
                connect_args=self._postgresql_options(),
            )
            event.listen(engine, "checkin", _note_rest)
            event.listen(engine, "checkout", _be_sure_it_answers)
            event.listen(engine, "begin", _be_quick)
            return engine
        if self.file:
            self.file.parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(
            self.url,
            pool_size=pool_size,
            max_overflow=pool_size * 4,
            connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS},
        )
        turns = Turns()
        event.listen(engine, "connect", open_sqlite)
        event.listen(engine, "begin", turns.begin)
        event.listen(engine, "checkin", leave_nothing_open)
        event.listen(engine, "checkin", turns.give_back)
        event.listen(engine, "invalidate", turns.give_back)
        return engine


def _note_rest(_: object, entry: ConnectionPoolEntry) -> None:
    entry.info["rests_since"] = time.monotonic()


def _be_sure_it_answers(connection: Any, entry: ConnectionPoolEntry, _: object) -> None:
    """Hand out no connection that PostgreSQL has ended meanwhile.

    A resting connection has nothing to say: one that has is closed, or about to be. Looking at
    its socket finds that out without asking the server, which takes three round trips. One that
    rested for long is asked all the same: a network that vanished closes nothing.
    """
    import psycopg  # heavy, and nothing for SQLite

    rested = time.monotonic() - entry.info.pop("rests_since", math.inf)
    if rested == math.inf:
        return  # a new one
    try:
        if rested < ASK_AFTER and not _has_something_to_say(connection):
            return
        connection.autocommit = True
        connection.execute("SELECT 1")
        connection.autocommit = False
    except psycopg.Error as error:
        raise InvalidatePoolError from error


def _be_quick(connection: Connection) -> None:
    """Let no statement, nor its wait for a lock, outlive the deadline of who asked for it."""
    seconds = deadline.hurried()
    if seconds is not None:
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {seconds * 1000:.0f}")


def _has_something_to_say(connection: Any) -> bool:
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    return bool(waiting.poll(0))


def database_now(session: Session) -> datetime:
    """The moment by the database's clock, which all processes share; one answer per session.

    Deadlines, leases and "is it due?" go by it, so that a process whose clock jumps neither fires
    a timeout early nor sleeps through one. SQLite has no clock but the machine's.
    """
    known: datetime | None = clock.recorded_for_databases() or session.info.get("now")
    if known is None:
        if session.get_bind().dialect.name == "postgresql":
            known = session.execute(_CLOCK).scalar_one().astimezone(UTC)
        else:
            known = datetime.now(UTC)
        session.info["now"] = known
    return known


def rows_changed(
    session: Session, statement: Executable, values: dict[str, Any] | None = None
) -> int:
    """Run an UPDATE or DELETE on the rows themselves, whatever the session has loaded; how many."""
    options = {"synchronize_session": False}
    done = session.execute(statement, values or None, execution_options=options)
    return int(done.rowcount)  # type: ignore[attr-defined]  # CursorResult for DML


def in_trouble(error: DBAPIError) -> bool:
    """Whether the database itself could not do it (away, full, shutting down), whoever asked."""
    state = getattr(error.orig, "sqlstate", None) or ""
    if error.connection_invalidated or state.startswith(SERVER_IN_TROUBLE):
        return True
    words = str(error.orig).lower() if isinstance(error, OperationalError) else ""
    return any(each in words for each in FILE_IN_TROUBLE)


def table_of(row: type[DeclarativeBase]) -> Table:
    """The table behind a row class, for statements that need no more than that."""
    return cast(Table, row.__table__)


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
