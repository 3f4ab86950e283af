"""Whoever sends more that is bad than any honest client would is not listened to for a moment."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from gateway.proxy.limits.keys import network_of

WINDOW = 1.0  # seconds in which we count
WATCHED = 10.0  # seconds for which we are wary of who was over the limit
LOOK_AT = 16  # senders, to find one to forget


@dataclass(slots=True)
class Sender:
    """What came from one address, or of version 6 from one network."""

    since: float  # when the window began
    bad: int = 0
    asking: int = 0
    watched: float = -math.inf  # until when

    def count(self, now: float) -> int:
        """How much counts against it."""
        bad = self.bad if now - self.since < WINDOW else 0
        return bad + self.asking if now < self.watched else bad

    def is_idle(self, now: float) -> bool:
        """Whether it is as good as one that we never saw."""
        return not self.asking and now >= self.watched and now - self.since >= WINDOW


class Floods:
    """Counts bad tokens and unknown sessions by sender, for a second each.

    Verifying a signature or asking auth costs several times what the rest of a request does. What
    we know is not concerned: whoever shares an address with a flood goes on working. After a
    flood, questions that have no answer yet count as well, so that a burst of them cannot pass
    before the first is answered.

    At most `senders` are remembered. When there are more, the one with the least to its name goes;
    who is over the limit never does, however many others come.
    """

    def __init__(self, now: Callable[[], float], *, most: int = 100, senders: int = 10_000) -> None:
        self.refused = 0
        self._now = now
        self._most = most
        self._room = senders
        self._senders: dict[str, Sender] = {}

    def note(self, address: str) -> None:
        """Something bad came from there."""
        now, sender = self._now(), self._sender(address)
        if now - sender.since >= WINDOW:
            sender.since, sender.bad = now, 0
        sender.bad += 1
        if sender.bad >= self._most:
            sender.watched = now + WATCHED

    @contextmanager
    def asking(self, address: str) -> Iterator[None]:
        """Something came from there that may turn out to be bad, as long as this lasts."""
        sender = self._sender(address)
        sender.asking += 1
        try:
            yield
        finally:
            sender.asking -= 1

    def over(self, address: str) -> bool:
        """Whether there was too much of it within this second."""
        sender = self._senders.get(network_of(address))
        if sender is None or sender.count(self._now()) < self._most:
            return False
        self.refused += 1
        return True

    def __len__(self) -> int:
        return len(self._senders)

    def _sender(self, address: str) -> Sender:
        """What we remember; if there is no room for another, what is forgotten after use."""
        network = network_of(address)
        sender = self._senders.get(network)
        if sender is None:
            sender = Sender(self._now())
            if len(self._senders) < self._room or self._make_room():
                self._senders[network] = sender
        return sender

    def _make_room(self) -> bool:
        """Forget the least of the oldest; the others become the youngest."""
        now = self._now()
        oldest = list(islice(self._senders.items(), LOOK_AT))
        for network, sender in oldest:
            del self._senders[network]
            if not sender.is_idle(now):
                self._senders[network] = sender
        if len(self._senders) < self._room:
            return True
        network, least = min(oldest, key=lambda each: (now < each[1].watched, each[1].count(now)))
        if now < least.watched:
            return False
        del self._senders[network]
        return True
