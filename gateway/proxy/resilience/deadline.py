"""How much time a request has left, and how that is said: `X-Request-Timeout-Ms`.

One budget for everything: queueing, retries, and the work of the service. Each request to a service
says what is left of it, in whole milliseconds; a client may ask for less than the route gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.proxy.clock import NEVER
from gateway.proxy.resilience.refusing import deadline_spent

if TYPE_CHECKING:
    from gateway.proxy.flight import Flight

FIELD = b"x-request-timeout-ms"


def asked_seconds(value: bytes) -> float | None:
    """The seconds that a client gives us; None if that is no whole number."""
    return int(value[:12]) / 1000.0 if value.isdigit() else None


def shorten(flight: Flight, asked: bytes, now: float) -> None:
    """Give a request only as long as its client will wait.

    `now` is exact: the coarse clock may be a tenth of a second behind, which is much here.
    """
    seconds = asked_seconds(asked)
    if seconds is None or now + seconds >= flight.end:
        return
    flight.end, flight.hurried = now + seconds, True


def refuse_spent(flight: Flight, now: float) -> None:
    """Raise Refused if the client waits no longer: then no work begins."""
    if flight.hurried and flight.end <= now:
        raise deadline_spent()


def line(flight: Flight, now: float) -> bytes:
    """The header line that tells a service what is left. Raises Refused if nothing is."""
    if flight.end == NEVER:
        return b""
    left = flight.end - now
    if left <= 0:
        raise deadline_spent()
    return b"x-request-timeout-ms: %d\r\n" % int(left * 1000.0)
