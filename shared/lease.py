"""One of many: which process of a service may do what only one may do at a time."""

from __future__ import annotations

import fcntl
import hashlib
from typing import IO

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from shared.database import Database


class Lease:
    """Held by at most one process; the system gives it back when that process dies.

    PostgreSQL: a session advisory lock on a connection of its own. SQLite: a lock on a file
    beside the database.
    """

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._name = name
        self._connection: Connection | None = None
        self._file: IO[bytes] | None = None

    def held(self) -> bool:
        """Whether we have it now, after trying to get it if we had not."""
        if self._database.on_postgresql:
            return self._hold_on_postgresql()
        return self._hold_file()

    def release(self) -> None:
        """Give it up."""
        if self._connection is not None:
            self._connection.invalidate()  # ends the server session, and with it the lock
            self._connection.close()
            self._connection = None
        if self._file is not None:
            self._file.close()
            self._file = None

    def _hold_on_postgresql(self) -> bool:
        try:
            if self._connection is not None:
                self._connection.execute(text("SELECT 1"))
                return True
            connection = self._database.engine.connect().execution_options(
                isolation_level="AUTOCOMMIT"
            )
            got = connection.scalar(
                text("SELECT pg_try_advisory_lock(:key)"), {"key": _number(self._name)}
            )
        except DBAPIError:
            self.release()
            return False
        if got:
            self._connection = connection
            return True
        connection.close()
        return False

    def _hold_file(self) -> bool:
        if self._file is not None:
            return True
        path = f"{self._database.file}.{self._name}.lock"
        file = open(path, "ab")  # noqa: SIM115, PTH123 - held open as long as the lease
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self._file = file
        return True


def _number(name: str) -> int:
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:8], signed=True)
