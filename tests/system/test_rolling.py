"""Every service and the gateway are restarted under load; no request that can be repeated fails."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.system.platform import SERVICES, Platform

pytestmark = pytest.mark.slow

ADDRESSES = ("/", "/api/catalog/v1/products", "/api/shop/v1/cart", "/oauth2/jwks", "/cart")


class Visitors:
    """Clients that look at pages and products all the time, each by a connection of its own."""

    def __init__(self, url: str, number: int = 4) -> None:
        self.outcomes: Counter[str] = Counter()
        self._url = url
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._look_around) for _ in range(number)]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """For as long as the context lasts."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join(60)

    @property
    def failed(self) -> dict[str, int]:
        """What went wrong, how often."""
        return {said: count for said, count in self.outcomes.items() if said[:1] not in "23"}

    def _look_around(self) -> None:
        with httpx.Client(base_url=self._url, timeout=30, trust_env=False) as client:
            while not self._stop.is_set():
                for address in ADDRESSES:
                    said = self._look_at(client, address)
                    with self._lock:
                        self.outcomes[said] += 1
                time.sleep(0.01)

    def _look_at(self, client: httpx.Client, address: str) -> str:
        try:
            return str(client.get(address).status_code)
        except httpx.HTTPError as error:
            return f"{address}: {error!r}"


def test_nobody_notices_that_everything_is_restarted(platform: Platform) -> None:
    visitors = Visitors(platform.url)

    with visitors.at_work():
        for name in (*SERVICES, "gateway"):
            platform.replace(name)

    assert visitors.failed == {}, platform.logs()
    assert visitors.outcomes["200"] > 100
