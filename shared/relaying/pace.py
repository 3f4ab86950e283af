"""How fast the past may be told again, so that those who hear it keep up with what is live."""

from __future__ import annotations

import time
from collections.abc import Callable


class Pace:
    """At most so many per second on average, a fifth of that at once."""

    def __init__(self, per_second: float, now: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._most = max(1.0, per_second / 5)
        self._left = self._most
        self._now = now
        self._at = now()

    def allowed(self, most: int) -> int:
        """How many may go now."""
        self._refill()
        return min(most, int(self._left))

    def spend(self, count: int) -> None:
        """So many went."""
        self._left -= count

    def until_some(self) -> float:
        """Seconds until a fair number may go."""
        return max(0.0, (self._most / 4 - self._left) / self._per_second)

    def _refill(self) -> None:
        now = self._now()
        self._left = min(self._most, self._left + (now - self._at) * self._per_second)
        self._at = now
