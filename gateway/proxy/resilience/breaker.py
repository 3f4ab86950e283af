"""A circuit breaker: whoever fails most of the time is left alone for a while.

Asking a service that cannot answer helps nobody: clients wait for a refusal, and the service gets
no rest. Closed, all pass. Open, nobody does. Half open, a few probes find out whether it is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from gateway.proxy.resilience.meter import Meter


class State(Enum):
    """Whether requests pass."""

    CLOSED = "closed"
    HALF_OPEN = "half-open"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """When it opens, for how long, and what it takes to close; times in seconds.

    `share` of at least `volume` recent exchanges must have failed. The first time it stays open
    for `open_seconds`, then for twice as long after each round of probes that failed, at most for
    `longest_seconds`. After `calm_seconds` without trouble it begins from the first time again.
    """

    share: float = 0.5
    volume: int = 20
    open_seconds: float = 1.0
    longest_seconds: float = 30.0
    probes: int = 3
    calm_seconds: float = 60.0


class Breaker:
    """Judges by a meter that others feed. Every `now` is a reading of one monotonic clock."""

    def __init__(self, rules: BreakerRules, meter: Meter) -> None:
        self.state = State.CLOSED
        self.opened = 0  # how often, for the figures
        self.until = 0.0  # when it lets a probe through
        self._rules = rules
        self._meter = meter
        self._seconds = rules.open_seconds
        self._closed_since = float("-inf")
        self._probing = 0
        self._passed = 0

    def judge(self, now: float) -> bool:
        """Something failed, and is in the meter: whether that was too much, and it is open now."""
        if self.state is not State.CLOSED:
            return False
        good, bad = self._meter.recent()
        if bad + good < self._rules.volume or bad < self._rules.share * (bad + good):
            return False
        if now - self._closed_since > self._rules.calm_seconds:
            self._seconds = self._rules.open_seconds
        self._open(now)
        return True

    def probe(self, now: float) -> bool:
        """Whether a request may pass although there is trouble; it then owes us a result."""
        if self.state is State.OPEN and now >= self.until:
            self.state, self._probing, self._passed = State.HALF_OPEN, 0, 0
        if self.state is not State.HALF_OPEN:
            return False
        if self._probing + self._passed >= self._rules.probes:
            return False
        self._probing += 1
        return True

    def probe_passed(self, now: float) -> None:
        """A probe was answered; when enough were, all may pass."""
        if self.state is not State.HALF_OPEN:
            return
        self._probing -= 1
        self._passed += 1
        if self._passed >= self._rules.probes:
            self.state, self._closed_since = State.CLOSED, now
            self._meter.forget()

    def probe_failed(self, now: float) -> None:
        """A probe met the same trouble: open again, for longer."""
        if self.state is State.HALF_OPEN:
            self._open(now)

    def probe_told_nothing(self) -> None:
        """The client of a probe has left: another may try."""
        if self.state is State.HALF_OPEN:
            self._probing -= 1

    def wait(self, now: float) -> int:
        """In how many whole seconds it is worth asking again; at least 1 (RFC 9110, 10.2.3)."""
        return max(1, -int(-(self.until - now) // 1))

    def _open(self, now: float) -> None:
        self.state = State.OPEN
        self.opened += 1
        self.until = now + self._seconds
        self._seconds = min(self._seconds * 2, self._rules.longest_seconds)
