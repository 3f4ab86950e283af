"""Which side of a canary a caller is on: always the same one, as long as the weights stay."""

from __future__ import annotations

from zlib import crc32

from gateway.proxy.flight import Flight
from gateway.proxy.routing.route import Route

_WHOLE = 10_000  # parts: weights may be hundredths of a percent


def service_for(flight: Flight) -> str:
    """The cluster that serves this request: the route's own, or the canary's for its share.

    Who is signed in is told by session or subject, other clients by their address, so that a
    shopper stays on one side. Raising a weight moves callers to the canary and none back.
    """
    route = flight.route
    if not route.splits:
        return route.service
    caller = flight.caller
    who = caller.session_id or caller.subject or caller.client_id or flight.head.client
    return _side(route, who)


def _side(route: Route, who: str) -> str:
    # Salted by the route: the same few people must not try out every canary.
    at = crc32(f"{route.prefix}\n{who}".encode()) % _WHOLE
    end = 0.0
    for split in route.splits:
        end += split.weight * (_WHOLE / 100)
        if at < end:
            return split.service
    return route.service
