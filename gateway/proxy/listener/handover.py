"""A connection that changes its protocol: RFC 9110, section 7.8."""

from __future__ import annotations

import asyncio


class Guest(asyncio.Protocol):
    """Whoever takes a connection over. Bytes go to it, and the news of the end."""

    def shutdown(self) -> None:
        """The server is asked to stop; what is still open when its patience ends is cut."""


class HandedOver(asyncio.Protocol):
    """Passes on to the guest what the event loop says, and to the connection that it ended."""

    def __init__(self, before: asyncio.Protocol, guest: Guest) -> None:
        self._before = before
        self._guest = guest
        self.data_received = guest.data_received  # type: ignore[method-assign]

    def eof_received(self) -> bool | None:
        """The client will send no more; true keeps the other half open."""
        return self._guest.eof_received()

    def pause_writing(self) -> None:
        """The client does not keep up."""
        self._guest.pause_writing()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._guest.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._guest.connection_lost(exc)
        self._before.connection_lost(exc)
