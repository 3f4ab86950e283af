"""The past is told once more with the same ids, behind all that is live, at a bounded pace."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import select

from shared import outbox_upkeep, replay, replay_requests
from shared.relay import Relay
from shared.relaying.pace import Pace
from shared.service import Service
from shared.testing import Databases, recorded_clock, sent_by, tell
from tests.shared.conftest import Counted, OutboxRow
from tests.shared.outgoing import never, rows, running, say, until, waiting, write_without_a_ring
from tests.shared.wayward import PickyBus, first_heard, subject_of


def again(service: Service, **what: object) -> int:
    with service.transactions.begin() as work:
        return replay.send_again(work, OutboxRow, types=[Counted.TYPE], **what)  # type: ignore[arg-type]


def test_only_what_was_asked_for_is_sent_again(service: Service) -> None:
    bus = PickyBus()
    relay = Relay(service, bus)
    with recorded_clock() as now:
        say(service, "old", "other")
        now.forward(hours=2)
        say(service, "old", "other")
        relay.send_waiting()
        asked = again(service, aggregates=["/tally/old"], since=now.at)
        none = 0
        with service.transactions.begin() as work:
            none = replay.send_again(work, OutboxRow, types=["no.such.thing.v1"])

        relay.send_waiting()

    assert (asked, none) == (1, 0)
    assert bus.arrived[4:] == [("old", 2)]
    assert [row.round for row in rows(service)["old"]] == [0, 1]
    assert waiting(service) == 0


def test_each_asking_counts_a_round(service: Service) -> None:
    relay = Relay(service, PickyBus())
    say(service, "a")
    relay.send_waiting()
    for _ in range(3):
        again(service)
        relay.send_waiting()

    [row] = rows(service)["a"]
    assert (row.round, row.published_at is not None) == (3, True)


def test_what_is_live_goes_before_what_was_asked_for_again(service: Service) -> None:
    bus = PickyBus()
    relay = Relay(service, bus)
    say(service, *[f"old {number}" for number in range(120)])
    relay.send_waiting()
    again(service)
    say(service, *[f"new {number}" for number in range(120)])
    bus.sent.clear()

    relay.send_waiting()

    first_wave = [subject_of(message) for message in bus.sent[:170]]
    assert all(name.startswith("new") for name in first_wave[:120])
    assert len(bus.sent) == 240


def test_a_live_event_does_not_wait_until_the_past_is_told(databases: Databases) -> None:
    bus = PickyBus()
    with databases.service(replay_per_second=100) as service:
        write_without_a_ring(service, "chain", 3000)
        Relay(service, bus).send_waiting()
        again(service)
        with running(service, bus):
            until(lambda: len(bus.arrived) > 3010)
            say(service, "live")

            assert bus.wait_for("live")
            assert len(bus.arrived) < 6000


def test_the_past_is_told_at_a_bounded_pace(databases: Databases) -> None:
    bus = PickyBus()
    with databases.service(replay_per_second=50) as service:
        say(service, *[f"old {number}" for number in range(40)])
        Relay(service, bus).send_waiting()
        again(service)

        relay = Relay(service, bus)
        began = time.monotonic()
        relay.send_waiting()
        at_once, took = len(bus.arrived) - 40, time.monotonic() - began
        with running(service, bus):
            until(lambda: waiting(service) == 0)

    assert at_once <= 11 + 50 * took
    assert time.monotonic() - began > 0.4


def test_a_pace_allows_a_fifth_of_a_second_at_once() -> None:
    now = 7.0
    pace = Pace(1000, now=lambda: now)

    first = pace.allowed(500)
    pace.spend(first)
    second, wait = pace.allowed(500), pace.until_some()
    now += 0.03

    assert (first, second, wait) == (200, 0, 0.05)
    assert pace.allowed(500) == 30


def test_what_was_never_sent_stays_live_when_it_is_asked_for(service: Service) -> None:
    say(service, "a", "a")

    asked = again(service)

    assert asked == 2
    assert [(row.round, row.attempts) for row in rows(service)["a"]] == [(0, 1), (0, 1)]


def test_a_replay_leaves_alone_what_is_stuck_and_what_was_given_up(databases: Databases) -> None:
    bus = PickyBus(never)
    with databases.service(outbox_most_tries=1) as service:
        say(service, "bad", "good")
        Relay(service, bus).send_waiting()
        while_stuck = again(service)
        with service.transactions.begin() as work:
            [stuck] = outbox_upkeep.stuck_rows(work, OutboxRow)
            outbox_upkeep.give_up(work, OutboxRow, seqs=[stuck.seq], by="Ada")

        given_up = again(service)

    assert (while_stuck, given_up) == (1, 1)


def test_old_news_that_is_refused_does_not_hold_back_what_is_live(service: Service) -> None:
    bus = PickyBus()
    relay = Relay(service, bus)
    say(service, "bad")
    relay.send_waiting()
    again(service)
    bus.refuses = never
    relay.send_waiting()
    bus.refuses = lambda _: None

    say(service, "bad")
    relay.send_waiting()

    assert first_heard(bus.arrived) == {"bad": [1, 2]}


def test_a_long_past_is_marked_stretch_by_stretch(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "STRETCH", 2)
    bus = PickyBus()
    say(service, "a", "b", "c", "d")
    Relay(service, bus).send_waiting()

    tell(service, replay_requests.ReplayRequested(service="late", types=[Counted.TYPE]))
    after_one = waiting(service)
    more = replay_requests.ReplayRequested.model_validate(sent_by(service)[-1].data)
    tell(service, more, source="/tally")
    tell(service, more.model_copy(update={"part": "elsewhere", "after": 0}))

    assert after_one == 3
    assert more.part == "tally"
    assert [row.round for each in rows(service).values() for row in each][:4] == [1, 1, 1, 1]


def test_a_service_asks_for_the_past_by_an_event(service: Service) -> None:
    with service.transactions.begin() as work:
        replay.ask_again(work, "tally", ["elsewhere.thing.bumped.v1"])
        replay.ask_for_snapshot(work, "tally", ["elsewhere.thing.bumped.v1"])

    said = [(each.type, each.data["types"]) for each in sent_by(service)]
    assert said == [(type_, ["elsewhere.thing.bumped.v1"]) for type_ in replay_requests.TYPES]


def test_what_is_said_later_waits_in_the_lane_of_the_past(service: Service) -> None:
    with service.transactions.begin() as work:
        work.publish(Counted(name="a", count=1, version=1), later=True)

    with service.transactions.read() as work:
        [row] = work.session.scalars(select(OutboxRow))
        assert row.round == 1
    assert Relay(service, PickyBus()).send_waiting() == 1
