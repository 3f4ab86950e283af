"""What time it is, in UTC. Tests replace the source; code never asks the system directly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime


def _system() -> datetime:
    return datetime.now(UTC)


_source: Callable[[], datetime] = _system


def now() -> datetime:
    """The current moment, timezone-aware, in UTC."""
    return _source()


@contextmanager
def recorded(source: Callable[[], datetime]) -> Iterator[None]:
    """For tests: let `source` say what time it is while this context lasts, in every thread."""
    global _source
    before, _source = _source, source
    try:
        yield
    finally:
        _source = before
