"""One slow aggregate does not hold up the others, and its own order holds all the same."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, event, select, text

from shared import clock
from shared.bus import connect
from shared.bus.protocol import Bus, Message
from shared.consuming import Consumer
from shared.consuming.heard import Heard, Raw
from shared.consuming.lanes import MOST_LANES
from shared.context import opened
from shared.events import Envelope, Event
from shared.ids import new_id
from shared.service import Service
from shared.testing import STACK
from shared.work import Work
from tests.shared.bus.conftest import BROKER, vhost
from tests.shared.conftest import InboxRow, ParkedRow, Tally

__all__ = ["vhost"]  # a fixture of the bus tests

pytestmark = pytest.mark.skipif(STACK != "real", reason="SQLite has one writer, so no lanes")

NAP = 2.0


class Moved(Event, type="elsewhere.thing.moved.v1", key="name"):
    """Something moved to a place; our handler sleeps over it, or holds it until told to go on."""

    name: str
    place: int
    nap: float = 0.0
    held: bool = False


class Hall:
    """A consumer at work, and when which effect of its handler was there."""

    def __init__(self, service: Service, bus: Bus) -> None:
        self.service, self.bus = service, bus
        self.seen: list[tuple[str, int]] = []
        self.tries = 0
        self.go_on = threading.Event()

        @service.handlers.on(Moved)
        def move(work: Work, event: Moved) -> None:
            self.tries += 1
            time.sleep(event.nap)
            if event.held:
                self.go_on.wait(60)
            row = work.session.get(Tally, event.name)
            if row is None:
                row = Tally(name=event.name, count=0)
                work.session.add(row)
            row.count = event.place
            work.after_commit(lambda: self.seen.append((event.name, event.place)))

    def say(self, *events: Moved) -> None:
        """Let the consumer hear these, in this order."""
        messages = [Message(str(new_id()), Moved.TYPE, _wrapped(event)) for event in events]
        self.bus.publisher().publish(messages)

    def wait_for(self, *effects: tuple[str, int]) -> bool:
        """Whether these effects are there, sooner or later."""
        return eventually(lambda: set(effects) <= set(self.seen))


@pytest.fixture
def hall(service: Service) -> Iterator[Hall]:
    bus = connect(f"embedded:{service.settings.var}/{new_id()}.db", client="tests")
    with at_work(Hall(service, bus)) as found:
        yield found
    bus.close()


@contextmanager
def at_work(hall: Hall) -> Iterator[Hall]:
    consumer, stop = Consumer(hall.service, hall.bus), threading.Event()
    hall.bus.subscribe(hall.service.name, [Moved.TYPE]).close()
    threads = [
        threading.Thread(target=consumer.run, args=(stop,)),
        threading.Thread(target=consumer.keep_retrying, args=(stop,)),
    ]
    for each in threads:
        each.start()
    assert eventually(consumer.healthy)
    yield hall
    stop.set()
    consumer.wake()
    for each in threads:
        each.join()


def test_a_slow_event_does_not_hold_up_other_aggregates(hall: Hall) -> None:
    hall.say(Moved(name="slow", place=1, held=True))
    assert eventually(lambda: hall.tries == 1)

    hall.say(*(Moved(name=f"n{at}", place=1) for at in range(5)))

    assert hall.wait_for(*((f"n{at}", 1) for at in range(5)))
    assert ("slow", 1) not in hall.seen
    hall.go_on.set()
    assert hall.wait_for(("slow", 1))


def test_those_that_share_a_transaction_with_a_slow_event_are_taken_out_of_it(hall: Hall) -> None:
    hall.say(
        Moved(name="before", place=1),
        Moved(name="slow", place=1),
        Moved(name="slow", place=2, held=True),
        Moved(name="slow", place=3),
        Moved(name="after", place=1),
    )

    assert hall.wait_for(("before", 1), ("after", 1))
    assert ("slow", 2) not in hall.seen
    hall.go_on.set()
    assert hall.wait_for(("slow", 3))
    assert [place for name, place in hall.seen if name == "slow"] == [1, 2, 3]
    assert len(hall.seen) == 5


def test_what_comes_behind_a_slow_event_keeps_its_order_and_does_not_fill_the_window(
    hall: Hall,
) -> None:
    hall.say(Moved(name="slow", place=1, held=True))
    assert eventually(lambda: hall.tries == 1)

    hall.say(*(Moved(name="slow", place=at) for at in range(2, 40)))
    hall.say(Moved(name="quick", place=1))

    assert hall.wait_for(("quick", 1))
    assert ("slow", 1) not in hall.seen
    hall.go_on.set()
    assert hall.wait_for(("slow", 39))
    assert [place for name, place in hall.seen if name == "slow"] == list(range(1, 40))
    assert eventually(lambda: _left(hall.service) == 0)


def test_there_are_never_more_lanes_than_allowed_and_all_take_effect(hall: Hall) -> None:
    before = threading.active_count()
    slow = [Moved(name=f"slow{at}", place=1, nap=1.0) for at in range(MOST_LANES + 2)]
    most = 0

    hall.say(*slow)
    while len(hall.seen) < len(slow):
        most = max(most, threading.active_count() - before)
        time.sleep(0.01)

    assert most <= MOST_LANES + 2  # the leader, and one that has just been relieved
    assert sorted(hall.seen) == sorted((each.name, 1) for each in slow)


def test_a_consumer_that_stops_finishes_its_lanes_and_gives_back_the_rest(service: Service) -> None:
    bus = connect(f"embedded:{service.settings.var}/{new_id()}.db", client="tests")
    hall = Hall(service, bus)

    with at_work(hall):
        hall.say(Moved(name="slow", place=1, nap=NAP))
        assert eventually(lambda: hall.tries == 1)
        time.sleep(0.6)

    assert hall.seen == [("slow", 1)]
    assert bus.inspect(service.name).messages == 0
    bus.close()


def test_an_event_that_is_slow_to_be_parked_does_not_pass_the_line_that_it_belongs_to(
    service: Service,
) -> None:
    """Somebody builds an index on parked events, and statements wait for no lock for long."""
    bus = connect(f"embedded:{service.settings.var}/{new_id()}.db", client="tests")
    hall, consumer, stop = Hall(service, bus), Consumer(service, bus), threading.Event()
    consumer._handling.set_aside(Heard.read(Raw(_wrapped(Moved(name="same", place=1)))), "it waits")
    hall.bus.subscribe(service.name, [Moved.TYPE]).close()
    working = threading.Thread(target=consumer.run, args=(stop,))

    with _impatient(service) as parked, service.transactions.begin() as work:
        work.session.execute(text("LOCK TABLE parked_events IN SHARE MODE"))
        hall.say(Moved(name="same", place=2))
        working.start()
        assert eventually(lambda: bool(hall.seen) or len(parked) > 3)
    stop.set()
    working.join()
    while consumer.retry_parked():
        pass

    assert hall.seen == [("same", 1), ("same", 2)]
    bus.close()


@contextmanager
def _impatient(service: Service) -> Iterator[list[str]]:
    """No statement waits long for a lock. Yields those that park something, as they begin."""
    engine, parked = service.database.engine, list[str]()

    def hurry(connection: Connection) -> None:
        connection.exec_driver_sql("SET LOCAL lock_timeout = '600ms'")

    def note(_: object, __: object, statement: str, *___: object) -> None:
        if statement.startswith("INSERT INTO parked_events"):
            parked.append(statement)

    event.listen(engine, "begin", hurry)
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield parked
    finally:
        event.remove(engine, "begin", hurry)
        event.remove(engine, "before_cursor_execute", note)


@pytest.mark.real
def test_the_same_holds_on_the_broker(service: Service, vhost: str) -> None:  # noqa: F811
    bus = connect(f"{BROKER.rstrip('/')}/{vhost}", client="tests")
    hall = Hall(service, bus)
    with at_work(hall):
        hall.say(Moved(name="before", place=1), Moved(name="slow", place=1, held=True))
        hall.say(*(Moved(name="slow", place=at) for at in range(2, 30)))
        hall.say(Moved(name="after", place=1))

        assert hall.wait_for(("before", 1), ("after", 1))
        assert ("slow", 1) not in hall.seen
        hall.go_on.set()
        assert hall.wait_for(("slow", 29))
        assert [place for name, place in hall.seen if name == "slow"] == list(range(1, 30))
    bus.close()


def _left(service: Service) -> int:
    with service.transactions.read() as work:
        heard = len(work.session.scalars(select(InboxRow.event_id)).all())
        return len(work.session.scalars(select(ParkedRow.seq)).all()) if heard else -1


def _wrapped(event: Event) -> bytes:
    now = clock.now()
    return Envelope.around(
        event, id=str(new_id()), source="/elsewhere", time=now, by=opened(None, None)
    ).to_json()


def eventually(true: Callable[[], bool], *, within: float = 30.0) -> bool:
    deadline = time.monotonic() + within
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
