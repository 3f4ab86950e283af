"""What the relay has in hand: a few events of each aggregate, oldest first, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator

from shared.relaying.rows import Waiting

MOST = 500  # events in hand; looking for more stops here
MOST_OF_ONE = 40  # of one aggregate, so that a long chain leaves room for its neighbours


class Window:
    """Events by aggregate. An aggregate is *long* when more of it waits than we have in hand."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[Waiting]] = {}
        self._last: dict[str, int] = {}  # the newest in hand, of aggregates that are in hand
        self._count = 0
        self.long: set[str] = set()

    def __len__(self) -> int:
        return self._count

    @property
    def has_room(self) -> bool:
        """Whether more may be looked for."""
        return self._count <= MOST // 2

    def newest(self, aggregate: str) -> int:
        """The number of the newest event of this aggregate that is in hand; 0 if none is."""
        return self._last.get(aggregate, 0)

    def take(self, rows: Iterable[Waiting]) -> None:
        """Take these in hand, except what we have and what is too many of one aggregate."""
        for row in rows:
            line = self._lines.setdefault(row.aggregate, deque())
            if row.aggregate in self.long or row.seq <= self._last.get(row.aggregate, 0):
                continue
            if len(line) == MOST_OF_ONE:
                self.long.add(row.aggregate)
                continue
            line.append(row)
            self._last[row.aggregate] = row.seq
            self._count += 1

    def heads(self, most: int, *, but: Collection[str] = ()) -> list[Waiting]:
        """The oldest event of each aggregate, except of these."""
        found: list[Waiting] = []
        for aggregate, line in self._lines.items():
            if len(found) == most:
                break
            if line and aggregate not in but:
                found.append(line[0])
        return found

    def oldest(self, most: int, *, but: Collection[str] = ()) -> list[Waiting]:
        """The oldest events, several of an aggregate too: for a bus that takes all or none."""
        found = [row for line in self._lines.values() for row in line if row.aggregate not in but]
        return sorted(found)[:most]

    def sent(self, row: Waiting) -> None:
        """The bus has it: the next one of its aggregate may go."""
        line = self._lines.get(row.aggregate)
        if line and line[0] is row:
            line.popleft()
            self._count -= 1
            if not line and row.aggregate not in self.long:
                self._forget(row.aggregate)

    def drop(self, aggregate: str) -> None:
        """Put back what is in hand of this aggregate: it is held back."""
        self._count -= len(self._lines.get(aggregate, ()))
        self.long.discard(aggregate)
        self._forget(aggregate)

    def run_out(self) -> Iterator[tuple[str, int]]:
        """Long aggregates of which nothing is in hand any more, and where to go on with each."""
        for aggregate in [each for each in self.long if not self._lines.get(each)]:
            last = self._last[aggregate]
            self.drop(aggregate)  # and to the end of the line: others first
            yield aggregate, last

    def clear(self) -> None:
        """Put everything back."""
        self._lines.clear()
        self._last.clear()
        self.long.clear()
        self._count = 0

    def _forget(self, aggregate: str) -> None:
        self._lines.pop(aggregate, None)
        self._last.pop(aggregate, None)
