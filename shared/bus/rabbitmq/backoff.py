"""How long to wait before trying again."""

from __future__ import annotations

import random
import time

SHORTEST = 0.2
LONGEST = 10.0  # a broker that is back is found within seconds, and what waited can go
STEADY = 10.0  # what lasted this long was a success; less is still the same trouble


class Backoff:
    """Full jitter: a random wait below a bound that doubles with every failure."""

    def __init__(self, longest: float = LONGEST) -> None:
        self._longest = longest
        self._failures = 0
        self._since: float | None = None

    def succeeded(self) -> None:
        """It works, for now."""
        self._since = time.monotonic()

    def wait(self) -> float:
        """How long to wait after this failure."""
        if self._since is not None and time.monotonic() - self._since > STEADY:
            self._failures = 0
        self._since = None
        bound = min(self._longest, SHORTEST * 2.0 ** min(self._failures, 10))
        self._failures += 1
        return random.uniform(0, bound)
