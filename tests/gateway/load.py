"""Clients that never rest, and remember what they got."""

from __future__ import annotations

import http.client
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Load:
    """So many clients, each with a connection that it keeps for as long as it is let."""

    def __init__(self, port: int, clients: int = 6) -> None:
        self.port = port
        self.outcomes: Counter[str] = Counter()
        self.bodies: Counter[str] = Counter()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, args=(number,)) for number in range(clients)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End, when every client has had its answer."""
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    @property
    def failed(self) -> dict[str, int]:
        """What was not 200."""
        return {name: count for name, count in self.outcomes.items() if name != "200"}

    def _run(self, number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not self._stop.is_set():
            outcome, body = self._ask(connection, number)
            with self._lock:
                self.outcomes[outcome] += 1
                self.bodies[body] += 1
            if number % 3 == 0:
                connection.close()  # some come anew each time
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection, number: int) -> tuple[str, str]:
        method, body, headers = "GET", None, {}
        if number % 2:
            method, body, headers = "POST", b"{}", {"Idempotency-Key": f"key-{number}"}
        try:
            connection.request(method, "/cart", body=body, headers=headers)
            answer = connection.getresponse()
            return str(answer.status), answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return repr(error), ""


@contextmanager
def load(port: int, clients: int = 6) -> Iterator[Load]:
    """Clients at work for as long as the context lasts."""
    working = Load(port, clients)
    working.start()
    try:
        yield working
    finally:
        working.stop()
