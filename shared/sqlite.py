"""SQLite made honest: durable, one writer at a time, and nobody starves."""

from __future__ import annotations

import sqlite3
import threading

from sqlalchemy import Connection
from sqlalchemy.pool import ConnectionPoolEntry

from shared import deadline

BUSY_SECONDS = 20


def open_sqlite(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    """Set up a new connection: durable, with foreign keys, and its transactions left to us."""
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


def leave_nothing_open(connection: sqlite3.Connection | None, _: ConnectionPoolEntry) -> None:
    """Let no connection go back to the pool in the middle of a transaction."""
    # A COMMIT that fails (the disk is full) leaves its transaction open, with the write lock;
    # SQLAlchemy believes it is over.
    if connection is not None and connection.in_transaction:
        connection.rollback()


def _begin_soon(connection: Connection) -> None:
    """Begin a writing transaction, but wait for the lock no longer than whoever asked for it."""
    milliseconds = deadline.clip(BUSY_SECONDS) * 1000
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {milliseconds:.0f}")
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")


class Turns:
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
        # A connection that begins again before it is given back has its turn still.
        # After this long SQLite itself says that the database is locked.
        patience = deadline.clip(BUSY_SECONDS)
        if "turn" not in connection.info and self._turn.acquire(timeout=patience):
            connection.info["turn"] = True
        # A read that turned into a write later would fail with BUSY.
        if deadline.hurried() is None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            _begin_soon(connection)

    def give_back(self, _: object, entry: ConnectionPoolEntry, *__: object) -> None:
        """The transaction is over: the next one may begin."""
        if entry.info.pop("turn", False):
            self._turn.release()
