"""Which of several replicas gets the next request: the one with the fewest under way."""

from __future__ import annotations

import random
from collections.abc import Sequence

from gateway.proxy.upstream.replica import Replica

FEW = 4  # so many are compared; of more, two at random, which is nearly as good and costs less


class Balancer:
    """Chooses. Turns decide among equals, so that single requests go round as well."""

    def __init__(self) -> None:
        self._turn = 0

    def choose(self, fit: Sequence[Replica], now: float) -> Replica:
        """One of these; a replica that is warming up is passed over for part of its turns."""
        chosen = self._least_busy(fit)
        if chosen.warm_at > now and random.random() > chosen.warmth(now):  # noqa: S311
            others = [each for each in fit if each is not chosen]
            if others:
                return self._least_busy(others)
        return chosen

    def _least_busy(self, fit: Sequence[Replica]) -> Replica:
        count = len(fit)
        self._turn = turn = (self._turn + 1) % count
        if count > FEW:
            one, other = random.sample(fit, 2)
            return one if one.pool.busy <= other.pool.busy else other
        best = fit[turn]
        least = best.pool.busy
        for at in range(turn + 1 - count, turn):
            busy = fit[at].pool.busy
            if busy < least:
                best, least = fit[at], busy
        return best
