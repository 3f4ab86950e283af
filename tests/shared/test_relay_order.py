"""Each aggregate's events go in order, whatever happens, and no crowd starves the others."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy import update

from shared import clock, outbox_upkeep
from shared.bus.protocol import Outcome
from shared.relay import Relay
from shared.relaying.desk import Desk
from shared.relaying.lane import Lane
from shared.relaying.rows import Rows
from shared.relaying.window import MOST, MOST_OF_ONE
from shared.service import Service
from shared.testing import recorded_clock
from tests.shared.conftest import OutboxRow
from tests.shared.outgoing import never, rows, running, say, until, waiting, write_without_a_ring
from tests.shared.wayward import PickyBus, WaywardBus, first_heard, refusing_by_chance


@pytest.mark.parametrize("seed", range(4))
def test_order_per_aggregate_holds_whatever_is_refused(service: Service, seed: int) -> None:
    bus = PickyBus(refusing_by_chance(seed, share=0.3))
    with recorded_clock() as now:
        relay = Relay(service, bus)
        for step in range(30):
            say(service, f"thing {step % 3}", f"thing {step % 5}", "busy")
            relay.send_waiting()
            now.forward(seconds=step % 4)
        while waiting(service):
            now.forward(minutes=6)
            with service.transactions.begin() as work:
                outbox_upkeep.try_again(work, OutboxRow)
            relay.send_waiting()

    said = {name: [row.version for row in each] for name, each in rows(service).items()}
    assert first_heard(bus.arrived) == said


def test_two_relays_at_once_keep_the_order_of_each_aggregate(service: Service) -> None:
    """Neither knows of the other, as after a lease that was lost in the middle of a batch."""
    bus = PickyBus(refusing_by_chance(7, share=0.1))
    names = [f"thing {number}" for number in range(6)]
    for _ in range(20):
        say(service, *names)

    def relay_until_done() -> None:
        relay = Relay(service, bus)
        deadline = time.monotonic() + 30
        while waiting(service) and time.monotonic() < deadline:
            relay.send_waiting()
            with service.transactions.begin() as work:
                outbox_upkeep.try_again(work, OutboxRow)

    relays = [threading.Thread(target=relay_until_done) for _ in range(2)]
    for each in relays:
        each.start()
    for each in relays:
        each.join()

    assert first_heard(bus.arrived) == {name: list(range(1, 21)) for name in names}


def test_a_relay_that_lost_its_lease_changes_nothing_with_a_late_mark(service: Service) -> None:
    winner = Relay(service, WaywardBus())
    say(service, "a")

    class BusDuringATakeover(WaywardBus):
        def answer(self, message: object) -> Outcome:
            winner.send_waiting()
            return Outcome.REFUSED  # the loser's channel was the one that broke

    Relay(service, BusDuringATakeover()).send_waiting()

    [row] = rows(service)["a"]
    assert (row.published_at is not None, row.attempts, row.error) == (True, 0, "")


def test_only_one_of_two_running_relays_sends(service: Service) -> None:
    bus = WaywardBus()
    with running(service, bus) as first, running(service, bus) as second:
        assert first.caught_up.wait(30)
        assert second.caught_up.wait(30)
        say(service, "a", "b", "c")
        until(lambda: waiting(service) == 0)

    assert len(bus.sent) == 3


def test_the_poll_alone_is_enough(service: Service) -> None:
    bus = PickyBus()
    with running(service, bus, look_anyway=0.05) as relay:
        assert relay.caught_up.wait(30)
        write_without_a_ring(service, "quiet", 1)

        assert bus.wait_for("quiet")


def test_a_held_back_crowd_does_not_starve_the_others(service: Service) -> None:
    bus = PickyBus(never)
    write_without_a_ring(service, "bad", 5000)
    write_without_a_ring(service, "good", 3)

    sent = Relay(service, bus).send_waiting()

    assert sent == 3
    assert len(bus.sent) == 4


def test_a_long_chain_leaves_room_for_its_neighbours_and_memory(service: Service) -> None:
    bus = PickyBus()
    relay = Relay(service, bus)
    write_without_a_ring(service, "chain", MOST * 2)
    write_without_a_ring(service, "neighbour", 2)

    relay.send_waiting()

    first_of_neighbour = bus.arrived.index(("neighbour", 1))
    assert first_of_neighbour < MOST_OF_ONE
    assert first_heard(bus.arrived)["chain"] == list(range(1, MOST * 2 + 1))
    assert waiting(service) == 0


def test_a_bus_that_takes_all_or_none_gets_a_chain_at_once(service: Service) -> None:
    bus = PickyBus()
    bus.all_or_none = True  # type: ignore[attr-defined]
    write_without_a_ring(service, "chain", 100)

    Relay(service, bus).send_waiting()

    assert len(bus.waves) <= 4
    assert first_heard(bus.arrived) == {"chain": list(range(1, 101))}


def test_what_commits_late_with_an_early_number_is_sent(service: Service) -> None:
    bus = PickyBus()
    with running(service, bus, look_anyway=0.2):
        say(service, "first")
        until(lambda: waiting(service) == 0)
        with service.transactions.begin() as work:  # as if it had committed only now
            work.session.execute(
                update(OutboxRow).values(published_at=None, aggregate="/tally/late")
            )
            work.wake_relay()
        until(lambda: len(bus.sent) == 2)


def test_what_commits_late_goes_before_what_its_aggregate_said_later(service: Service) -> None:
    desk = Desk(service.database)
    lane = Lane(Rows(service, desk), before_look=lambda: None)
    say(service, "late", "neighbour")
    _pretend_sent(service, "late", sent=True)  # as if it were not committed yet
    lane.fill(news=True)
    _pretend_sent(service, "late", sent=False)
    say(service, "late")

    lane.fill(news=True)
    heads = {row.aggregate: row.seq for row in lane.window.heads(10)}
    desk.close()

    assert heads["/tally/late"] == rows(service)["late"][0].seq


def test_what_commits_late_goes_first_though_its_aggregate_is_in_hand(service: Service) -> None:
    desk = Desk(service.database)
    lane = Lane(Rows(service, desk), before_look=lambda: None)
    say(service, "late", "late", "neighbour")
    second = rows(service)["late"][1].seq
    _pretend_sent(service, "late", sent=True, seq=second)  # as if it were not committed yet
    lane.fill(news=True)
    _pretend_sent(service, "late", sent=False, seq=second)
    say(service, "late")

    lane.fill(news=True)
    late = [row.seq for row in lane.window.oldest(10) if row.aggregate == "/tally/late"]
    desk.close()

    assert late == [row.seq for row in rows(service)["late"]]


def _pretend_sent(service: Service, name: str, *, sent: bool, seq: int | None = None) -> None:
    mine = OutboxRow.seq == seq if seq else OutboxRow.aggregate == f"/tally/{name}"
    with service.transactions.begin() as work:
        at = clock.now() if sent else None
        work.session.execute(update(OutboxRow).where(mine).values(published_at=at))
