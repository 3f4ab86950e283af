"""Both lanes of the relay together: what is live goes first, the past takes what is left."""

from __future__ import annotations

import math
import time
from collections.abc import Collection

from shared.relaying.lane import Lane
from shared.relaying.pace import Pace
from shared.relaying.rows import Waiting

WAVE = 250  # events that are sent together
WAVE_OF_OLD = 50  # of those, at most so many that somebody asked for again
OLD_LOOKS = 0.25  # seconds between looks for what was asked for again


class Lanes:
    """Chooses what goes next, so that no wave holds two events of one aggregate.

    With `all_or_none` it may: then none of a wave arrives unless all that went before it does.
    """

    def __init__(self, live: Lane, old: Lane, pace: Pace, *, all_or_none: bool) -> None:
        self._live, self._old, self._pace = live, old, pace
        self._all_or_none = all_or_none
        self._old_news, self._old_looked = True, -math.inf

    @property
    def empty(self) -> bool:
        """Whether nothing is in hand."""
        return not (self._live.window or self._old.window)

    def next_wave(self, *, news: bool) -> list[Waiting]:
        """What may go now; `news` says that somebody rang, so that it pays to look."""
        self._live.fill(news=news)
        wave = self._from(self._live, WAVE - WAVE_OF_OLD, but=())
        self._old_news |= news
        allowed = self._pace.allowed(WAVE_OF_OLD)
        if allowed and (self._old.window or self._until_old_look() <= 0):
            self._old.fill(news=self._old_news)
            self._old_news, self._old_looked = False, time.monotonic()
            wave += self._from(self._old, allowed, but={row.aggregate for row in wave})
        return wave

    def sent(self, row: Waiting) -> None:
        """The bus has it."""
        self._lane_of(row).window.sent(row)
        if row.round:
            self._pace.spend(1)

    def drop(self, row: Waiting) -> None:
        """It was refused: what its lane has of its aggregate goes back."""
        self._lane_of(row).window.drop(row.aggregate)

    def try_again_in(self, seconds: float) -> None:
        """Something was held back for so long."""
        self._live.try_again_in(seconds)
        self._old.try_again_in(seconds)

    def look_from_start(self) -> None:
        """The next look sees everything."""
        self._live.look_from_start()
        self._old.look_from_start()
        self._old_news, self._old_looked = True, -math.inf

    def put_back(self) -> None:
        """Have nothing in hand."""
        self._live.clear()
        self._old.clear()

    def rest(self, longest: float) -> float:
        """Seconds until there may be something to do without anybody ringing."""
        return min(self._live.rest(longest), self._old_rest(longest))

    def _old_rest(self, longest: float) -> float:
        if self._old.window:
            return self._pace.until_some()
        return max(0.0, min(self._old.rest(longest), self._until_old_look()))

    def _until_old_look(self) -> float:
        """Nobody is in a hurry for the past, so it is not looked for with every live event."""
        if not self._old_news:
            return math.inf
        return self._old_looked + OLD_LOOKS - time.monotonic()

    def _from(self, lane: Lane, most: int, *, but: Collection[str]) -> list[Waiting]:
        chosen = lane.window.oldest if self._all_or_none else lane.window.heads
        return chosen(most, but=but)

    def _lane_of(self, row: Waiting) -> Lane:
        return self._old if row.round else self._live
