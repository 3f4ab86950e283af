"""The relay's own way to its database: every statement is a transaction, and costs little."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Executable, text
from sqlalchemy.exc import SQLAlchemyError

from shared import clock
from shared.database import Database

_CLOCK = text("SELECT clock_timestamp()")
Values = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class Desk:
    """PostgreSQL: one connection, kept, so that no statement pays for a pool, a ping, a BEGIN.

    SQLite: the service's connections, since its writers take turns there.
    """

    def __init__(self, database: Database) -> None:
        self._on_postgresql = database.on_postgresql
        self._engine = database.engine
        self._reader = database.engine.execution_options(quintet_reads=True)
        self._kept: Connection | None = None

    def read(self, statement: Executable, values: Values) -> Sequence[Any]:
        """The rows that a query finds."""
        if self._on_postgresql:
            return self._at_once(statement, values).all()  # type: ignore[no-any-return]
        with self._reader.connect() as connection:
            return connection.execute(statement, values).all()

    def write(self, statement: Executable, values: Values) -> None:
        """Change something. A change that a crash undoes is made again: see the relay."""
        if self._on_postgresql:
            self._at_once(statement, values)
            return
        with self._engine.begin() as connection:
            connection.execute(statement, values)

    def moment(self) -> datetime | None:
        """What to bind where a statement asks for the time: None lets PostgreSQL say it."""
        recorded = clock.recorded_for_databases()
        return recorded or (None if self._on_postgresql else datetime.now(UTC))

    def now(self) -> datetime:
        """The time by the database's clock, by which all processes go."""
        known = self.moment()
        return known or self._at_once(_CLOCK, {}).scalar_one().astimezone(UTC)

    def close(self) -> None:
        """Give the connection back."""
        if self._kept is not None:
            self._kept.invalidate()  # it was made for us: not for the pool
            self._kept.close()
            self._kept = None

    def _at_once(self, statement: Executable, values: Values) -> Any:
        try:
            if self._kept is None:
                self._kept = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
                # Losing a mark to a power failure only means that an event goes twice.
                self._kept.exec_driver_sql("SET synchronous_commit = off")
            return self._kept.execute(statement, values)
        except SQLAlchemyError:  # whatever it is, the next try gets another connection
            self.close()
            raise
