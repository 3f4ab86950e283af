"""An event takes effect once, in order, whatever happens on the way."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pytest
from sqlalchemy import select, text

from shared.bus import connect
from shared.bus.protocol import Message
from shared.consuming import MOST_TRIES, Consumer
from shared.context import opened
from shared.events import Envelope
from shared.handlers import Handlers
from shared.ids import new_id
from shared.service import Service
from shared.testing import RecordedClock, databases_of, recorded_clock, sent_by, tell
from shared.work import Work
from shared.worker import Worker
from tests.shared.conftest import (
    Bumped,
    Counted,
    OutboxRow,
    ParkedRow,
    Settings,
    Tally,
    count_of,
    count_up,
    create_service,
)


def bumped(by: int, *, name: str = "sheep") -> bytes:
    return Envelope.around(
        Bumped(name=name, by=by, version=1),
        id=str(new_id()),
        source="/elsewhere",
        time=datetime.now(UTC),
        by=opened(None, None),
    ).to_json()


@pytest.fixture
def consumer(service: Service) -> Iterator[Consumer]:
    bus = connect(f"embedded:{service.settings.var}/unused.db", client="tests")
    yield Consumer(service, bus)
    bus.close()


def parked(service: Service) -> list[ParkedRow]:
    with service.transactions.read() as work:
        return list(work.session.scalars(select(ParkedRow).order_by(ParkedRow.seq)))


def test_an_event_that_comes_five_times_counts_once(service: Service) -> None:
    id_ = tell(service, Bumped(name="sheep", by=2))

    for _ in range(4):
        tell(service, Bumped(name="sheep", by=2), id=id_)

    assert count_of(service, "sheep") == 2
    assert len(sent_by(service)) == 1


def test_what_an_event_sets_off_carries_its_trace_and_cause(
    service: Service, consumer: Consumer
) -> None:
    body = bumped(1)
    heard = Envelope.from_json(body)

    consumer.handle(body)

    said = sent_by(service)[0]
    assert said.causation == heard.id
    assert said.correlation == heard.correlation
    assert said.traceparent.split("-")[1] == heard.traceparent.split("-")[1]


def test_an_event_whose_handler_fails_is_parked_and_leaves_no_effect(
    service: Service, consumer: Consumer
) -> None:
    consumer.handle(bumped(-1))

    assert count_of(service, "sheep") == 0
    assert sent_by(service) == []
    assert [("poison" in row.error, row.dead_at) for row in parked(service)] == [(True, None)]


def test_later_events_of_a_parked_aggregate_wait_and_others_do_not(
    service: Service, consumer: Consumer
) -> None:
    consumer.handle(bumped(-1, name="sheep"))

    consumer.handle(bumped(5, name="sheep"))
    consumer.handle(bumped(7, name="goats"))

    assert (count_of(service, "sheep"), count_of(service, "goats")) == (0, 7)
    assert len(parked(service)) == 2


def test_a_poison_event_is_given_up_after_bounded_tries_and_frees_those_behind_it(
    service: Service, consumer: Consumer
) -> None:
    with recorded_clock() as time:
        consumer.handle(bumped(-1))
        consumer.handle(bumped(5))

        _try_again_for_long(consumer, time)

    assert count_of(service, "sheep") == 5
    assert [row.attempts for row in parked(service)] == [MOST_TRIES]
    assert parked(service)[0].dead_at is not None


def test_bytes_that_are_no_event_become_a_dead_letter_at_once(
    service: Service, consumer: Consumer
) -> None:
    consumer.handle(b"{not json")

    (letter,) = parked(service)
    assert letter.dead_at is not None
    assert letter.body == "{not json"


def test_an_event_that_does_not_fit_its_reader_becomes_a_dead_letter(
    service: Service, consumer: Consumer
) -> None:
    body = json.loads(bumped(1))
    body["data"] = {"by": "many"}

    consumer.handle(json.dumps(body).encode())

    assert [row.dead_at is not None for row in parked(service)] == [True]


def test_an_event_that_we_do_not_listen_to_is_passed_over(
    service: Service, consumer: Consumer
) -> None:
    body = json.loads(bumped(1)) | {"type": "elsewhere.thing.renamed.v1"}

    consumer.handle(json.dumps(body).encode())

    assert parked(service) == []


def test_a_backlog_is_handled_together_and_one_poison_event_spoils_nobody_elses(
    service: Service,
) -> None:
    bus = connect(f"embedded:{service.settings.var}/backlog.db", client="tests")
    consumer = Consumer(service, bus)
    bus.subscribe(service.name, service.handlers.types).close()
    bodies = [bumped(-1 if at == 7 else 1, name=f"n{at}") for at in range(12)]
    messages = [Message(str(at), Bumped.TYPE, body) for at, body in enumerate(bodies)]
    bus.publisher().publish(messages)
    stop = threading.Event()
    thread = threading.Thread(target=lambda: consumer.run(stop))

    thread.start()
    _wait_for(lambda: len(parked(service)) == 1 and count_of(service, "n11") == 1)
    stop.set()
    thread.join()
    bus.close()

    assert [count_of(service, f"n{at}") for at in range(12)] == [1] * 7 + [0] + [1] * 4


class ListenerSettings(Settings):
    """Another service, which listens to the tally service."""

    name: ClassVar[str] = "listener"


def test_a_new_listener_is_told_what_was_said_before_it_listened(
    service: Service, tmp_path: Path
) -> None:
    bus = f"embedded:{tmp_path}/bus.db"
    with contextlib.ExitStack() as stack:
        others = stack.enter_context(databases_of(tmp_path, ListenerSettings, create_service))
        listener = stack.enter_context(others.service())
        listener.handlers = Handlers()
        listener.handlers.on(Counted)(copy_count)
        first, second = (Worker(each, connect(bus, client="t")) for each in (service, listener))
        stack.callback(first.stop)
        stack.callback(second.stop)
        first.start()
        with service.transactions.begin() as work:
            count_up(work, "sheep", 3)
        _wait_for(lambda: not _unsent(service))

        second.start()
        _wait_for(lambda: count_of(listener, "copy of sheep") == 3)

        assert count_of(listener, "copy of sheep") == 3


def test_a_consumer_that_starts_while_its_database_is_in_trouble_hears_all_afterwards(
    service: Service, tmp_path: Path
) -> None:
    bus, stop = connect(f"embedded:{tmp_path}/bus.db", client="t"), threading.Event()
    consumer = Consumer(service, bus)
    listening = threading.Thread(target=consumer.run, args=(stop,))
    _rename(service, "inbox", "inbox_in_repair")
    listening.start()
    _wait_for(consumer.healthy)
    time.sleep(0.3)

    _rename(service, "inbox_in_repair", "inbox")
    bus.publisher().publish([Message(str(new_id()), Bumped.TYPE, bumped(3))])
    _wait_for(lambda: count_of(service, "sheep") == 3)
    stop.set()
    listening.join()
    bus.close()

    assert count_of(service, "sheep") == 3


def _rename(service: Service, table: str, name: str) -> None:
    with service.transactions.begin() as work:
        work.session.execute(text(f"ALTER TABLE {table} RENAME TO {name}"))


def _unsent(service: Service) -> bool:
    with service.transactions.read() as work:
        waiting = select(OutboxRow.seq).where(OutboxRow.published_at.is_(None))
        return work.session.scalar(waiting) is not None


def copy_count(work: Work, event: Counted) -> None:
    work.session.add(Tally(name=f"copy of {event.name}", count=event.count))


def _wait_for(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)


def _try_again_for_long(consumer: Consumer, time: RecordedClock) -> None:
    for _ in range(MOST_TRIES + 2):
        time.forward(minutes=10)
        consumer.retry_parked()
