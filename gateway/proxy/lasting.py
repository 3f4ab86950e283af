"""What may stay open for hours, counted: event streams and WebSockets.

Each takes two of the process's open files. Once those are used up nobody can connect any more, so
streams end where ordinary requests still need some: what is too much is refused, and all others go
on as before.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.refusals import Refused

SPARE_FILES = 200  # for requests, and what the process has open anyway

Sample = tuple[str, str, str, dict[str, str], float]


def pairs_of_files() -> int:
    """For how many clients at once the open files last: each is one, and so is its way upstream."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        files = sys.maxsize
    return max(1, (files - SPARE_FILES) // 2)


class Lasting:
    """Lets in `most` streams at once; 0 stands for all clients there may be, but a few.

    One in a hundred connections is left to those who ask and go: a full house of streams must not
    keep everybody else out.
    """

    def __init__(self, most: int = 0, clients: int = sys.maxsize) -> None:
        self.open = 0
        self.refused = 0
        self._most = most
        self._clients = clients

    @property
    def most(self) -> int:
        """How many there may be."""
        if self._most:
            return self._most
        return max(1, min(self._clients, pairs_of_files()) * 99 // 100)

    @contextmanager
    def one(self) -> Iterator[None]:
        """Let one more in, for as long as it lasts; raises Refused (503) if there are too many."""
        if self.open >= self.most:
            self.refused += 1
            raise Refused(
                503,
                "too-many-streams",
                "There are too many open streams. Please try again later.",
                headers=((b"retry-after", b"30"),),
                proxy_error="connection_limit_reached",
            )
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1

    def samples(self) -> Iterator[Sample]:
        """Figures for Prometheus."""
        yield "streams_open", "gauge", "Event streams and WebSockets open now.", {}, self.open
        yield "streams_most", "gauge", "How many there may be.", {}, self.most
        yield "streams_refused_total", "counter", "Streams for which was no room.", {}, self.refused
