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
    beside the database. With `frozen_after`, a process on PostgreSQL that lives and does not ask
    `held` for so many seconds (it was stopped, or hangs) loses it as well.
    """

    def __init__(self, database: Database, name: str, *, frozen_after: int = 0) -> None:
        self._database = database
        self._name = name
        self._frozen_after = frozen_after
        self._connection: Connection | None = None
        self._is_ours = False
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
        self._is_ours = False
        if self._file is not None:
            self._file.close()
            self._file = None

    def _hold_on_postgresql(self) -> bool:
        # A session that has ended under us is no reason to wait for the next time we are asked.
        return self._asked_on_postgresql() or (
            self._connection is None and self._asked_on_postgresql()
        )

    def _asked_on_postgresql(self) -> bool:
        try:
            connection = self._connection = self._connection or self._connect()
            if self._is_ours:
                connection.execute(text("SELECT 1"))
            else:
                key = {"key": _number(self._name)}
                got = connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), key)
                self._is_ours = bool(got)
        except DBAPIError:
            self.release()
        return self._is_ours

    def _connect(self) -> Connection:
        engine = self._database.engine
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        # The server ends the session of one who does not ask, and with it the lock.
        connection.exec_driver_sql(f"SET idle_session_timeout = '{self._frozen_after}s'")
        return connection

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
