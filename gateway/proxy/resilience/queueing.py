"""A short line before a full house: the important first, and the unimportant sent home first."""

from __future__ import annotations

import asyncio
from collections import deque

RANKS = 3  # 0 is let in first and sent home last


class Place:
    """Somebody's place in the line; `turn` ends with True (come in) or False (go home)."""

    __slots__ = ("rank", "turn", "until")

    def __init__(self, rank: int, until: float, turn: asyncio.Future[bool]) -> None:
        self.rank = rank
        self.until = until
        self.turn = turn


class Line:
    """At most `longest` wait, `waiting` do. Whoever gives up cancels `turn`, and is passed over."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._places: tuple[deque[Place], ...] = tuple(deque() for _ in range(RANKS))
        self.waiting = 0

    def __len__(self) -> int:
        return self.waiting

    def join(self, rank: int, until: float) -> Place | None:
        """A place in the line; None if all who wait are as important, and they are enough."""
        if self.waiting >= self._longest and not self._send_one_home(rank):
            return None
        place = Place(rank, until, asyncio.get_running_loop().create_future())
        self._places[rank].append(place)
        self.waiting += 1
        return place

    def leave(self, place: Place) -> None:
        """Whoever had this place has gone."""
        try:
            self._places[place.rank].remove(place)
        except ValueError:
            return
        self.waiting -= 1

    def next_in(self) -> bool:
        """Let the next one in; False if nobody waits."""
        for places in self._places:
            while places:
                place = places.popleft()
                self.waiting -= 1
                if not place.turn.done():
                    place.turn.set_result(True)
                    return True
        return False

    def send_home_late(self, now: float) -> None:
        """Whoever has waited long enough goes home."""
        for places in self._places:
            while places and places[0].until < now:
                self._refuse(places.popleft())

    def send_all_home(self) -> None:
        """Nobody will be let in for a while."""
        for places in self._places:
            while places:
                self._refuse(places.popleft())

    def _send_one_home(self, rank: int) -> bool:
        """Make room for somebody of this rank: the last who came of the least important goes."""
        for places in reversed(self._places[rank + 1 :]):
            if places:
                self._refuse(places.pop())
                return True
        return False

    def _refuse(self, place: Place) -> None:
        self.waiting -= 1
        if not place.turn.done():
            place.turn.set_result(False)
