"""`bus dead`: an operator finds what was given up, and decides about it on the record."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared import clock
from shared.bus import connect
from shared.consuming import Consumer
from shared.context import opened
from shared.events import Envelope
from shared.ids import new_id
from shared.service import Service
from tests.shared.commanding.conftest import Shell
from tests.shared.conftest import Bumped, ParkedRow, count_of

EVIL = '\x1b[31mred\x1b]0;title\x07 {"a": "\u202e"}'


def a_letter(service: Service, **more: object) -> int:
    """An event that was given up; what it says can be handled by now."""
    now = clock.now()
    event = Envelope.around(
        Bumped(name="sheep", by=2),
        id=str(new_id()), source="/elsewhere", time=now, by=opened(None, None),
    )  # fmt: skip
    row = ParkedRow(
        event_id=event.id, type=event.type, aggregate=event.aggregate, attempts=10,
        body=event.to_json().decode(), headers='{"x-from": "afar"}', error="KeyError: 'sheep'",
        correlation=event.correlation,
        parked_at=now - timedelta(hours=3), next_try_at=now, failed_at=now, dead_at=now,
    )  # fmt: skip
    for name, value in more.items():
        setattr(row, name, value)
    with service.transactions.begin() as work:
        work.session.add(row)
        work.session.flush()
        return row.seq


def state_of(service: Service, seq: int) -> tuple[bool, str, str]:
    with service.transactions.read() as work:
        row = work.session.get_one(ParkedRow, seq)
        return row.dead_at is not None, row.settled_how, row.settled_by


def handled_now(service: Service) -> None:
    """Let the worker's turn come."""
    bus = connect(service.settings.bus_url, client="tests")
    Consumer(service, bus).retry_parked()
    bus.close()


def test_the_list_says_what_when_and_what_next(run: Shell, service: Service) -> None:
    empty = run("dead", "list")
    seq = a_letter(service)

    full = run("dead", "list")

    assert "No dead letters" in empty.stdout
    assert full.exit_code == 0
    assert f"{seq}  " in full.stdout
    assert "elsewhere.thing.bumped.v1" in full.stdout
    assert "KeyError: 'sheep'" in full.stdout
    assert "bus dead redrive" in full.stdout
    assert "\x1b" not in full.stdout
    assert [each["seq"] for each in run.json("dead", "list")] == [seq]
    assert run.json("dead", "list", "--type", "another.thing.done.v1") == []


def test_one_is_shown_in_full_and_harmless(run: Shell, service: Service) -> None:
    seq = a_letter(service, body=EVIL, error=EVIL, type=EVIL[:100])

    shown, listed = run("dead", "show", str(seq)), run("dead", "list")

    for said in (shown.stdout, listed.stdout):
        assert "red" in said
        assert not set(said) & {"\x1b", "\x07", "\u202e"}
    assert run.json("dead", "show", str(seq))["headers"] == {"x-from": "afar"}


def test_an_unknown_number_is_refused_with_where_to_look(run: Shell, service: Service) -> None:
    seq = a_letter(service)

    answers = [
        run("dead", "show", "999"),
        run("dead", "redrive", str(seq), "999", "--yes"),
        run("dead", "drop", "999", "--yes"),
    ]

    assert [each.exit_code for each in answers] == [1, 1, 1]
    assert all("999" in each.stderr and "dead list" in each.stderr for each in answers)
    assert state_of(service, seq) == (True, "", "")


def test_a_redriven_letter_takes_effect_once_and_says_who_wanted_it(
    run: Shell, service: Service
) -> None:
    seq = a_letter(service)

    done = run("dead", "redrive", str(seq), "--yes", "--by", "ops@quintet.example")
    handled_now(service)
    again = run("dead", "redrive", str(seq), "--yes")
    handled_now(service)

    assert done.exit_code == 0
    assert "1 dead letter will be handled once more" in done.stdout
    assert again.exit_code == 1
    assert count_of(service, "sheep") == 2


@pytest.mark.parametrize("which", [["--all"], ["--type", "elsewhere.thing.bumped.v1"]])
@pytest.mark.parametrize("verb", ["redrive", "drop"])
def test_many_are_settled_at_once(
    run: Shell, service: Service, which: list[str], verb: str
) -> None:
    seqs = [a_letter(service) for _ in range(3)]

    done = run("dead", verb, *which, "--yes", "--by", "me")

    assert done.exit_code == 0
    assert "3 dead letters" in done.stdout
    dead, how = (False, "redriven") if verb == "redrive" else (True, "dropped")
    assert {state_of(service, seq) for seq in seqs} == {(dead, how, "me")}


@pytest.mark.parametrize("verb", ["redrive", "drop"])
def test_nothing_is_settled_unless_somebody_said_yes_and_which(
    run: Shell, service: Service, verb: str
) -> None:
    seq = a_letter(service)

    unsure, vague = run("dead", verb, str(seq)), run("dead", verb, "--yes")

    assert (unsure.exit_code, vague.exit_code) == (2, 2)
    assert "--yes" in unsure.stderr
    assert "--all" in vague.stderr
    assert state_of(service, seq) == (True, "", "")


def test_what_the_inbox_may_have_forgotten_needs_a_word_more(run: Shell, service: Service) -> None:
    seq = a_letter(service, parked_at=clock.now() - timedelta(days=40))

    refused = run("dead", "redrive", str(seq), "--yes")
    insisted = run("dead", "redrive", str(seq), "--yes", "--however-old")

    assert (refused.exit_code, insisted.exit_code) == (1, 0)
    assert "--however-old" in refused.stderr
