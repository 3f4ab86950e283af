"""Who in this process waits for news of one thing: an order, say.

Telling is a hint that saves looking, never a promise: what another process did is told there. Who
waits looks by itself from time to time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

Wake = Callable[[], None]


class News:
    """Wakes those who wait for what they wait for, and nobody else. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, list[Wake]] = {}

    @contextmanager
    def awaited(self, name: str, wake: Wake) -> Iterator[None]:
        """Call `wake`, on the thread of who tells, whenever there is news of `name`."""
        with self._lock:
            self._waiting.setdefault(name, []).append(wake)
        try:
            yield
        finally:
            with self._lock:
                left = self._waiting[name]
                left.remove(wake)
                if not left:
                    del self._waiting[name]

    def tell(self, names: Collection[str]) -> None:
        """There is news of these."""
        with self._lock:
            waked = [wake for name in names for wake in self._waiting.get(name, ())]
        for wake in waked:
            wake()
