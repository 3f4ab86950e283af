"""Time that stands still until a test lets it pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from shared import clock


class RecordedClock:
    """A clock that only moves when told."""

    def __init__(self, start: datetime | None = None) -> None:
        self.at = start or datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The recorded moment."""
        return self.at

    def forward(self, **delta: float) -> None:
        """Let time pass: `forward(minutes=15)`."""
        self.at += timedelta(**delta)


@contextmanager
def recorded_clock() -> Iterator[RecordedClock]:
    """Everybody reads this clock while the context lasts."""
    time = RecordedClock()
    with clock.recorded(time):
        yield time
