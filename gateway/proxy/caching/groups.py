"""Groups of answers that change together (RFC 9875), and what was purged while we were asking.

An answer that was asked for before a purge may tell of the world before it, even if it comes
after. So every purge has a number, and an answer is only kept if none of what it belongs to has
been purged since the number at which it was asked for.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from gateway.proxy.caching.structured import Malformed, parse_list

# The RFC wants at least 32 groups of 32 characters. A list of a hundred products has 103.
MOST_GROUPS = 128
LONGEST_NAME = 128
SLOTS = 1 << 16  # half a megabyte

NO_GROUPS: frozenset[bytes] = frozenset()


def group_names(value: bytes | None) -> frozenset[bytes]:
    """The groups that a Cache-Groups or Cache-Group-Invalidation field lists.

    A field that does not parse, or that holds anything but strings, counts as absent (section 2).
    """
    if value is None:
        return NO_GROUPS
    try:
        members = parse_list(value.decode("latin-1"))
    except Malformed:
        return NO_GROUPS
    if any(type(member) is not str for member in members):
        return NO_GROUPS
    return frozenset(member.encode() for member in members)


def too_many(groups: frozenset[bytes]) -> bool:
    """Whether these are more than we follow; an answer that we could not purge is not kept."""
    return len(groups) > MOST_GROUPS or any(len(group) > LONGEST_NAME for group in groups)


class Purges:
    """Numbers for purges, and which name was purged last at which number.

    Names share slots by their hash, which nobody outside can foretell. So it takes the same room
    whatever is purged, and never is full; names that meet in a slot count as purged together,
    which is safe: an answer too few is kept.
    """

    def __init__(self, slots: int = SLOTS) -> None:
        self.number = 0
        self._floor = 0
        self._at = array("Q", bytes(8 * slots))

    def note(self, names: Iterable[bytes]) -> None:
        """These names (groups, or keys) are purged now."""
        self.number += 1
        at, slots = self._at, len(self._at)
        for name in names:
            at[hash(name) % slots] = self.number

    def note_all(self) -> None:
        """Everything is purged now."""
        self.number += 1
        self._floor = self.number

    def none_since(self, number: int, names: Iterable[bytes]) -> bool:
        """Whether nothing of all this was purged after `number`."""
        if self._floor > number:
            return False
        at, slots = self._at, len(self._at)
        return number == self.number or all(at[hash(name) % slots] <= number for name in names)
