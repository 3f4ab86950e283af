"""Two releases of a service share its queue and its tables; what one does not read, the other gets."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select, text

from shared import migrations, replay_requests
from shared.bus import connect
from shared.bus.protocol import Bus, Message
from shared.consuming import Consumer, missed
from shared.consuming.missed import Missed
from shared.context import opened
from shared.events import Envelope, Event
from shared.handlers import Handlers
from shared.ids import new_id
from shared.replay_requests import ReplayRequested
from shared.service import Service
from shared.work import Work
from tests.shared.conftest import InboxRow, OutboxRow, ParkedRow, count_of, count_up
from tests.shared.test_consumer_lanes import eventually


class Dyed(Event, type="elsewhere.thing.dyed.v1", key="name"):
    """What only the next release reads."""

    name: str


class BumpedV2(Event, type="elsewhere.thing.bumped.v2", key="name"):
    """A version that only the next release reads."""

    name: str


@pytest.fixture
def bus(service: Service) -> Iterator[Bus]:
    found = connect(f"embedded:{service.settings.var}/{new_id()}.db", client="tests")
    yield found
    found.close()


@pytest.fixture
def next_release(service: Service) -> Service:
    handlers = Handlers()
    handlers.include(service.handlers)

    @handlers.on(Dyed)
    def count_what_was_dyed(work: Work, event: Dyed) -> None:
        count_up(work, event.name, 1)

    @handlers.on(BumpedV2)
    def count_in_new_words(work: Work, event: BumpedV2) -> None:
        count_up(work, event.name, 1)

    return replace(service, handlers=handlers)


def message(event: Event) -> Message:
    id_ = str(new_id())
    by = opened(None, None)
    at = datetime.now(UTC)
    envelope = Envelope.around(event, id=id_, source="/elsewhere", time=at, by=by)
    return Message(id_, event.TYPE, envelope.to_json())


@contextmanager
def listening(service: Service, bus: Bus) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=Consumer(service, bus).run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def waiting(bus: Bus, service: Service) -> int:
    state = bus.inspect(service.name)
    return state.messages + (state.unacked or 0)


def times_asked(service: Service) -> int:
    with service.transactions.read() as work:
        asked = OutboxRow.type == ReplayRequested.TYPE
        return work.session.scalar(select(func.count()).where(asked)) or 0


def letters(service: Service) -> int:
    with service.transactions.read() as work:
        return work.session.scalar(select(func.count()).select_from(ParkedRow)) or 0


def pass_by_the_old_one(service: Service, bus: Bus, *said: Message) -> None:
    both = [*service.handlers.types, Dyed.TYPE, BumpedV2.TYPE, *replay_requests.TYPES]
    bus.subscribe(service.name, both).close()  # as the next release has bound it
    bus.publisher().publish(list(said))
    with listening(service, bus):
        assert eventually(lambda: waiting(bus, service) == 0)


@pytest.mark.parametrize("event", [Dyed(name="sheep"), BumpedV2(name="sheep")])
def test_what_the_old_release_let_pass_by_is_asked_for_and_heard_by_the_next(
    service: Service, next_release: Service, bus: Bus, event: Event
) -> None:
    said = message(event)
    Missed(next_release).ask()  # it has started beside the old one, which has the queue
    pass_by_the_old_one(service, bus, said)
    before = times_asked(service)

    with listening(next_release, bus):
        assert eventually(lambda: times_asked(service) == before + 1)
        bus.publisher().publish([said])  # as its publisher does when it is asked
        assert eventually(lambda: count_of(service, "sheep") == 1)

    assert letters(service) == 0


def test_whoever_has_missed_nothing_asks_for_nothing(
    service: Service, next_release: Service, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missed, "LOOK", 0.0)
    asking = Missed(next_release)
    asking.ask()
    before = times_asked(service)

    asking.look(received=True)
    pass_by_the_old_one(service, bus, message(Dyed(name="sheep")))
    asking.look(received=True)
    asking.look(received=True)

    assert times_asked(service) == before + 1


def test_a_later_version_that_no_release_of_ours_asked_for_is_a_letter(
    service: Service, bus: Bus
) -> None:
    pass_by_the_old_one(service, bus, message(BumpedV2(name="sheep")))

    assert letters(service) == 1


def test_an_event_that_passes_by_is_not_noted_as_heard(
    service: Service, next_release: Service, bus: Bus
) -> None:
    said = message(Dyed(name="sheep"))
    Missed(next_release).ask()

    pass_by_the_old_one(service, bus, said)

    with service.transactions.read() as work:
        assert work.session.get(InboxRow, said.id) is None


@pytest.fixture
def ahead(service: Service) -> Iterator[Service]:
    """The next release has migrated the database."""
    newest = migrations.newest(service.migrations)
    number = text("UPDATE alembic_version SET version_num = :to")
    with service.database.engine.begin() as connection:
        connection.execute(number, {"to": "9999"})
    yield service
    with service.database.engine.begin() as connection:
        connection.execute(number, {"to": newest})


def test_the_old_release_starts_and_migrates_nothing_on_tables_of_the_next(ahead: Service) -> None:
    assert migrations.up_to_date(ahead)

    migrations.migrate(ahead)

    assert migrations.applied(ahead.database) == "9999"
