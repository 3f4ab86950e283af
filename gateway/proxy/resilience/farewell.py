"""The last words to whoever follows a stream of events: come back, but not all at once."""

from __future__ import annotations

from random import Random

SOONEST, LATEST = 200, 2000  # milliseconds

_spread = Random()  # noqa: S311 - keeps clients apart, guards nothing


def between_events(tail: bytes) -> bool:
    """Whether the stream has just ended an event, or not begun: nothing would be torn apart."""
    return not tail or tail.endswith((b"\n\n", b"\r\n\r\n", b"\r\r"))


def farewell() -> bytes:
    """A comment and a `retry` (HTML, section 9.2.6), by which a browser knows when to come back."""
    return b": restarting\nretry: %d\n\n" % _spread.randint(SOONEST, LATEST)
