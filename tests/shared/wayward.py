"""A transport of our own that does what it is told, and remembers what it was sent."""

from __future__ import annotations

import random
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence

from shared.bus.protocol import Message, Outcome, QueueState, Subscription, Topologist
from shared.events import Envelope


class WaywardBus:
    """Gives the answers it was given, then confirms; `sent` is all that reached it."""

    def __init__(self, *answers: Outcome) -> None:
        self.answers = list(answers)
        self.sent: list[Message] = []
        self.waves: list[list[str]] = []

    def publisher(self) -> WaywardBus:
        return self

    def publish(self, messages: Sequence[Message], *, timeout: float = 10.0) -> list[Outcome]:
        self.sent += messages
        self.waves.append([subject_of(each) for each in messages])
        return [self.answer(each) for each in messages]

    def answer(self, message: Message) -> Outcome:
        """What becomes of one message."""
        return self.answers.pop(0) if self.answers else Outcome.CONFIRMED

    def subscribe(self, queue: str, types: Sequence[str], *, prefetch: int = 16) -> Subscription:
        raise AssertionError("a relay does not listen")

    def listen(self, types: Sequence[str], *, name: str) -> Subscription:
        raise AssertionError("a relay does not listen")

    def healthy(self) -> bool:
        return True

    def problem(self) -> str:
        return ""

    def inspect(self, queue: str) -> QueueState:
        raise AssertionError("a relay does not look into queues")

    def exhume(self, queue: str, keep: Callable[[Message], None]) -> int:
        raise AssertionError("a relay does not dig")

    def topology(self, queue: str, types: Sequence[str]) -> Topologist:
        raise AssertionError("a relay does not look at queues")

    def close(self) -> None:
        return None


class PickyBus(WaywardBus):
    """Refuses what it is told to, by subject; `arrived` counts what it took, in order."""

    def __init__(self, refuses: Callable[[str], Outcome | None] = lambda _: None) -> None:
        super().__init__()
        self.refuses = refuses
        self.arrived: list[tuple[str, int]] = []
        self.changed = threading.Condition()

    def answer(self, message: Message) -> Outcome:
        envelope = Envelope.from_json(message.body)
        outcome = self.refuses(envelope.subject) or Outcome.CONFIRMED
        with self.changed:
            if outcome is Outcome.CONFIRMED:
                self.arrived.append((envelope.subject, envelope.version))
                self.changed.notify_all()
        return outcome

    def wait_for(self, subject: str, within: float = 30.0) -> bool:
        """Whether something about this arrives in time."""
        with self.changed:
            return self.changed.wait_for(
                lambda: any(about == subject for about, _ in self.arrived), within
            )


def refusing_by_chance(seed: int, share: float) -> Callable[[str], Outcome | None]:
    """Refuse, return or leave unanswered this share of all messages."""
    chance = random.Random(seed)
    bad = [Outcome.REFUSED, Outcome.RETURNED, Outcome.UNCONFIRMED]
    return lambda _: chance.choice(bad) if chance.random() < share else None


def first_heard(arrived: Sequence[tuple[str, int]]) -> dict[str, list[int]]:
    """The versions of each subject in the order in which an inbox would let them take effect."""
    heard: dict[str, list[int]] = defaultdict(list)
    for subject, version in arrived:
        if version not in heard[subject]:
            heard[subject].append(version)
    return dict(heard)


def subject_of(message: Message) -> str:
    """What a message is about."""
    return Envelope.from_json(message.body).subject
