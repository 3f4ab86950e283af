"""The bus file: one SQLite database that several processes read and write at once."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VERSION = 1
# The same backstop as on RabbitMQ: a message that came back more often killed its consumers.
MOST_RETURNS = 20
OPENING = 10.0  # seconds that opening may wait for other processes that open too

SCHEMA = (
    """CREATE TABLE queues (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        fleeting INTEGER NOT NULL  -- 1: vanishes with the session that listens to it
    )""",
    """CREATE TABLE bindings (
        type TEXT NOT NULL,
        queue INTEGER NOT NULL REFERENCES queues (id) ON DELETE CASCADE,
        PRIMARY KEY (type, queue)
    ) WITHOUT ROWID""",
    # A session is one consumer's place in a queue; AUTOINCREMENT, so that a late
    # acknowledgement can never be taken for one of a newer session.
    """CREATE TABLE sessions (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        queue INTEGER NOT NULL REFERENCES queues (id) ON DELETE CASCADE,
        until REAL NOT NULL,
        boot TEXT NOT NULL, pids TEXT NOT NULL, pid INTEGER NOT NULL, started INTEGER NOT NULL
    )""",
    """CREATE TABLE messages (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL, type TEXT NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL
    )""",
    """CREATE TABLE deliveries (
        queue INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        session INTEGER,  -- who claims it; NULL when it waits
        returns INTEGER NOT NULL DEFAULT 0,  -- how often it came back unacknowledged
        PRIMARY KEY (queue, seq)
    ) WITHOUT ROWID""",
    # Answers "does any other queue still hold this message?" when one lets go of it.
    "CREATE INDEX deliveries_by_message ON deliveries (seq)",
    # Holds next to nothing, so that looking for the hopeless costs nothing either.
    f"CREATE INDEX hopeless_deliveries ON deliveries (queue) WHERE returns > {MOST_RETURNS}",
)


class Store:
    """One connection to the bus file, made when needed and again when the file was replaced."""

    def __init__(self, path: Path, *, sync: str) -> None:
        self.path = path
        self.opened = 0  # how often; a change tells that what we knew of the file is void
        self._sync = sync
        self._lock = threading.RLock()
        self._db: sqlite3.Connection | None = None
        self._inode = 0
        self._patience = -1
        self._process = os.getpid()
        self._inherited: list[sqlite3.Connection] = []  # kept, since closing them is not ours

    @contextmanager
    def writing(self, *, patience: float = OPENING) -> Iterator[sqlite3.Connection]:
        """One write transaction: all of it durable on a clean exit, nothing of it otherwise."""
        with self._lock:
            db = self._ready(patience)
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Look without writing; never waits for a writer."""
        with self._lock:
            yield self._ready(OPENING)

    def close(self) -> None:
        """Let go of the file; using the store again opens it again."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def _ready(self, patience: float) -> sqlite3.Connection:
        if self._process != os.getpid():
            self._leave_to_parent()
        if self._db is None or self._was_replaced():
            self.close()
            self._db = self._open()
            self._inode = self.path.stat().st_ino
            self._patience = -1
            self.opened += 1
        milliseconds = max(1, int(patience * 1000))
        if milliseconds != self._patience:
            self._db.execute(f"PRAGMA busy_timeout = {milliseconds}")
            self._patience = milliseconds
        return self._db

    def _leave_to_parent(self) -> None:
        """After a fork the connection belongs to whoever opened it: we open one of our own."""
        self._process = os.getpid()
        if self._db is not None:
            self._inherited.append(self._db)
            self._db = None

    def _was_replaced(self) -> bool:
        """Whether somebody removed the file under us: what we wrote now would be lost."""
        try:
            return self.path.stat().st_ino != self._inode
        except FileNotFoundError:
            return True

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch(mode=0o600)  # events carry names and addresses of people
        db = sqlite3.connect(
            self.path, timeout=OPENING, isolation_level=None, check_same_thread=False
        )
        try:
            _patiently_use_wal(db)
            db.execute(f"PRAGMA synchronous = {self._sync}")
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA journal_size_limit = 16777216")
            _create_tables(db)
        except BaseException:
            db.close()
            raise
        return db


def _patiently_use_wal(db: sqlite3.Connection) -> None:
    """Switch to a write-ahead log; SQLite does not wait by itself when two do it at once."""
    deadline = time.monotonic() + OPENING
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _create_tables(db: sqlite3.Connection) -> None:
    """Make the tables, unless another process has made them already."""
    if _version_of(db) == 0:
        db.execute("BEGIN IMMEDIATE")
        if _version_of(db) == 0:
            for statement in SCHEMA:
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")
    if _version_of(db) != VERSION:
        raise sqlite3.DatabaseError(
            f"The bus file is of version {_version_of(db)}, we read version {VERSION}."
        )


def _version_of(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])
