"""A load client: threads with keep-alive connections, a fixed number of calls, nothing clever."""

from __future__ import annotations

import http.client
import json
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.system.shopper import ADDRESS, GOOD_CARD


@dataclass(frozen=True)
class Round:
    """One round of calls: how long each took, in milliseconds."""

    times: list[float]

    @property
    def p50(self) -> float:
        """The median."""
        return statistics.median(self.times)

    @property
    def p99(self) -> float:
        """The slowest of a hundred."""
        return sorted(self.times)[int(len(self.times) * 0.99)]


class Caller:
    """One keep-alive connection to the gateway."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.cart = ""

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
        """One call; anything but a success is an error."""
        if body is not None:
            headers["content-type"] = "application/json"
        if self.cart:
            headers["x-cart-token"] = self.cart
        raw = json.dumps(body) if body is not None else None
        self._connection.request(method, path, raw, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:300]!r}")
        self.cart = answer.getheader("x-cart-token") or self.cart
        found: dict[str, Any] = json.loads(content)
        return found

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


Step = Callable[[Caller, int], None]


def run(port: int, step: Step, *, calls: int, clients: int) -> Round:
    """Run `step` `calls` times over `clients` connections, without pauses."""

    def work(client: int) -> list[float]:
        caller, times = Caller(port), []
        for at in range(client, calls, clients):
            started = time.perf_counter()
            step(caller, at)
            times.append((time.perf_counter() - started) * 1000)
        caller.close()
        return times

    with ThreadPoolExecutor(clients) as pool:
        return Round([each for times in pool.map(work, range(clients)) for each in times])


def of_service(path: str) -> str:
    """The same question in words that nobody has used yet: no cache can have its answer."""
    return f"{path}{'&' if '?' in path else '?'}fresh={uuid4().hex}"


def as_is(path: str) -> str:
    """The question as everybody asks it: the gateway has the answer, unless it was changed."""
    return path


Wording = Callable[[str], str]


def list_products(worded: Wording) -> Step:
    """A list of 20 products with prices."""

    def step(caller: Caller, _: int) -> None:
        path = worded("/api/catalog/v1/products?limit=20")
        assert len(caller.call("GET", path)["items"]) == 20

    return step


def detail_of(slugs: list[str], worded: Wording) -> Step:
    """One product with price and stock, each in turn."""

    def step(caller: Caller, at: int) -> None:
        caller.call("GET", worded(f"/api/catalog/v1/products/{slugs[at % len(slugs)]}"))

    return step


def search_for(words: list[str], worded: Wording) -> Step:
    """A search, each word in turn."""

    def step(caller: Caller, at: int) -> None:
        caller.call("GET", worded(f"/api/catalog/v1/products?q={words[at % len(words)]}&limit=20"))

    return step


def add_to_cart(skus: list[str]) -> Step:
    """One more thing in the cart; a new cart every five."""

    def step(caller: Caller, at: int) -> None:
        if at % 5 == 0:
            caller.cart = ""
        sku = skus[at % len(skus)]
        caller.call("POST", "/api/shop/v1/cart/items", {"sku": sku, "quantity": 1})

    return step


def check_out(skus: list[str]) -> Step:
    """A whole checkout of a guest: new cart, one thing, order, until it is confirmed."""

    def step(caller: Caller, at: int) -> None:
        caller.cart = ""
        sku = skus[at % len(skus)]
        caller.call("POST", "/api/shop/v1/cart/items", {"sku": sku, "quantity": 1})
        body = {
            "email": "bench@shoppers.example",
            "name": "Bench",
            "shipping_address": ADDRESS,
            "payment": {"method": "test", "card": GOOD_CARD},
        }
        headers = {"idempotency-key": uuid4().hex, "prefer": "wait=20"}
        order = caller.call("POST", "/api/shop/v1/orders", body, **headers)
        assert order["status"] == "confirmed", order

    return step
