"""Whatever hits the consumer, in the end each event has taken effect exactly once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from shared import clock, dead_letters
from shared.bus import connect
from shared.bus.protocol import Bus, Delivery, Message
from shared.consuming import Consumer
from shared.consuming.hand import Hand, Item
from shared.consuming.handling import Handling
from shared.consuming.heard import Heard, Raw
from shared.consuming.parking import Parking
from shared.consuming.retrying import Retrying
from shared.events import Envelope
from shared.ids import new_id
from shared.service import Service
from shared.testing import STACK, after_the_first, crossing
from tests.shared.conftest import (
    Bumped,
    Counted,
    InboxRow,
    OutboxRow,
    ParkedRow,
    count_of,
    count_up,
)
from tests.shared.test_consumer import bumped
from tests.shared.test_consumer_lanes import eventually

PROGRAM = Path(__file__).parent / "programs" / "tally_consumer.py"
ROOT = Path(__file__).resolve().parents[2]
NAMES = [f"n{at}" for at in range(8)]


@pytest.fixture
def bus_url(service: Service) -> str:
    url = f"embedded:{service.settings.var}/{new_id()}.db"
    bus = connect(url, client="tests")
    bus.subscribe(service.name, [Bumped.TYPE, Counted.TYPE]).close()
    bus.close()
    return url


@pytest.fixture
def bus(bus_url: str) -> Iterator[Bus]:
    found = connect(bus_url, client="tests")
    yield found
    found.close()


def send(bus: Bus, bodies: list[bytes], type_: str = Bumped.TYPE) -> None:
    bus.publisher().publish([Message(Envelope.from_json(b).id, type_, b) for b in bodies])


def applied(service: Service) -> int:
    """How many events have taken effect, by the inbox; each must have said one thing."""
    with service.transactions.read() as work:
        heard = select(func.count()).where(InboxRow.aggregate != "").scalar_subquery()
        said = select(func.count()).where(OutboxRow.type == Counted.TYPE).scalar_subquery()
        effects, words = work.session.execute(select(heard, said)).one()
    assert effects == words
    return int(effects)


@contextmanager
def listening(service: Service, bus: Bus) -> Iterator[None]:
    consumer, stop = Consumer(service, bus), threading.Event()
    thread = threading.Thread(target=consumer.run, args=(stop,))
    thread.start()
    try:
        assert eventually(consumer.healthy)
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def at_work(
    service: Service, bus_url: str, failpoints: str = ""
) -> Iterator[subprocess.Popen[bytes]]:
    database = service.database.url.render_as_string(hide_password=False)
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM), database, bus_url, failpoints],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_consumer_that_is_killed_at_any_point_loses_nothing_and_repeats_nothing(
    service: Service, bus_url: str, bus: Bus
) -> None:
    send(bus, [bumped(1, name=name) for _ in range(6) for name in NAMES])
    for point in (
        "consumer.after_inbox:kill:5",
        "consumer.after_commit:kill",
        "work.before_commit:kill:2",
    ):
        with at_work(service, bus_url, point) as killed:
            assert killed.wait(60) == -signal.SIGKILL

    with at_work(service, bus_url) as consumer:
        assert eventually(lambda: applied(service) == 48)
        consumer.send_signal(signal.SIGTERM)
        assert consumer.wait(60) == 0

    assert [count_of(service, name) for name in NAMES] == [6] * len(NAMES)
    assert bus.inspect(service.name).messages == 0


@pytest.mark.slow
def test_an_event_that_kills_every_process_is_buried_and_its_neighbours_are_handled(
    service: Service, bus_url: str, bus: Bus
) -> None:
    killer = Envelope.from_json(bumped(1, name="killer"))
    body = killer.to_json().replace(Bumped.TYPE.encode(), Counted.TYPE.encode())
    body = body.replace(b'"by":1', b'"count":1')
    send(bus, [bumped(1, name=name) for name in NAMES[:4]])
    send(bus, [body], Counted.TYPE)
    send(bus, [bumped(1, name=name) for name in NAMES[4:]])

    kills = 0
    while not letters(service):
        with at_work(service, bus_url) as consumer:
            assert eventually(lambda: consumer.poll() is not None or bool(letters(service)))
            kills += consumer.poll() is not None
            consumer.terminate()
        assert kills <= 5

    with at_work(service, bus_url):
        assert eventually(lambda: applied(service) == len(NAMES))
    (letter,) = letters(service)
    assert (letter.event_id, letter.type) == (killer.id, Counted.TYPE)
    assert "ended our process 3 times" in letter.error


def letters(service: Service) -> list[dead_letters.Letter]:
    with service.transactions.read() as work:
        return dead_letters.find(work, ParkedRow)


def test_the_same_events_at_three_consumers_at_once_take_effect_once(service: Service) -> None:
    handling = Handling(service, Parking(service))
    bodies = [bumped(1, name=name) for name in NAMES]
    items = [
        Item.of(Delivery(Message("", Bumped.TYPE, body), at)) for at, body in enumerate(bodies)
    ]

    def hear_all(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(5):
            mixed = chance.sample(items, len(items))
            try:
                handling.together(Hand(mixed))
            except Exception:
                for each in mixed:
                    assert each.heard
                    handling.alone(each.heard)

    threads = [threading.Thread(target=hear_all, args=(seed,)) for seed in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert [count_of(service, name) for name in NAMES] == [1] * len(NAMES)
    assert applied(service) == len(NAMES)


def test_events_that_take_effect_together_were_heard_at_one_time(service: Service) -> None:
    bodies = [bumped(1, name=name) for name in NAMES]
    items = [
        Item.of(Delivery(Message("", Bumped.TYPE, body), at)) for at, body in enumerate(bodies)
    ]

    Handling(service, Parking(service)).together(Hand(items))

    with service.transactions.read() as work:
        times = list(work.session.scalars(select(InboxRow.received_at)))
    assert len(times) == len(NAMES)
    assert len(set(times)) == 1


def test_an_event_that_waits_for_other_work_is_heard_when_its_turn_has_come(
    service: Service,
) -> None:
    (item,) = [Item.of(Delivery(Message("", Bumped.TYPE, bumped(1, name="late")), 1))]
    assert item.heard is not None
    handling = Handling(service, Parking(service))

    with ThreadPoolExecutor(1) as another:
        with service.transactions.begin() as work:
            count_up(work, "earlier", 1)
            done = another.submit(handling.alone, item.heard)
            time.sleep(0.2)  # it has come as far as it can; coming less far harms nothing
            committing = clock.now()
        done.result()

    with service.transactions.read() as work:
        (heard_at,) = work.session.scalars(select(InboxRow.received_at))
    assert heard_at >= committing or STACK == "real"  # PostgreSQL lets both work at once


@crossing
def test_an_event_whose_line_ends_while_it_looks_is_no_duplicate(service: Service) -> None:
    """Its first statement finds a line, its second finds none: READ COMMITTED sees both."""
    parking = Parking(service)
    handling = Handling(service, parking)
    retrying = Retrying(service, parking, handling)
    ahead, behind = (Heard.read(Raw(bumped(1, name="same"))) for _ in range(2))
    handling.set_aside(ahead, "it waits")

    with after_the_first(service, "INSERT INTO inbox", retrying.try_what_is_due):
        handling.alone(behind)

    assert count_of(service, "same") == 2
    assert applied(service) == 2


def test_poison_among_many_holds_up_none_of_its_neighbours(service: Service, bus: Bus) -> None:
    bodies = [bumped(-1 if at % 20 == 7 else 1, name=f"n{at}") for at in range(60)]
    with listening(service, bus):
        send(bus, bodies)
        assert eventually(lambda: applied(service) == 57, within=60)

    with service.transactions.read() as work:
        assert len(dead_letters.find_waiting(work, ParkedRow)) == 3


@pytest.mark.skipif(STACK != "real", reason="a SQLite file has no server that could end sessions")
def test_sessions_that_the_server_ends_in_the_middle_cost_no_event_and_count_for_none(
    service: Service, bus: Bus
) -> None:
    with listening(service, bus):
        for _ in range(10):
            send(bus, [bumped(1, name=name) for name in NAMES])
            _end_other_sessions(service)
        assert eventually(lambda: _quietly(lambda: applied(service)) == 80)

    assert [count_of(service, name) for name in NAMES] == [10] * len(NAMES)
    with service.transactions.read() as work:
        assert work.session.scalars(select(ParkedRow.seq)).all() == []


def _end_other_sessions(service: Service) -> None:
    others = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with service.transactions.read() as work:
        work.session.execute(others)


def _quietly(look: Callable[[], int]) -> int:
    try:
        return look()
    except Exception:  # noqa: BLE001 - our own session was among those that were ended
        return -1
