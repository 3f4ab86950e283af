"""A purse for retries, so that an outage is never answered with a storm.

Every request that goes well puts a fifth of a retry into it, every retry takes one out. In an
outage nothing goes well, so nothing comes in: what is sent again is what the purse held, however
long the outage lasts.
"""

from __future__ import annotations

from gateway.proxy.resilience.meter import Meter


class RetryBudget:
    """Retries ≤ `share` of the good requests + `floor`; at most `most` are saved up.

    `floor` is what it begins with, and what it comes back to at `per_second` if nothing else
    fills it, so that a quiet service is not left without any.
    """

    def __init__(
        self,
        meter: Meter,
        *,
        share: float = 0.2,
        most: float = 10.0,
        floor: float = 3.0,
        per_second: float = 0.1,
    ) -> None:
        self.spent = 0  # how many retries were paid, for the figures
        self.refused = 0
        self._meter = meter
        self._share = share
        self._most = most
        self._floor = floor
        self._per_second = per_second
        self._purse = floor
        self._counted = meter.good
        self._looked: float | None = None

    def spend(self, now: float) -> bool:
        """Pay for one retry, if there is enough."""
        self._collect(now)
        if self._purse < 1.0:
            self.refused += 1
            return False
        self._purse -= 1.0
        self.spent += 1
        return True

    def left(self, now: float) -> float:
        """How many retries could be paid now."""
        self._collect(now)
        return self._purse

    def _collect(self, now: float) -> None:
        good = self._meter.good
        purse = min(self._most, self._purse + (good - self._counted) * self._share)
        self._counted = good
        since = 0.0 if self._looked is None else max(0.0, now - self._looked)
        self._looked = now
        if purse < self._floor:
            purse = min(self._floor, purse + since * self._per_second)
        self._purse = purse
