"""A listener: ten lines that hear events once, keep rows and say something, without migrations."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Mapped, mapped_column

from shared import migrations
from shared.events import Event
from shared.listening import Listener, Table
from shared.service import Service
from shared.testing import failed, pass_on, sent, tell, trial
from shared.work import Work


class Arrived(Event, type="harbour.ship.arrived.v1", key="ship"):
    """A ship came in."""

    ship: str
    crates: int = 0


class Unloaded(Event, type="crane.ship.unloaded.v1", key="ship"):
    """A ship is empty."""

    ship: str
    crates: int


class Crates(Table):
    """How many crates a ship brought so far."""

    __tablename__ = "crates_of_test_listening"

    ship: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]


crane = Listener("crane", says=[Unloaded])
harbour = Listener("harbour", says=[Arrived])
clerk = Listener("clerk")


@crane.on(Arrived)
def unload(work: Work, event: Arrived) -> None:
    if event.crates < 0:
        raise ValueError("a ship owes us crates")
    row = work.session.get(Crates, event.ship) or Crates(ship=event.ship, count=0)
    row.count += event.crates
    work.session.add(row)
    work.publish(Unloaded(ship=event.ship, crates=row.count, version=event.version))


@clerk.on(Unloaded)
def write_down(work: Work, event: Unloaded) -> None:
    work.session.add(Crates(ship=event.ship, count=event.crates))


@pytest.fixture
def service() -> Iterator[Service]:
    with trial(crane) as found:
        yield found


def test_a_listener_hears_each_event_once_and_says_something(service: Service) -> None:
    id_ = tell(service, Arrived(ship="Anna", crates=3, version=1))
    tell(service, Arrived(ship="Anna", crates=3, version=1), id=id_)
    tell(service, Arrived(ship="Anna", crates=4, version=2))

    assert [each.crates for each in sent(service, Unloaded)] == [3, 7]


def test_what_a_listener_cannot_do_leaves_nothing_behind_and_is_told(service: Service) -> None:
    tell(service, Arrived(ship="Anna", crates=-1))

    assert sent(service, Unloaded) == []
    assert len(failed(service)) == 1
    assert "owes us crates" in failed(service)[0]


def test_one_listener_hears_what_another_has_said(service: Service) -> None:
    with trial(harbour) as publisher, trial(clerk) as reader:
        with publisher.transactions.begin() as work:
            work.publish(Arrived(ship="Anna", crates=3))
        pass_on(publisher, service)
        pass_on(publisher, service)
        pass_on(service, reader)

        with reader.transactions.read() as work:
            assert work.session.get(Crates, "Anna").count == 3  # type: ignore[union-attr]


def test_the_tables_of_a_listener_grow_with_its_models(service: Service) -> None:
    with service.database.engine.begin() as connection:
        connection.execute(text("DROP TABLE crates_of_test_listening"))
        connection.execute(text("DROP INDEX ix_outbox_correlation"))
        connection.execute(text("ALTER TABLE outbox DROP COLUMN correlation"))
    assert not migrations.up_to_date(service)

    migrations.migrate(service)

    assert migrations.up_to_date(service)
    tell(service, Arrived(ship="Anna", crates=3))
    assert [each.crates for each in sent(service, Unloaded)] == [3]


@pytest.mark.parametrize("name", ["", "News letter", "news-letter", "9lives", "quintet.x"])
def test_a_name_that_no_queue_or_variable_could_have_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        Listener(name)


def test_settings_come_from_the_environment_under_the_name_of_the_listener(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CRANE_BUS_URL", "amqp://crane@rabbit/")

    assert crane.settings_class(_env_file=None).bus_url == "amqp://crane@rabbit/"
