"""Seeded shoppers: who buys what with which card is decided by the seed, not by the clock."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.faults.history import History
from tests.system.shopper import ADDRESS, DECLINED_CARD, GOOD_CARD, POOR_CARD

NEVER_ANSWERS = "4000 0000 0000 4087"
ANSWERS_LATE = "4000 0000 0000 2024"
CARDS = (GOOD_CARD, DECLINED_CARD, POOR_CARD, ANSWERS_LATE)
WEIGHTS = (88, 4, 3, 5)
RARE = 0.1  # share of orders for goods of which there are too few
CHANGES_MIND = 0.04
BY_GATEWAY = 0.1
TOO_MANY = 429
AGAIN = 0.1  # seconds before trying again what failed
GIVES_UP = 55.0  # seconds of trying the same order again


@dataclass(frozen=True)
class Wish:
    """One order somebody wants: the same for the same seed."""

    key: str
    sku: str
    quantity: int
    card: str
    cancels: bool
    by_gateway: bool


@dataclass
class Crowd:
    """Concurrent shoppers of one run."""

    history: History
    seed: int
    doors: dict[str, int]  # ports: shop, gateway
    plenty: list[str]
    rare: str
    orders: int = 200
    shoppers: int = 6
    pause: float = 0.0  # seconds between one shopper's orders
    cards: tuple[str, ...] = CARDS
    weights: tuple[int, ...] = WEIGHTS
    threads: list[threading.Thread] = field(default_factory=list)
    enough: threading.Event = field(default_factory=threading.Event)

    def wishes(self) -> list[Wish]:
        """What will be ordered."""
        dice = random.Random(self.seed)
        return [self._wish(dice, number) for number in range(self.orders)]

    def start(self) -> None:
        """Let them in."""
        wishes = self.wishes()
        for each in range(self.shoppers):
            mine = wishes[each :: self.shoppers]
            thread = threading.Thread(target=self._shop, args=(mine,), name=f"shopper-{each}")
            self.threads.append(thread)
            thread.start()

    def wait(self) -> None:
        """Until the last has left."""
        for thread in self.threads:
            thread.join()

    def _wish(self, dice: random.Random, number: int) -> Wish:
        rare = dice.random() < RARE
        return Wish(
            key=f"{self.seed}-{number}-{dice.getrandbits(64):x}",
            sku=self.rare if rare else dice.choice(self.plenty),
            quantity=1 if rare else dice.randint(1, 3),
            card=dice.choices(self.cards, self.weights)[0],
            cancels=dice.random() < CHANGES_MIND,
            by_gateway=dice.random() < BY_GATEWAY,
        )

    def _shop(self, wishes: list[Wish]) -> None:
        callers = {door: Caller(door, self.doors) for door in self.doors}
        for wish in wishes:
            if self.enough.is_set():
                break
            door = "gateway" if wish.by_gateway and "gateway" in callers else "shop"
            self._order(callers[door], wish)
            if self.pause:
                time.sleep(self.pause)
        for caller in callers.values():
            caller.close()

    def _order(self, caller: Caller, wish: Wish) -> None:
        """Try until it is accepted or refused, with one key, as a patient client does."""
        self.history.note("attempt", key=wish.key, sku=wish.sku, quantity=wish.quantity)
        deadline, filled, caller.cart = time.monotonic() + GIVES_UP, False, ""
        line = {"sku": wish.sku, "quantity": wish.quantity}
        while time.monotonic() < deadline:
            if not filled:
                status, body = caller.call("POST", "/api/shop/v1/cart/items", line)
                filled = status in (200, 201)
            if filled:
                status, body = caller.call("POST", "/api/shop/v1/orders", _body(wish), wish.key)
            if status in (201, 202):
                self.history.acknowledge(wish.key, body["number"])
                self._perhaps_cancel(caller, wish, body["number"])
                return
            if 400 <= status < 500 and status != TOO_MANY:
                self.history.note("refused", key=wish.key, status=status, why=body.get("title"))
                return
            self.history.note("failed", key=wish.key, status=status)
            self.history.statuses[status] += 1
            time.sleep(AGAIN)
        self.history.note("gave up", key=wish.key)

    def _perhaps_cancel(self, caller: Caller, wish: Wish, number: str) -> None:
        if wish.cancels:
            path = f"/api/shop/v1/orders/{number}/cancel"
            status, _ = caller.call("POST", path, {}, wish.key + "-cancel")
            self.history.note("cancelled" if status == 200 else "kept", number=number)


class Caller:
    """A keep-alive connection that tells what came of a call, and never raises."""

    def __init__(self, door: str, doors: Mapping[str, int]) -> None:
        self._door, self._doors = door, doors  # a door may be moved meanwhile
        self._port = doors[door]
        self._connection: http.client.HTTPConnection | None = None
        self.cart = ""

    def call(self, method: str, path: str, body: Any, key: str = "") -> tuple[int, Any]:
        """Status and JSON; status 0 when no answer came."""
        headers = {"content-type": "application/json"}
        if self.cart:
            headers["x-cart-token"] = self.cart
        if key:
            headers["idempotency-key"] = key
        try:
            if self._port != self._doors[self._door]:
                self.close()
            if self._connection is None:
                self._port = self._doors[self._door]
                self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=15)
            self._connection.request(method, path, json.dumps(body), headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            return 0, {}
        self.cart = answer.getheader("x-cart-token") or self.cart
        try:
            return answer.status, json.loads(content)
        except ValueError:
            return answer.status, {}

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _body(wish: Wish) -> dict[str, Any]:
    return {
        "email": "robin@shoppers.example",
        "name": "Robin Reader",
        "shipping_address": ADDRESS,
        "payment": {"method": "test", "card": wish.card},
    }
