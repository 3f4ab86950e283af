"""The relay sends everything that was said, in order per aggregate, and never loses a row."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import pytest
from sqlalchemy import select, text

from shared.bus.protocol import Bus, Message, Outcome
from shared.lease import Lease
from shared.relay import Relay
from shared.replay import send_again
from shared.service import Service
from shared.testing import recorded_clock
from tests.shared.bus.wires import eventually
from tests.shared.conftest import Counted, OutboxRow, count_up
from tests.shared.wayward import WaywardBus


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


class BusThatHearsTheEnd(WaywardBus):
    """While the first events go out, a last one is said and the process is told to stop."""

    def __init__(self, service: Service, stop: threading.Event) -> None:
        super().__init__()
        self._service = service
        self._stop = stop

    def publish(self, messages: Sequence[Message], *, timeout: float = 10.0) -> list[Outcome]:
        if not self._stop.is_set():
            say(self._service, "goodbye")
            self._stop.set()
        return super().publish(messages, timeout=timeout)


def ask_again(service: Service) -> int:
    with service.transactions.begin() as work:
        return send_again(work, OutboxRow, types=[Counted.TYPE], to="late")


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


def test_what_is_said_just_before_the_end_is_sent_still(service: Service) -> None:
    stop = threading.Event()
    bus = BusThatHearsTheEnd(service, stop)
    say(service, "a")

    relay_over(service, bus).run(stop)

    assert len(bus.sent) == 2
    assert waiting(service) == 0


def test_a_relay_that_is_to_end_before_it_began_leaves_all_to_others(service: Service) -> None:
    stop, bus = threading.Event(), WaywardBus()
    say(service, "a")
    stop.set()

    relay_over(service, bus).run(stop)

    assert (bus.sent, waiting(service)) == ([], 1)


def test_all_that_waits_is_sent_and_marked(service: Service) -> None:
    bus = WaywardBus()
    say(service, "a", "b", "a")

    sent = relay_over(service, bus).send_waiting()

    assert sent == 3
    assert waiting(service) == 0
    assert len({message.id for message in bus.sent}) == 3


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.UNCONFIRMED, Outcome.RETURNED])
def test_what_is_not_confirmed_is_sent_again_with_the_same_id(
    service: Service, outcome: Outcome
) -> None:
    bus = WaywardBus(outcome)
    with recorded_clock() as time:
        say(service, "a")
        relay = relay_over(service, bus)

        relay.send_waiting()
        time.forward(seconds=1)
        second = relay.send_waiting()

    assert second == 1
    assert bus.sent[0].id == bus.sent[1].id
    assert waiting(service) == 0


def test_a_bus_that_is_away_is_no_fault_of_the_events(service: Service) -> None:
    bus = WaywardBus(Outcome.UNCONFIRMED, Outcome.UNCONFIRMED)
    say(service, "a", "b")

    answer = relay_over(service, bus).send_waiting()

    with service.transactions.read() as work:
        rows = work.session.scalars(select(OutboxRow)).all()
        untouched = [(row.attempts, row.available_at, row.error) for row in rows]
    assert answer is None
    assert untouched == [(0, None, "")] * 2


def test_what_was_confirmed_before_the_bus_went_away_is_not_sent_again(service: Service) -> None:
    bus = WaywardBus(Outcome.CONFIRMED, Outcome.UNCONFIRMED)
    say(service, "a", "a")
    relay = relay_over(service, bus)

    first, second = relay.send_waiting(), relay.send_waiting()

    assert (first, second) == (None, 1)
    assert len({message.id for message in bus.sent}) == 2
    assert bus.sent[1].id == bus.sent[2].id


def test_an_event_that_was_refused_holds_back_the_later_ones_of_its_aggregate(
    service: Service,
) -> None:
    bus = WaywardBus(Outcome.REFUSED)
    say(service, "a", "a")

    relay_over(service, bus).send_waiting()

    assert len(bus.sent) == 1
    assert waiting(service) == 2


def test_no_wave_holds_two_events_of_one_aggregate(service: Service) -> None:
    bus = WaywardBus()
    say(service, *"abacab")

    relay_over(service, bus).send_waiting()

    assert [sorted(wave) for wave in bus.waves] == [["a", "b", "c"], ["a", "b"], ["a"]]


def test_only_one_of_two_relays_holds_the_lease_and_the_other_takes_over(service: Service) -> None:
    first, second = Lease(service.database, "relay"), Lease(service.database, "relay")

    assert first.held()
    assert not second.held()
    first.release()

    assert eventually(second.held)  # PostgreSQL ends the session when it gets the word
    assert not first.held()
    first.release()
    second.release()


def test_a_relay_that_hangs_loses_its_lease(service: Service) -> None:
    if not service.database.on_postgresql:
        pytest.skip("a file's lock lasts as long as the process")
    hanging = Lease(service.database, "relay", frozen_after=1)
    other = Lease(service.database, "relay")

    had_it, taken = hanging.held(), False
    for _ in range(100):
        taken = taken or other.held()
        time.sleep(0 if taken else 0.1)
    still_has_it = hanging.held()
    other.release()
    hanging.release()

    assert (had_it, taken, still_has_it) == (True, True, False)


def test_a_lease_whose_session_was_ended_is_taken_again_at_once(service: Service) -> None:
    if not service.database.on_postgresql:
        pytest.skip("a file's lock has no session")
    lease = Lease(service.database, "relay")
    assert lease.held()
    with service.database.engine.connect() as other:
        other.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_locks"
                " WHERE locktype = 'advisory' AND database ="
                " (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
        )

    held_again = lease.held()
    lease.release()

    assert held_again


def test_a_sent_event_is_kept_for_replay_and_forgotten_after_the_horizon(
    service: Service,
) -> None:
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
