"""The last resort: whoever is on the way and stands still, whatever the cause, is made to go on."""

from __future__ import annotations

from collections.abc import Callable

from shared.bus.rabbitmq.io_thread import IoThread

PATIENCE = 20.0  # seconds that a step may take: more than a slow broker needs for any of them


class Progress:
    """Looks every `patience` seconds, and says `stuck` when nothing has moved between two looks.

    It knows nothing of why: an answer that never comes, a mistake of ours that was logged and
    ended there, a timer that nobody set. Its methods belong to the I/O thread.
    """

    def __init__(
        self,
        io: IoThread,
        patience: float,
        arrived: Callable[[], bool],
        stuck: Callable[[str], object],
    ) -> None:
        self.step = "not begun"
        self._io = io
        self._patience = patience
        self._arrived = arrived
        self._stuck = stuck
        self._moves = 0
        self._moves_seen: int | None = None  # at the last look; None: there was no need to move
        self._ended = False

    def at(self, step: str) -> None:
        """It moves: this is what it is at now."""
        self.step = step
        self._moves += 1

    def watch(self) -> None:
        """Begin to look."""
        self._io.call_later(self._patience, self._look)

    def end(self) -> None:
        """Look no more."""
        self._ended = True

    def _look(self) -> None:
        if self._ended:
            return
        self.watch()  # first, whatever comes of this look
        if self._arrived():
            self._moves_seen = None
            return
        stands, self._moves_seen = self._moves_seen == self._moves, self._moves
        if stands:
            self._stuck(f"nothing has moved for {self._patience:g} s at: {self.step}")
