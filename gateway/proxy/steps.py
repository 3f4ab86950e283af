"""The steps at the door that a request takes before it is forwarded, and what they promise.

Each is an object given to the door. What can be said without waiting is said in a plain call;
only what must wait is awaited. A step that will not let a request pass raises Refused. The
defaults let everything pass.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

from gateway.proxy.edge.headers import Head
from gateway.proxy.flight import Flight
from gateway.proxy.identity.caller import Caller
from gateway.proxy.routing.route import Route


class Finds(Protocol):
    """The table of routes."""

    def find(self, head: Head) -> Route:
        """The route of a request."""


class JudgesOrigin(Protocol):
    """Sharing with other origins."""

    def check(self, flight: Flight) -> bool:
        """Whether this was a preflight, and is answered now."""


class Identifies(Protocol):
    """Finds out who asks."""

    def at_hand(self, flight: Flight) -> Caller | None:
        """Who asks, if that is known; None if it must be asked."""

    async def ask(self, flight: Flight) -> Caller:
        """Who asks."""


class Authorises(Protocol):
    """Says whether a caller may do this."""

    def check(self, flight: Flight) -> None:
        """Refuse what the caller may not do."""


class Limits(Protocol):
    """Says whether a caller does this too often."""

    def check(self, flight: Flight) -> Awaitable[None] | None:
        """Refuse what is too much; something to await if that must be asked elsewhere."""


class Ready(Protocol):
    """An answer that is kept as bytes."""

    @property
    def status(self) -> int:
        """The status."""

    @property
    def head(self) -> bytes:
        """Status line and fields, each with its line end, without the empty line."""

    @property
    def body(self) -> bytes:
        """The body."""


class Remembers(Protocol):
    """Answers for services, from memory."""

    def at_hand(self, flight: Flight) -> Ready | None:
        """The answer to a GET or HEAD, if it is here and may be used as it is."""

    async def answer(self, flight: Flight) -> None:
        """Answer by asking the service, and remember."""

    def watch(self, flight: Flight) -> None:
        """Hear of a change that is about to be passed on."""


class Forwards(Protocol):
    """Passes on."""

    async def forward(self, flight: Flight) -> None:
        """Answer with what the service says."""


class Welcome:
    """Lets everything pass: the step for which nothing is configured."""

    def check(self, flight: Flight) -> None:
        """Nothing to say."""


class NoSharing:
    """Answers no preflight."""

    def check(self, flight: Flight) -> bool:
        """Never."""
        return False


@dataclass(slots=True)
class Steps:
    """The steps in their order."""

    table: Finds
    identifier: Identifies
    forwarder: Forwards
    control: Forwards  # answers what the gateway answers itself
    cors: JudgesOrigin
    authoriser: Authorises
    limits: Limits
    cache: Remembers | None = None
