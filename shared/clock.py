"""What time it is, in UTC. Tests replace the source; code never asks the system directly.

What several processes have to agree on (deadlines, leases, what is due) goes by the database's
clock instead: `shared.database.database_now`. The clock of one process may be wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta


def _system() -> datetime:
    return datetime.now(UTC)


_source: Callable[[], datetime] = _system
_database: Callable[[], datetime] | None = None  # in tests only: what every database says


def now() -> datetime:
    """The current moment, timezone-aware, in UTC."""
    return _source()


def run_off_by(seconds: float) -> None:
    """For fault tests: from now on this process believes that it is so much later."""
    global _source
    off = timedelta(seconds=seconds)

    def wrong() -> datetime:
        return _system() + off

    _source = wrong


def recorded_for_databases() -> datetime | None:
    """What a test wants databases to say; None where they speak for themselves."""
    return _database() if _database else None


@contextmanager
def recorded(source: Callable[[], datetime]) -> Iterator[None]:
    """For tests: let `source` say what time it is while this context lasts, in every thread.

    The databases' clocks say the same.
    """
    global _source, _database
    before, _source, _database = (_source, _database), source, source
    try:
        yield
    finally:
        _source, _database = before


@contextmanager
def wrong_by(jump: timedelta) -> Iterator[None]:
    """For tests: the clock of this process jumps; the databases' clocks do not."""
    global _source
    before = _source
    _source = lambda: before() + jump  # noqa: E731 - a name would say no more
    try:
        yield
    finally:
        _source = before
