"""The relay sends everything that was said, in order per aggregate, and never loses a row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import select

from shared.bus.protocol import Bus, Message, Outcome, Subscription
from shared.lease import Lease
from shared.relay import Relay, Waiting, waves
from shared.replay import ReplayRequested, send_again
from shared.service import Service
from tests.shared.conftest import Counted, OutboxRow, count_up


class WaywardBus:
    """A transport of our own that does what it is told, and remembers what it was sent."""

    def __init__(self, *answers: Outcome) -> None:
        self.answers = list(answers)
        self.sent: list[Message] = []

    def publisher(self) -> WaywardBus:
        return self

    def publish(self, messages: Sequence[Message], *, timeout: float = 10.0) -> list[Outcome]:
        self.sent += messages
        return [self.answers.pop(0) if self.answers else Outcome.CONFIRMED for _ in messages]

    def subscribe(self, queue: str, types: Sequence[str], *, prefetch: int = 16) -> Subscription:
        raise AssertionError("a relay does not listen")

    def listen(self, types: Sequence[str], *, name: str) -> Subscription:
        raise AssertionError("a relay does not listen")

    def healthy(self) -> bool:
        return True

    def close(self) -> None:
        return None


class BusWithALateListener(WaywardBus):
    """Somebody begins to listen just after the first events have gone out, and asks for them."""

    def __init__(self, service: Service) -> None:
        super().__init__()
        self._service = service

    def publish(self, messages: Sequence[Message], *, timeout: float = 10.0) -> list[Outcome]:
        first = not self.sent
        outcomes = super().publish(messages, timeout=timeout)
        if first:
            ask_again(self._service)
        return outcomes


def ask_again(service: Service) -> int:
    with service.transactions.begin() as work:
        request = ReplayRequested(service="late", types=[Counted.TYPE])
        return send_again(work, OutboxRow, request)


def say(service: Service, *names: str) -> None:
    for name in names:
        with service.transactions.begin() as work:
            count_up(work, name, 1)


def waiting(service: Service) -> int:
    with service.transactions.read() as work:
        rows = work.session.scalars(select(OutboxRow).where(OutboxRow.published_at.is_(None)))
        return len(list(rows))


def relay_over(service: Service, bus: Bus) -> Relay:
    return Relay(service, bus)


def test_all_that_waits_is_sent_and_marked(service: Service) -> None:
    bus = WaywardBus()
    say(service, "a", "b", "a")

    sent = relay_over(service, bus).send_waiting()

    assert sent == 3
    assert waiting(service) == 0
    assert len({message.id for message in bus.sent}) == 3


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.UNKNOWN, Outcome.UNROUTABLE])
def test_what_is_not_confirmed_is_sent_again_with_the_same_id(
    service: Service, outcome: Outcome
) -> None:
    bus = WaywardBus(outcome)
    say(service, "a")
    relay = relay_over(service, bus)

    first = relay.send_waiting()
    second = relay.send_waiting()

    assert (first, second) == (None, 1)
    assert bus.sent[0].id == bus.sent[1].id
    assert waiting(service) == 0


def test_an_event_that_was_refused_holds_back_the_later_ones_of_its_aggregate(
    service: Service,
) -> None:
    bus = WaywardBus(Outcome.REFUSED)
    say(service, "a", "a")

    relay_over(service, bus).send_waiting()

    assert len(bus.sent) == 1
    assert waiting(service) == 2


def test_no_wave_holds_two_events_of_one_aggregate() -> None:
    rows = [Waiting(seq, str(seq), "t", aggregate, "{}") for seq, aggregate in enumerate("abacab")]

    split = [[row.seq for row in wave] for wave in waves(rows)]

    assert split == [[0, 1, 3], [2, 5], [4]]


def test_only_one_of_two_relays_holds_the_lease_and_the_other_takes_over(service: Service) -> None:
    first, second = Lease(service.database, "relay"), Lease(service.database, "relay")

    assert first.held()
    assert not second.held()
    first.release()

    assert second.held()
    second.release()


def test_a_sent_event_is_kept_for_replay_and_forgotten_after_the_horizon(
    service: Service, tmp_path: Path
) -> None:
    from shared.testing import recorded_clock

    with recorded_clock() as time:
        say(service, "a")
        relay = relay_over(service, WaywardBus())
        relay.send_waiting()
        kept = relay.purge()
        time.forward(days=8)

        forgotten = relay.purge()

    assert (kept, forgotten) == (0, 1)


def test_what_was_sent_is_sent_again_with_the_same_id_when_a_new_listener_asks(
    service: Service,
) -> None:
    bus = WaywardBus()
    relay = relay_over(service, bus)
    say(service, "a", "b")
    relay.send_waiting()

    asked_for = ask_again(service)
    relay.send_waiting()

    ids = [message.id for message in bus.sent]
    assert asked_for == 2
    assert ids[:2] == ids[2:]
    assert waiting(service) == 0


def test_what_is_asked_for_while_it_is_being_sent_is_sent_again(service: Service) -> None:
    bus = BusWithALateListener(service)
    relay = relay_over(service, bus)
    say(service, "a")

    relay.send_waiting()
    relay.send_waiting()

    ids = [message.id for message in bus.sent]
    assert len(ids) == 2
    assert len(set(ids)) == 1
    assert waiting(service) == 0
