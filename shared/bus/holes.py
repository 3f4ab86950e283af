"""What may have passed a subscription by."""

from __future__ import annotations

from collections.abc import Iterable


class Holes:
    """Times at which messages may have been missed, and of which types, where that is known."""

    def __init__(self) -> None:
        self._found: list[frozenset[str]] = []

    def __len__(self) -> int:
        return len(self._found)

    def add(self, types: Iterable[str] = ()) -> None:
        """Messages of these types may have passed by; of any type if none is named."""
        self._found.append(frozenset(types))

    def types(self, since: int) -> frozenset[str]:
        """The types of all holes but the first `since`; empty if it may have been any."""
        found = self._found[since:]
        return frozenset().union(*found) if all(found) else frozenset()
