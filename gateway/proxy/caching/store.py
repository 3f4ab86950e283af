"""The memory of the cache: bounded in bytes, the least recently used goes first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gateway.proxy.caching.keys import Names, Values, selected
from gateway.proxy.caching.stored import Stored
from gateway.proxy.flight import Flight


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept: all in all, of one answer (both in bytes), and variants of one target."""

    total: int = 64 * 1024 * 1024
    entry: int = 1024 * 1024
    variants: int = 16


class Shelf:
    """All stored answers for one target: one that never varies, and others by what they vary by."""

    __slots__ = ("plain", "varied")

    def __init__(self) -> None:
        self.plain: Stored | None = None
        self.varied: dict[Names, dict[Values, Stored]] = {}

    def select(self, flight: Flight) -> Stored | None:
        """The answer that fits the request; the newest, if several do: section 4.1."""
        best = self.plain
        for names, by_values in self.varied.items():
            found = by_values.get(selected(names, flight))
            if found is not None and (best is None or found.received_at >= best.received_at):
                best = found
        return best

    def all(self) -> list[Stored]:
        """Every answer here."""
        varied = [each for group in self.varied.values() for each in group.values()]
        return varied if self.plain is None else [self.plain, *varied]


class Store:
    """Stored answers by key and by group. `used` is the sum of their sizes in bytes."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.used = 0
        self.evicted = 0
        self.shelves: dict[bytes, Shelf] = {}
        self._by_use: OrderedDict[Stored, None] = OrderedDict()  # the least recently used first
        self._by_group: dict[bytes, set[Stored]] = {}

    def __len__(self) -> int:
        return len(self._by_use)

    def find(self, key: bytes, flight: Flight) -> Stored | None:
        """The stored answer for a request, which thereby counts as used."""
        shelf = self.shelves.get(key)
        if shelf is None:
            return None
        found = shelf.select(flight) if shelf.varied else shelf.plain
        if found is not None:
            self._by_use.move_to_end(found)
        return found

    def put(self, stored: Stored) -> bool:
        """Keep an answer in place of the one that fits the same requests; says whether it fits."""
        if stored.weigh() > min(self.bounds.entry, self.bounds.total):
            self._drop_same(stored)
            return False
        self._drop_same(stored)
        shelf = self.shelves.setdefault(stored.key, Shelf())
        if stored.names:
            shelf.varied.setdefault(stored.names, {})[stored.values] = stored
        else:
            shelf.plain = stored
        self._by_use[stored] = None
        self.used += stored.size
        for group in stored.groups:
            self._by_group.setdefault(group, set()).add(stored)
        self._make_room(shelf)
        return True

    def drop(self, stored: Stored) -> None:
        """Forget one answer."""
        if stored not in self._by_use:
            return
        del self._by_use[stored]
        self.used -= stored.size
        self._take_off(stored)
        for group in stored.groups:
            members = self._by_group[group]
            members.discard(stored)
            if not members:
                del self._by_group[group]

    def drop_key(self, key: bytes) -> int:
        """Forget every answer for one target; says how many there were."""
        shelf = self.shelves.get(key)
        return 0 if shelf is None else self._drop_all(shelf.all())

    def drop_group(self, group: bytes, origin: bytes | None = None) -> int:
        """Forget every answer of a group, of one origin or of all; says how many there were."""
        members = self._by_group.get(group, ())
        return self._drop_all([each for each in members if origin in (None, each.origin)])

    def drop_where(self, true: Callable[[Stored], bool]) -> int:
        """Forget every answer for which this is true; says how many there were."""
        return self._drop_all([each for each in self._by_use if true(each)])

    def _drop_all(self, several: Iterable[Stored]) -> int:
        count = 0
        for stored in several:
            self.drop(stored)
            count += 1
        return count

    def _drop_same(self, stored: Stored) -> None:
        shelf = self.shelves.get(stored.key)
        if shelf is None:
            return
        if not stored.names:
            before = shelf.plain
        else:
            before = shelf.varied.get(stored.names, {}).get(stored.values)
        if before is not None:
            self.drop(before)

    def _take_off(self, stored: Stored) -> None:
        shelf = self.shelves[stored.key]
        if shelf.plain is stored:
            shelf.plain = None
        else:
            by_values = shelf.varied[stored.names]
            del by_values[stored.values]
            if not by_values:
                del shelf.varied[stored.names]
        if shelf.plain is None and not shelf.varied:
            del self.shelves[stored.key]

    def _make_room(self, shelf: Shelf) -> None:
        """Drop what has not been used for longest: of one target, then of all."""
        if shelf.varied:
            mine = sorted(shelf.all(), key=lambda each: each.received_at)
            for each in mine[: max(0, len(mine) - self.bounds.variants)]:
                self.drop(each)
                self.evicted += 1
        while self.used > self.bounds.total:
            self.drop(next(iter(self._by_use)))
            self.evicted += 1
