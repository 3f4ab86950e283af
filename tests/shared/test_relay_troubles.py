"""What the bus refuses holds back its own aggregate, and nothing else."""

from __future__ import annotations

from itertools import pairwise

import pytest

from shared import outbox_upkeep
from shared.bus.protocol import Outcome
from shared.metrics import PUBLISHED
from shared.relay import Relay
from shared.service import Service
from shared.testing import Databases, recorded_clock
from tests.shared.conftest import OutboxRow
from tests.shared.outgoing import never, rows, running, say, waiting
from tests.shared.wayward import PickyBus, first_heard


def test_a_refused_event_holds_back_only_its_own_aggregate(service: Service) -> None:
    bus = PickyBus(never)
    say(service, "bad", "good", "bad", "good", "other")

    sent = Relay(service, bus).send_waiting()

    first, second = rows(service)["bad"]
    assert sent == 3
    assert first_heard(bus.arrived) == {"good": [1, 2], "other": [1]}
    assert (first.attempts, first.available_at is not None) == (1, True)
    assert first.error == "the bus said refused, 1 times"
    assert (second.attempts, second.available_at) == (0, None)


def test_neighbours_of_a_refused_event_go_out_all_the_same(service: Service) -> None:
    bus = PickyBus(never)
    with running(service, bus):
        say(service, *["bad"] * 50)
        for number in range(10):
            say(service, f"neighbour {number}", "bad")
            assert bus.wait_for(f"neighbour {number}")


def test_a_refused_event_is_tried_again_ever_later_and_its_followers_wait(service: Service) -> None:
    bus = PickyBus(never)
    tries: list[int] = []
    with recorded_clock() as now:
        say(service, "bad", "bad")
        relay = Relay(service, bus)
        for second in range(40):
            before = len(bus.sent)
            relay.send_waiting()
            if len(bus.sent) > before:
                tries.append(second)
            now.forward(seconds=1)

        bus.refuses = lambda _: None
        now.forward(seconds=60)
        relay.send_waiting()

    waits = [later - earlier for earlier, later in pairwise(tries)]
    assert len(tries) == 7
    assert waits == sorted(waits)
    assert len({message.id for message in bus.sent[:-1]}) == 1
    assert first_heard(bus.arrived) == {"bad": [1, 2]}


def test_an_event_that_is_refused_too_often_is_stuck_and_its_aggregate_with_it(
    databases: Databases, caplog: pytest.LogCaptureFixture
) -> None:
    bus = PickyBus(never)
    with databases.service(outbox_most_tries=2) as service, recorded_clock() as now:
        say(service, "bad", "bad", "good")
        relay = Relay(service, bus)
        for _ in range(5):
            relay.send_waiting()
            now.forward(minutes=10)

        with service.transactions.read() as work:
            stuck = outbox_upkeep.stuck_rows(work, OutboxRow)
        assert [(each.aggregate, each.attempts) for each in stuck] == [("/tally/bad", 2)]
        assert stuck[0].error == "the bus said refused, 2 times"
        assert len(bus.sent) == 3
        assert waiting(service) == 2
    assert [each.levelname for each in caplog.records if "is stuck" in each.getMessage()] == [
        "ERROR"
    ]


def test_a_stuck_event_that_is_tried_again_goes_first_and_then_those_behind_it(
    databases: Databases,
) -> None:
    bus = PickyBus(never)
    with databases.service(outbox_most_tries=1) as service:
        say(service, "bad", "bad", "bad")
        relay = Relay(service, bus)
        relay.send_waiting()
        bus.refuses = lambda _: None
        relay.send_waiting()
        still = waiting(service)
        with service.transactions.begin() as work:
            tried = outbox_upkeep.try_again(work, OutboxRow)

        relay.send_waiting()

        assert (still, tried, waiting(service)) == (3, 1, 0)
        assert first_heard(bus.arrived) == {"bad": [1, 2, 3]}


def test_a_stuck_event_that_is_given_up_is_never_sent_and_lets_the_others_pass(
    databases: Databases,
) -> None:
    bus = PickyBus(never)
    with databases.service(outbox_most_tries=1) as service:
        say(service, "bad", "bad")
        relay = Relay(service, bus)
        relay.send_waiting()
        bus.refuses = lambda _: None
        with service.transactions.begin() as work:
            [stuck] = outbox_upkeep.stuck_rows(work, OutboxRow)
            given_up = outbox_upkeep.give_up(work, OutboxRow, seqs=[stuck.seq], by="Ada")

        relay.send_waiting()

        assert given_up == 1
        assert first_heard(bus.arrived) == {"bad": [2]}
        assert rows(service)["bad"][0].error.startswith("given up by Ada: the bus said refused")


def test_silence_alone_never_makes_an_event_stuck(databases: Databases) -> None:
    bus = PickyBus(lambda subject: Outcome.UNCONFIRMED if subject == "bad" else None)
    with databases.service(outbox_most_tries=2) as service, recorded_clock() as now:
        for _ in range(5):
            say(service, "good")
            say(service, "bad")
            Relay(service, bus).send_waiting()
            now.forward(minutes=10)

        assert rows(service)["bad"][0].stuck_at is None
        assert rows(service)["bad"][0].attempts == 5


def test_outcomes_are_counted(service: Service) -> None:
    def so_far(outcome: str) -> float:
        return PUBLISHED.labels(outcome)._value.get()  # type: ignore[no-any-return]

    before = {name: so_far(name) for name in ("confirmed", "refused")}
    say(service, "bad", "good", "other")

    Relay(service, PickyBus(never)).send_waiting()

    assert so_far("confirmed") - before["confirmed"] == 2
    assert so_far("refused") - before["refused"] == 1


def test_nothing_that_waits_is_purged_however_old(service: Service) -> None:
    with recorded_clock() as now:
        say(service, "a", "b")
        Relay(
            service, PickyBus(lambda name: Outcome.REFUSED if name == "a" else None)
        ).send_waiting()
        now.forward(days=365)
        with service.transactions.begin() as work:
            first = outbox_upkeep.purge(work, OutboxRow, keep_days=7, batch=1)
            second = outbox_upkeep.purge(work, OutboxRow, keep_days=7, batch=1)

    assert (first, second) == (1, 0)
    assert list(rows(service)) == ["a"]
