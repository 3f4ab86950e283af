"""The limits on client connections, and the watch over those that are slow."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.proxy.clock import Clock
from gateway.proxy.deadlines import Deadlines, Timed
from gateway.proxy.listener import writing
from gateway.proxy.listener.familiar import Familiar


class Watched(Timed):
    """A connection that must do something before `due`, unless a request of it is at work."""

    @property
    def peer_port(self) -> int:
        """The port at the other end; 0 if it is gone."""
        raise NotImplementedError

    def overdue(self) -> None:
        """It has not."""
        raise NotImplementedError


@dataclass
class Listening:
    """What all client connections share."""

    clock: Clock
    most_connections: int = 10_000
    longest_head: int = 64 * 1024
    head_seconds: float = 15.0
    idle_seconds: float = 75.0
    linger_seconds: float = 5.0  # how long we listen to a client that we have hung up on
    most_pipelined: int = 100
    upgrades: frozenset[bytes] = frozenset()  # the protocols for which somebody waits
    familiar: Familiar = field(default_factory=Familiar)
    connections: Deadlines[Watched] = field(default_factory=Deadlines)

    refused: int = 0  # what was not even understood

    def refusal(self, status: int, detail: str) -> bytes:
        """A whole answer to what was not understood. It is counted."""
        self.refused += 1
        return writing.refusal(status, detail, self.clock.date)

    def peers(self) -> set[int]:
        """The ports at the other ends of all connections."""
        return {each.peer_port for each in self.connections}

    def close_slow(self) -> None:
        """End what is overdue: endless heads, idle connections, clients that never hang up."""
        for each in self.connections.late(self.clock.now):
            each.overdue()
