"""Every failure has its place: wait, try again, or become a letter. Nothing is lost, none loops."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from shared import clock, dead_letters
from shared.bus import connect
from shared.bus.embedded.store import MOST_RETURNS
from shared.bus.protocol import Bus, Message
from shared.consuming import Consumer
from shared.consuming.handling import DatabaseAway
from shared.consuming.heard import Heard, Raw
from shared.consuming.retrying import MOST_KILLS, MOST_TRIES
from shared.consuming.upkeep import purge
from shared.dead_letters import Letter
from shared.events import BadEnvelope, Envelope, Event
from shared.ids import new_id
from shared.service import Service
from shared.testing import RecordedClock, recorded_clock
from shared.work import Work
from tests.shared.conftest import Bumped, InboxRow, ParkedRow, Settings, count_of, count_up
from tests.shared.test_consumer import bumped


@pytest.fixture
def consumer(service: Service) -> Iterator[Consumer]:
    bus = connect(f"embedded:{service.settings.var}/unused.db", client="tests")
    yield Consumer(service, bus)
    bus.close()


def letters(service: Service) -> list[Letter]:
    with service.transactions.read() as work:
        return dead_letters.find(work, ParkedRow)


def waiting(service: Service) -> list[Letter]:
    with service.transactions.read() as work:
        return dead_letters.find_waiting(work, ParkedRow)


def redrive(service: Service) -> int:
    with service.transactions.begin() as work:
        return dead_letters.redrive(work, ParkedRow, by="ann")


def altered(body: bytes, **values: object) -> bytes:
    return json.dumps(json.loads(body) | values).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe\x00",
        b"[1]",
        b"[" * 200_000,
        altered(bumped(1), specversion="2.0"),
        altered(bumped(1), id="x" * 300),
        altered(bumped(1), subject="a\x00b"),
        altered(bumped(1), subject="s" * 1000),
        altered(bumped(1), source="\ud800"),
        altered(bumped(1), aggregateversion=2**70),
        altered(bumped(1), time="yesterday"),
    ],
)
def test_whatever_comes_is_either_an_event_or_a_dead_letter_and_holds_nobody_up(
    service: Service, consumer: Consumer, body: bytes
) -> None:
    consumer.handle(body)
    consumer.handle(body)  # it came again before it was acknowledged
    consumer.handle(bumped(3))

    assert count_of(service, "sheep") == 3
    assert [letter.attempts for letter in letters(service)] == [1]


def test_a_later_version_of_what_we_handle_is_kept_for_the_release_that_reads_it(
    service: Service, consumer: Consumer
) -> None:
    consumer.handle(altered(bumped(1), type="elsewhere.thing.bumped.v2"))

    (letter,) = letters(service)
    assert (letter.type, letter.aggregate) == ("elsewhere.thing.bumped.v2", "/elsewhere/sheep")


def test_a_letter_tells_what_went_wrong_and_where(service: Service, consumer: Consumer) -> None:
    consumer.handle(bumped(-1))

    (parked,) = waiting(service)
    assert parked.error.startswith("RuntimeError: poison")
    assert "count_what_was_bumped" in parked.error
    assert (parked.attempts, parked.failed_at) == (1, parked.parked_at)


class Mended(Event, type="elsewhere.thing.mended.v1", key="name"):
    """Something that our handler cannot do until we mend it."""

    name: str


def test_a_redriven_letter_takes_effect_once_even_if_it_arrives_again_meanwhile(
    service: Service, consumer: Consumer
) -> None:
    broken = True
    body = altered(bumped(1), type=Mended.TYPE)

    @service.handlers.on(Mended)
    def mend(work: Work, event: Mended) -> None:
        if broken:
            raise RuntimeError("not yet")
        count_up(work, "mended", 1)

    with recorded_clock() as time:
        consumer.handle(body)
        _try_again_for_long(consumer, time)
        assert len(letters(service)) == 1
        broken = False

        assert redrive(service) == 1
        consumer.handle(body)
        consumer.retry_parked()
        consumer.handle(body)
        consumer.retry_parked()

    assert count_of(service, "mended") == 1
    assert (letters(service), waiting(service)) == ([], [])
    with service.transactions.read() as work:
        (row,) = work.session.scalars(select(ParkedRow)).all()
    assert (row.settled_how, row.settled_by) == ("applied", "ann")


def test_a_redriven_letter_that_fails_again_is_a_dead_letter_again(
    service: Service, consumer: Consumer
) -> None:
    body = altered(bumped(1), data={"by": "many"})
    consumer.handle(body)

    redrive(service)
    consumer.retry_parked()

    assert len(letters(service)) == 1


def test_a_dead_letter_stops_neither_its_neighbours_nor_its_successors(
    service: Service, consumer: Consumer
) -> None:
    consumer.handle(altered(bumped(1), data={"by": "many"}))

    consumer.handle(bumped(2))

    assert count_of(service, "sheep") == 2


def test_a_handler_that_ends_the_process_is_tried_three_times_and_not_once_more(
    service: Service, consumer: Consumer
) -> None:
    with recorded_clock() as time:
        consumer._handling.set_aside(Heard.read(Raw(bumped(1))), "came back twice")
        for _ in range(MOST_KILLS):
            _begin_and_die(consumer)
            time.forward(minutes=1)

        consumer.retry_parked()

    (letter,) = letters(service)
    assert f"ended our process {MOST_KILLS} times" in letter.error
    assert count_of(service, "sheep") == 0


def test_an_event_that_only_came_back_often_takes_effect_all_the_same(
    service: Service, consumer: Consumer
) -> None:
    consumer._handling.set_aside(Heard.read(Raw(bumped(4))), "came back often")

    consumer.retry_parked()

    assert count_of(service, "sheep") == 4
    assert waiting(service) == []


def test_while_our_database_is_away_nothing_is_counted_against_any_event(
    service: Service, consumer: Consumer
) -> None:
    consumer.handle(bumped(-1))
    before = waiting(service)
    _rename(service, "inbox", "inbox_away")
    _rename(service, "parked_events", "parked_away")

    with pytest.raises(DatabaseAway):
        consumer.handle(bumped(5, name="goats"))
    _rename(service, "inbox_away", "inbox")
    _rename(service, "parked_away", "parked_events")

    assert waiting(service) == before
    consumer.handle(bumped(5, name="goats"))
    assert count_of(service, "goats") == 5


def test_what_was_heard_is_forgotten_in_small_batches_and_what_we_listen_to_is_not(
    service: Service, consumer: Consumer
) -> None:
    for _ in range(5):
        consumer.handle(bumped(1))
    with service.transactions.begin() as work:
        now = clock.now()
        work.session.add(InboxRow(event_id="subscribed:x.y.z.v1", type="x", received_at=now))
        work.session.flush()
        work.session.execute(update(InboxRow).values(received_at=now - timedelta(days=15)))

    assert [purge(service, batch=2) for _ in range(4)] == [2, 2, 1, 0]
    with service.transactions.read() as work:
        assert work.session.scalars(select(InboxRow.event_id)).all() == ["subscribed:x.y.z.v1"]


def test_an_inbox_that_forgets_before_a_replay_can_end_is_refused() -> None:
    with pytest.raises(ValueError, match="INBOX_KEEP_DAYS"):
        Settings(outbox_keep_days=14, inbox_keep_days=14, _env_file=None)


def test_what_the_bus_put_aside_becomes_a_letter_with_all_it_carries(service: Service) -> None:
    bus = connect(f"embedded:{service.settings.var}/{new_id()}.db", client="tests")
    consumer = Consumer(service, bus)
    body = bumped(1)
    bus.subscribe(service.name, [Bumped.TYPE]).close()
    bus.publisher().publish([Message("m", Bumped.TYPE, body)])
    for _ in range(MOST_RETURNS + 1):
        _take_and_go(bus, service.name)

    assert consumer.collect_dead() == 1
    assert consumer.collect_dead() == 0

    (letter,) = letters(service)
    assert (letter.event_id, letter.body) == (Envelope.from_json(body).id, body.decode())
    redrive(service)
    consumer.retry_parked()
    assert count_of(service, "sheep") == 1
    bus.close()


def _take_and_go(bus: Bus, queue: str) -> None:
    subscription = bus.subscribe(queue, [])
    subscription.receive(2.0)
    subscription.close()


def _begin_and_die(consumer: Consumer) -> None:
    """What is left when a handler ends the process: a try that has begun."""
    retrying = consumer._retrying
    with retrying._service.transactions.read() as work:
        (due,) = retrying._parking.due(work)
    assert retrying._begin(due)


def _rename(service: Service, table: str, name: str) -> None:
    with service.transactions.begin() as work:
        work.session.execute(text(f"ALTER TABLE {table} RENAME TO {name}"))


def _try_again_for_long(consumer: Consumer, time: RecordedClock) -> None:
    for _ in range(MOST_TRIES + 2):
        time.forward(minutes=10)
        consumer.retry_parked()


def test_an_event_that_came_under_another_type_is_refused_and_stays_so(
    consumer: Consumer, service: Service
) -> None:
    forged = Raw(bumped(1), type="quintet.replay.requested.v1")

    with pytest.raises(BadEnvelope, match="came as 'quintet.replay.requested.v1'"):
        Heard.read(forged)
    kept = Raw.kept(*forged.as_text())

    assert kept.type == forged.type
    with pytest.raises(BadEnvelope):
        Heard.read(kept)


def test_what_we_note_beside_an_event_nobody_else_can_say() -> None:
    raw = Raw(b"plain", headers={"body-encoding": "base64", "routed-as": "a.b.c.v1", "x": "y"})

    kept = Raw.kept(*raw.as_text())

    assert (kept.body, kept.type, kept.headers) == (b"plain", "", {"x": "y"})


def test_unreadable_messages_with_an_unkeepable_id_are_kept_each(
    consumer: Consumer, service: Service
) -> None:
    for body in (b"{not", b"{json", b"{not"):
        consumer._handling.bury(Raw(body, "same\x00id"), BadEnvelope("no \x00 event \ud800"))

    assert sorted(letter.body for letter in letters(service)) == ["{json", "{not"]
