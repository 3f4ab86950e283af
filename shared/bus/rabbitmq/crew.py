"""What a station needs to know of those who work on its channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from pika.channel import Channel


class Crew(Protocol):
    """What works on a channel."""

    def look(self, channel: Channel) -> None:
        """Ask, without waiting, for all that must exist; on a channel of its own."""
        ...

    def absent(self) -> None:
        """Something of that does not exist."""
        ...

    def verify(self, then: Callable[[], None]) -> None:
        """All exists; find out what looking cannot tell, and go on."""
        ...

    def declare(self, channel: Channel) -> None:
        """Declare, without waiting, all that must exist; on a channel of its own."""
        ...

    def move_in(self, channel: Channel) -> None:
        """Start work on a fresh channel, and call `Station.is_ready` when work can go on."""
        ...

    def move_out(self) -> None:
        """The channel is gone; another one comes."""
        ...

    def unblocked(self) -> None:
        """The broker takes messages again."""
        ...
