"""What the bus tests stand on: a bus of either transport, and names that nobody else uses."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from shared.bus import connect
from shared.bus.protocol import Bus, Delivery, Message, Outcome, Publisher, Subscription

ROOT = Path(__file__).resolve().parents[3]
PROGRAMS = Path(__file__).parent / "programs"
PATIENCE = 30.0  # seconds; it costs nothing when things go well


@dataclass
class Wire:
    """A transport under test, and names that are new for every test."""

    url: str
    token: str = field(default_factory=lambda: uuid4().hex[:10])
    opened: list[Bus] = field(default_factory=list)

    def bus(self, url: str | None = None) -> Bus:
        """Another bus, as another service would open it; closed after the test."""
        bus = connect(url or self.url, client="test")
        self.opened.append(bus)
        return bus

    @property
    def queue(self) -> str:
        """A queue of this test."""
        return f"stock-{self.token}"

    @property
    def other_queue(self) -> str:
        """Another queue of this test."""
        return f"mail-{self.token}"

    @property
    def placed(self) -> str:
        """An event type of this test."""
        return f"shop{self.token}.order.placed.v1"

    @property
    def unheard(self) -> str:
        """An event type that nobody is bound to."""
        return f"shop{self.token}.order.whispered.v1"

    def orders(self, count: int) -> list[Message]:
        """So many messages, numbered from 0."""
        return [Message(str(uuid4()), self.placed, str(n).encode()) for n in range(count)]

    def program(self, name: str, *arguments: str) -> subprocess.Popen[str]:
        """Another process on the same bus."""
        return subprocess.Popen(
            [sys.executable, str(PROGRAMS / f"{name}.py"), self.url, *arguments],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )


def bodies(deliveries: list[Delivery]) -> list[str]:
    """What the deliveries say."""
    return [delivery.message.body.decode() for delivery in deliveries]


def receive(
    subscription: Subscription, count: int, *, within: float = PATIENCE, ack: bool = True
) -> list[Delivery]:
    """Receive until so many have come, or the time is over."""
    deadline = time.monotonic() + within
    received: list[Delivery] = []
    while len(received) < count and time.monotonic() < deadline:
        for delivery in subscription.receive(0.2):
            received.append(delivery)
            if ack:
                subscription.ack(delivery)
    return received


def eventually(condition: Callable[[], bool], *, within: float = PATIENCE) -> bool:
    """Whether it becomes true in time."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def publish_until_confirmed(publisher: Publisher, messages: list[Message]) -> list[Outcome]:
    """What the relay does: the same again until the bus has it."""
    outcomes: list[Outcome] = []
    for _ in range(10):
        outcomes = publisher.publish(messages, timeout=5)
        if set(outcomes) == {Outcome.CONFIRMED}:
            break
    return outcomes
