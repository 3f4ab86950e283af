"""One lane of the relay: what is live, or what somebody asked for again.

Looking goes on behind the last row that was seen, because what was just sent still costs the
database something to skip. Commit order is not the order of the numbers, so every so often a look
begins at the start again: always when all is quiet, and the more seldom the more that costs.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

from shared.relaying.rows import PAGE, Rows, Waiting
from shared.relaying.window import Window

CHEAP = 0.02  # seconds a look from the start may take before it is done less often
SHARE = 10.0  # at most a tenth of the time goes into looks from the start
BUSY_PACE = 0.5  # seconds between looks from the start while much is in hand


class Lane:
    """Keeps a window filled. `before_look` runs before rows are read again."""

    def __init__(self, rows: Rows, before_look: Callable[[], None]) -> None:
        self.window = Window()
        self._rows = rows
        self._before_look = before_look
        self._after = 0
        self._at_end = False
        self._started = -math.inf
        self._cost = 0.0
        self._due_again = math.inf  # when the first of what we held back may be tried again

    def fill(self, *, news: bool) -> None:
        """Have enough in hand. Without news, only what was left to look at is looked at."""
        self._go_on_with_long_ones()
        now = time.monotonic()
        if now >= self._due():
            self.look_from_start()
            news = True
        looked = False
        while self.window.has_room and not (self._at_end and (looked or not news)):
            if now - self._started >= self._pace():
                self._after = 0
            self._look()
            looked, now = True, time.monotonic()

    def look_from_start(self) -> None:
        """Forget what we know: the next look sees everything."""
        self._after, self._started, self._at_end = 0, -math.inf, False
        self._due_again = math.inf

    def clear(self) -> None:
        """Put everything back."""
        self.window.clear()
        self.look_from_start()

    def try_again_in(self, seconds: float) -> None:
        """Something was held back for so long."""
        self._due_again = min(self._due_again, time.monotonic() + seconds)

    def rest(self, longest: float) -> float:
        """How long nothing need be looked for, unless there is news."""
        return max(0.0, min(longest, self._due() - time.monotonic()))

    def _look(self) -> None:
        self._before_look()
        began, from_start = time.monotonic(), self._after == 0
        page = self._rows.look(self._after, but=self.window.long)
        if not from_start and self._somebody_came_late(page):
            self._after, self._at_end = 0, False  # in front of what they said later
            return
        if from_start:
            self._started, self._cost = began, time.monotonic() - began
        self._at_end = len(page) < PAGE
        if page:
            self._after = page[-1].seq
        self.window.take(page)

    def _somebody_came_late(self, page: Sequence[Waiting]) -> bool:
        """Whether these aggregates said something before that was committed behind our back."""
        spoke = {row.aggregate for row in page}
        unsent = self._rows.newest_until(self._after, spoke) if spoke else {}
        return any(seq > self.window.newest(aggregate) for aggregate, seq in unsent.items())

    def _due(self) -> float:
        # Where very much is held back, finding what is due is dear, and done less often.
        return max(self._due_again, self._started + self._seldom())

    def _pace(self) -> float:
        seldom = self._seldom()
        return max(seldom, BUSY_PACE) if self.window or not self._at_end else seldom

    def _seldom(self) -> float:
        return self._cost * SHARE if self._cost > CHEAP else 0.0

    def _go_on_with_long_ones(self) -> None:
        for aggregate, last in self.window.run_out():
            self._before_look()
            self.window.take(self._rows.look_at(aggregate, last))
