"""Acknowledging one by one in meaning, and in runs on the wire."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field


@dataclass
class Acknowledgements:
    """What was acknowledged on one channel, told by the broker's tags: 1, 2, 3 …"""

    _without_gap: int = 0  # every tag up to here is acknowledged
    _beyond: set[int] = field(default_factory=set)

    def frames_for(self, tags: Collection[int]) -> list[tuple[int, bool]]:
        """The frames that acknowledge these, once: (tag, whether all before it are meant too).

        A tag named with "all before" is always a fresh one: the broker closes the channel on
        one that it no longer waits for.
        """
        fresh = {tag for tag in tags if tag > self._without_gap} - self._beyond
        self._beyond |= fresh
        while self._without_gap + 1 in self._beyond:
            self._without_gap += 1
            self._beyond.discard(self._without_gap)
        in_run = [tag for tag in fresh if tag <= self._without_gap]
        apart = [tag for tag in fresh if tag > self._without_gap]
        run = [(max(in_run), True)] if in_run else []
        return run + [(tag, False) for tag in sorted(apart)]
