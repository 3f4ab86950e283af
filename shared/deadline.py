"""How much time whoever asked still gives us: one budget that shrinks from hop to hop.

`X-Request-Timeout-Ms` says in whole milliseconds how long the caller will wait. A request that
comes with nothing left is refused before any work begins; one that has little left waits for no
lock, no statement and no other service longer than that. Without the field there is no deadline.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from shared.errors import OutOfTime

FIELD = "x-request-timeout-ms"
# Nothing here waits longer by itself, so a deadline further away than this changes nothing.
FAR_AWAY = 20.0
ON_THE_WAY_BACK = 0.05  # seconds that an answer needs to be written and read

_ends: ContextVar[float | None] = ContextVar("quintet_deadline", default=None)


class DeadlineSpent(OutOfTime):
    """The time that the caller gave for this is over."""


def said(value: str | None) -> float | None:
    """The seconds that a header value gives; None for none, or one that is no whole number."""
    if not value or not value.isascii() or not value.isdigit():
        return None
    return int(value[:12]) / 1000.0


@contextmanager
def within(seconds: float | None) -> Iterator[None]:
    """Give what happens in here so many seconds; None leaves all the time there is."""
    if seconds is None:
        yield
        return
    token = _ends.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends.reset(token)


@contextmanager
def lifted() -> Iterator[None]:
    """Do something for everybody that must not depend on the haste of whoever came first."""
    token = _ends.set(None)
    try:
        yield
    finally:
        _ends.reset(token)


def left() -> float | None:
    """The seconds that are left, 0 or less if they are spent; None: there is no deadline."""
    ends = _ends.get()
    return None if ends is None else ends - time.monotonic()


def hurried() -> float | None:
    """The seconds that are left if they are few, but at least a millisecond; else None."""
    seconds = left()
    return None if seconds is None or seconds > FAR_AWAY else max(0.001, seconds)


def clip(seconds: float, *, margin: float = 0.0) -> float:
    """So many seconds, or what is left (less `margin`) if that is less; never below 0."""
    remaining = left()
    return seconds if remaining is None else max(0.0, min(seconds, remaining - margin))


def spent() -> bool:
    """Whether there was a deadline and it is over."""
    seconds = left()
    return seconds is not None and seconds <= 0


def must_not_be_spent() -> None:
    """Refuse to begin with what nobody will wait for; raises DeadlineSpent."""
    if spent():
        raise DeadlineSpent("There was no time left to do this.")
