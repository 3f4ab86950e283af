"""What a service tells of its side of the bus, and that looking never holds up an answer."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from shared.bus import connect
from shared.eventplane.overview import overview
from shared.eventplane.paths import MOST_CORRELATIONS, path_of
from shared.eventplane.queue_watch import PATIENCE, QueueWatch
from shared.eventplane.shapes import QueueSeen
from shared.eventplane.wording import age, counted, pretty, until
from shared.service import Service
from shared.testing import Databases, sent_by, tell
from tests.shared.conftest import Bumped, Counted, count_up

AT = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)


@pytest.fixture
def unheard(databases: Databases) -> Iterator[Service]:
    """A service whose broker takes the call and never says a word."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(8)
        address = f"amqp://me:hush@127.0.0.1:{deaf.getsockname()[1]}/"
        with databases.service(bus_url=address) as found:
            yield found


def test_a_silent_broker_holds_nobody_up(unheard: Service) -> None:
    watch = QueueWatch(unheard)

    began = time.monotonic()
    seen = [watch.look(), watch.look()]
    took = time.monotonic() - began

    assert took < 2 * PATIENCE + 20  # and not for ever
    assert all(each.problem and "hush" not in each.problem for each in seen)


def test_a_queue_is_seen_without_keeping_a_connection(service: Service) -> None:
    bus = connect(f"embedded:{service.settings.var}/seen.db", client="tests")
    subscription = bus.subscribe(service.name, [Bumped.TYPE])
    settings = service.settings.model_copy(
        update={"bus_url": f"embedded:{service.settings.var}/seen.db"}
    )
    service.settings = settings

    seen = QueueWatch(service).look()

    assert (seen.problem, seen.consumers) == ("", 1)
    subscription.close()
    bus.close()


def test_the_overview_names_what_is_said_heard_and_held_up(service: Service) -> None:
    with service.transactions.begin() as work:
        count_up(work, "sheep", 1)
    tell(service, Bumped(name="sheep", by=-1))

    with service.transactions.read() as work:
        told = overview(service, work, QueueSeen(consumers=1))

    assert (told.says, told.hears) == ([Counted.TYPE], [Bumped.TYPE])
    assert (told.waiting.count, told.parked.count, told.dead.count) == (1, 1, 0)
    assert told.held_up == [Bumped.TYPE]
    assert told.attention == []  # a fresh failure is tried again by itself


def test_a_path_holds_what_was_heard_what_followed_and_what_failed(service: Service) -> None:
    tell(service, Bumped(name="sheep", by=2))
    (said,) = sent_by(service)
    tell(service, Bumped(name="goat", by=-1))

    with service.transactions.read() as work:
        path = path_of(service, work, said.correlation)
        nothing = path_of(service, work, "another-request")

    assert [each.type for each in path.heard] == [Bumped.TYPE]
    assert [each.id for each in path.said] == [said.id]
    assert path.held == []
    assert (nothing.said, nothing.heard, nothing.held) == ([], [], [])


def test_a_word_can_stand_for_several_requests_but_not_for_any_number(service: Service) -> None:
    many = ",".join(f"request-{number}" for number in range(50))

    with service.transactions.read() as work:
        resolved = path_of(service, work, "Q7F3-K2MD-9", lambda work, word: ["a", "b", "a"])
        flood = path_of(service, work, many)

    assert resolved.correlations == ["a", "b"]
    assert len(flood.correlations) == MOST_CORRELATIONS


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "now"), (4, "4 s"), (59, "59 s"), (60, "1 min"), (7200, "2 h"), (700_000, "8 d")],
)
def test_ages_are_said_as_people_say_them(seconds: int, words: str) -> None:
    assert age(AT - timedelta(seconds=seconds), AT) == words
    assert until(AT + timedelta(seconds=seconds), AT) == (f"in {words}" if seconds else "due")


def test_numbers_and_bodies_read_well() -> None:
    assert (counted(1, "event"), counted(2, "event")) == ("1 event", "2 events")
    assert counted(0, "try", "tries") == "0 tries"
    assert age(None, AT) == "-"
    assert pretty('{"a":1}') == '{\n  "a": 1\n}'
    assert pretty("[" * 100_000) == "[" * 100_000
    assert pretty("no json") == "no json"
