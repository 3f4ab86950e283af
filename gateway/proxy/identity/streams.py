"""Streams of events and WebSockets end with the sign-in that opened them.

Other requests are judged once, when they come; these may stay open for days. Whether a request
becomes such a stream only the answer tells: until then we note that its sign-in has ended.
"""

from __future__ import annotations

from gateway.proxy.clock import Clock
from gateway.proxy.flight import Flight
from gateway.proxy.tunnel import Tunnels


class Streams:
    """Ends what is open, ten times a second at most, however many sign-ins have ended."""

    def __init__(self, clock: Clock, tunnels: Tunnels) -> None:
        self.ended = 0
        self._clock = clock
        self._tunnels = tunnels
        self._over: set[str] = set()

    def end(self, subject: str) -> None:
        """A session or a user is out: so are their streams, at the next look."""
        self._over.add(subject)

    def look(self) -> None:
        """End the streams of all that are out since the last look, and let none of theirs begin."""
        if not self._over:
            return
        over, self._over = self._over, set()

        def is_over(flight: Flight) -> bool:
            caller = flight.caller
            return caller.session_id in over or caller.subject in over

        for flight in [*self._clock.in_flight]:
            if not isinstance(flight, Flight) or not is_over(flight):
                continue
            flight.signed_out = True
            if flight.lasting:
                self.ended += 1
                flight.stop()
        self.ended += self._tunnels.go_away(is_over)
