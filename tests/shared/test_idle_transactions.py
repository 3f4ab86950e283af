"""A process that freezes in the middle of a transaction must not keep the others waiting for ever."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from shared.bus import connect
from shared.consuming import Consumer
from shared.database import Database
from shared.handlers import Handlers
from shared.service import Service
from shared.testing import STACK, Databases
from shared.work import Work
from tests.shared.conftest import Bumped, ParkedRow, count_of, count_up
from tests.shared.test_consumer import bumped

pytestmark = pytest.mark.skipif(STACK != "real", reason="SQLite ends no transaction of another")

IDLE = 1.0


@pytest.fixture
def service(databases: Databases) -> Iterator[Service]:
    with databases.service(database_idle_seconds=IDLE) as found:
        yield found


def test_what_a_frozen_transaction_had_locked_is_free_again(service: Service) -> None:
    with service.transactions.begin() as work:
        count_up(work, "locked", 1)
    frozen = service.database.engine.connect()
    frozen.execute(text("UPDATE tallies SET count = 7"))

    with service.transactions.begin() as work:
        count_up(work, "locked", 1)

    assert count_of(service, "locked") == 2
    with pytest.raises(DBAPIError, match="idle-in-transaction"):
        frozen.execute(text("SELECT 1"))
    frozen.close()


def test_an_event_that_idles_too_long_is_parked_and_its_neighbours_go_on(
    service: Service,
) -> None:
    service.handlers = Handlers()

    @service.handlers.on(Bumped)
    def idle(work: Work, event: Bumped) -> None:
        count_up(work, event.name, event.by)
        if event.name == "idler":
            work.session.flush()
            time.sleep(IDLE * 2)

    bus = connect(f"embedded:{service.settings.var}/unused.db", client="tests")
    consumer = Consumer(service, bus)
    consumer.handle(bumped(1, name="idler"))
    consumer.handle(bumped(1, name="neighbour"))
    bus.close()

    with service.transactions.read() as work:
        (parked,) = work.session.scalars(select(ParkedRow)).all()
    assert "idle-in-transaction" in parked.error
    assert count_of(service, "neighbour") == 1


def test_the_url_has_the_last_word(service: Service) -> None:
    url = service.database.url.update_query_dict({"options": "-c statement_timeout=1234"})

    database = Database(url.render_as_string(hide_password=False), idle_seconds=IDLE)
    with database.engine.connect() as connection:
        said = connection.scalar(text("SHOW idle_in_transaction_session_timeout"))
    database.close()

    assert said == "0"
