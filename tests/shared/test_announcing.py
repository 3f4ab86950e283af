"""A process that answers HTTP says where, that it will stop, and that it has; and leaves no litter."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from shared import announcing, clock
from shared.announcing import Announcer
from shared.bus import connect
from shared.bus.protocol import Delivery
from shared.events import Envelope, read_as
from shared.replay_requests import SnapshotRequested
from shared.service import Service
from shared.testing.hearing import sent, tell
from shared.worker import Worker
from tests.shared.bus.wires import eventually


class Announced(announcing.ReplicaAnnounced, type="tally.replica.announced.v1", key="service"):
    """The tally service's announcements."""


@pytest.fixture
def service(service: Service) -> Service:
    service.published = [*service.published, Announced]
    return service


@contextmanager
def announced(service: Service, url: str = "http://10.0.0.1:8000") -> Iterator[Announcer]:
    announcer = Announcer(service, Announced, url)
    announcer.start()
    yield announcer
    announcer.leave()


def states(service: Service) -> list[str]:
    return [each.state for each in sent(service, Announced)]


def test_a_replica_says_that_it_serves_drains_and_is_gone(service: Service) -> None:
    with announced(service) as announcer:
        assert eventually(lambda: states(service) == ["serving"])
        announcer.drain()
        assert eventually(lambda: states(service) == ["serving", "draining"])

    said = sent(service, Announced)
    assert [each.state for each in said] == ["serving", "draining", "gone"]
    assert [each.count for each in said] == [1, 2, 3]
    assert {(each.service, each.url) for each in said} == {("tally", "http://10.0.0.1:8000")}
    assert len({each.replica for each in said}) == 1


def test_it_says_so_again_and_old_words_do_not_pile_up(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = service.tables.outbox
    with announced(service) as announcer:
        announcer._every = 0.05
        announcer._news.set()
        for _ in range(3):
            count = announcer._count
            assert eventually(lambda: announcer._count > count + 1)  # noqa: B023
            with service.transactions.begin() as work:
                long_ago = clock.now() - timedelta(hours=1)
                work.session.execute(
                    update(outbox).values(published_at=long_ago, created_at=long_ago)
                )

    with service.transactions.read() as work:
        rows = work.session.scalar(select(func.count()).select_from(outbox))
    assert rows is not None
    assert rows < announcer._count


def test_what_is_not_sent_yet_is_never_forgotten(service: Service) -> None:
    outbox = service.tables.outbox
    with announced(service):
        assert eventually(lambda: states(service) == ["serving"])
        with service.transactions.begin() as work:
            work.session.execute(update(outbox).values(created_at=clock.now() - timedelta(hours=1)))

    assert states(service) == ["serving", "gone"]


def test_whoever_asks_is_told_of_each_replica_that_is_there(service: Service) -> None:
    bus = connect(f"embedded:{service.settings.var}/unused.db", client="tests")
    Worker(service, bus)  # not started: it only brings the snapshot

    with announced(service, "http://10.0.0.1:1"), announced(service, "http://10.0.0.2:2") as other:
        assert eventually(lambda: len(states(service)) == 2)
        other.leave()
        tell(service, SnapshotRequested(service="gateway", types=[announcing.OF_ANY_SERVICE]))
        told = sent(service, Announced)[3:]

    bus.close()
    assert [(each.url, each.state, each.count) for each in told] == [
        ("http://10.0.0.1:1", "serving", 1)
    ]


def test_an_announcement_reaches_a_listener_to_any_service(service: Service) -> None:
    url = f"embedded:{service.settings.var}/announced.db"
    ear, bus = connect(url, client="ear"), connect(url, client="tally")
    subscription = ear.listen([announcing.OF_ANY_SERVICE], name="ear")
    worker = Worker(service, bus)
    worker.start()

    with announced(service):
        heard: list[Delivery] = []
        deadline = time.monotonic() + 30
        while not heard and time.monotonic() < deadline:
            heard = subscription.receive(0.2)

    worker.stop()
    ear.close()
    said = read_as(Envelope.from_json(heard[0].message.body), Announced)
    assert (said.service, said.state) == ("tally", "serving")


def test_a_database_that_is_away_keeps_nobody_from_serving(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcing, "RETRY_SECONDS", 0.05)
    begin = service.transactions.begin
    broken: list[int] = []

    def away() -> object:
        if len(broken) < 2:
            broken.append(1)
            raise OSError("away")
        return begin()

    monkeypatch.setattr(service.transactions, "begin", away)
    announcer = Announcer(service, Announced, "http://10.0.0.1:1")
    announcer.start()

    assert eventually(lambda: "serving" in states(service))
    assert len(broken) == 2
    announcer.leave()


@pytest.mark.parametrize(
    ("host", "told", "url"),
    [
        ("127.0.0.1", "", "http://127.0.0.1:8002"),
        ("::1", "", "http://[::1]:8002"),
        ("0.0.0.0", "https://catalog-3.example:444/", "https://catalog-3.example:444"),
    ],
)
def test_it_says_where_it_listens_unless_it_is_told_how_others_reach_it(
    service: Service, host: str, told: str, url: str
) -> None:
    service.settings = service.settings.model_copy(update={"host": host, "announce_url": told})

    assert announcing.url_of(service, 8002) == url


def test_who_listens_everywhere_says_an_address_of_this_machine(service: Service) -> None:
    service.settings = service.settings.model_copy(update={"host": "0.0.0.0"})

    assert "0.0.0.0" not in announcing.url_of(service, 8002)


def test_announcing_can_be_left_out(service: Service) -> None:
    service.settings = service.settings.model_copy(update={"announce": False})

    assert announcing.announcer_of(service, 8002) is None
