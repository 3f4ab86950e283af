"""The body of a request while it arrives: held until asked for, never more than a little."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.proxy.drive import Bell

HIGH_WATER = 64 * 1024  # stop reading from the client while so much waits for the service


class ClientGone(Exception):
    """The client left before its request was whole."""


class Inbox:
    """The body of one request."""

    __slots__ = (
        "_bell", "_pieces", "_wanted", "abandoned", "gone", "left", "refilled", "size", "untouched",
        "whole",
    )  # fmt: skip

    def __init__(
        self, loop: asyncio.AbstractEventLoop, wanted: Callable[[Inbox], None], length: int
    ) -> None:
        self.whole = False
        self.gone = False  # the client left before the end
        self.abandoned = False  # nobody will ask for the rest
        self.refilled = False  # something came that nobody has been told of
        self.untouched = True  # nothing of it has come
        self.size = 0
        self.left = length  # bytes still to come; below zero if nobody knows
        self._pieces: list[bytes] = []
        self._bell = Bell(loop)
        self._wanted = wanted

    def add(self, piece: bytes) -> None:
        """Keep a piece that arrived."""
        self.refilled, self.untouched = True, False
        if self.left >= 0:
            self.left -= len(piece)
        if not self.abandoned:
            self._pieces.append(piece)
            self.size += len(piece)

    def finish(self) -> None:
        """All of it is here."""
        self.whole = self.refilled = True

    def tell(self) -> None:
        """Tell who waits that something came."""
        self.refilled = False
        self._bell.ring()

    def lose(self) -> None:
        """The rest will never come."""
        self.gone = True
        self._bell.ring()

    def abandon(self) -> None:
        """Nobody will ask for the rest: what comes is dropped."""
        self.abandoned = True
        self._pieces, self.size = [], 0

    async def receive(self) -> tuple[bytes, bool]:
        """What has arrived since, and whether more will; waits for some. Raises ClientGone."""
        while not self._pieces and not self.whole:
            if self.gone:
                raise ClientGone
            self._wanted(self)
            await self._bell
        piece = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces, self.size = [], 0
        if not self.whole:
            self._wanted(self)
        return piece, not self.whole
