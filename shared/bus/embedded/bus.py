"""The embedded bus: durable, several processes, nothing to install."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from shared.bus.embedded.bells import Bells
from shared.bus.embedded.desk import EmbeddedTopologist, exhume, inspect
from shared.bus.embedded.publisher import EmbeddedPublisher
from shared.bus.embedded.seat import Place
from shared.bus.embedded.store import Store
from shared.bus.embedded.subscription import EmbeddedSubscription
from shared.bus.protocol import Message, QueueState

LEASE = 30.0  # seconds a consumer may hold a message without calling `receive` again
LISTENER_PREFETCH = 64
SYNCS = {"full", "normal"}


class EmbeddedBus:
    """Every publisher and subscription has its own connection to the file, so threads may share us.

    `sync=full` makes a confirmed publish survive a power failure, `sync=normal` only the death of
    every process; it is many times as fast.
    """

    def __init__(
        self,
        path: Path,
        *,
        client: str,
        sync: str = "full",
        lease: float = LEASE,
        declare: bool = True,
    ) -> None:
        if sync not in SYNCS:
            raise ValueError(f"sync is full or normal, not {sync!r}.")
        self._path = path
        self._client = client
        self._sync = sync
        self._lease = lease
        self._declare = declare
        self._bells = Bells(path)
        self._probe = Store(path, sync="normal")
        self._open: list[EmbeddedPublisher | EmbeddedSubscription] = []

    @classmethod
    def at(cls, url: str, *, client: str, declare: bool = True) -> EmbeddedBus:
        """The bus that a URL names: `embedded:/path/bus.db?sync=normal&lease=5`."""
        parts = urlsplit(url)
        if not parts.path:
            raise ValueError("The embedded bus needs a path: embedded:/path/bus.db.")
        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        lease = float(options.get("lease", LEASE))
        sync = options.get("sync", "full")
        path = Path(parts.path)
        return cls(path, client=client, sync=sync, lease=lease, declare=declare)

    def publisher(self) -> EmbeddedPublisher:
        """A publisher with a connection of its own."""
        publisher = EmbeddedPublisher(Store(self._path, sync=self._sync), self._bells)
        self._open.append(publisher)
        return publisher

    def subscribe(
        self, queue: str, types: Sequence[str], *, prefetch: int = 16
    ) -> EmbeddedSubscription:
        """Join a durable queue; it exists and is bound when this returns."""
        return self._join(Place(queue, tuple(types), prefetch, self._lease, declare=self._declare))

    def listen(self, types: Sequence[str], *, name: str) -> EmbeddedSubscription:
        """Hear every message of these types from now on, in a queue that vanishes with us."""
        queue = f"listener.{self._client}.{name}.{secrets.token_hex(4)}"
        place = Place(queue, tuple(types), LISTENER_PREFETCH, self._lease, fleeting=True)
        return self._join(place)

    def _join(self, place: Place) -> EmbeddedSubscription:
        # Losing an acknowledgement to a power failure only means one more delivery.
        store = Store(self._path, sync="normal")
        subscription = EmbeddedSubscription(store, self._bells, place)
        self._open.append(subscription)
        return subscription

    def healthy(self) -> bool:
        """Whether the file can be read right now (it is made when absent)."""
        return not self.problem()

    def problem(self) -> str:
        """Why the file cannot be read right now."""
        try:
            with self._probe.reading() as db:
                db.execute("SELECT 1 FROM queues LIMIT 1").fetchone()
        except (sqlite3.Error, OSError) as error:
            return f"the bus file cannot be used: {error}"
        return ""

    def inspect(self, queue: str) -> QueueState:
        """What the queue holds right now."""
        return inspect(self._probe, queue)

    def exhume(self, queue: str, keep: Callable[[Message], None]) -> int:
        """Hand over and remove what came back too often."""
        return exhume(self._probe, queue, keep)

    def topology(self, queue: str, types: Sequence[str]) -> EmbeddedTopologist:
        """What must exist for this queue, and whether it does."""
        return EmbeddedTopologist(self._probe, queue, types)

    def close(self) -> None:
        """Close all that was opened through us."""
        while self._open:
            self._open.pop().close()
        self._probe.close()
