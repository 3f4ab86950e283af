"""A request that has little time left is refused at once, or waits for nothing longer than that."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi import APIRouter
from flask import Blueprint
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from starlette.concurrency import run_in_threadpool
from starlette.testclient import TestClient

from shared import deadline
from shared.http.api import create_api
from shared.http.deps import ReadDep, WorkDep
from shared.http.pages.app import as_asgi, create_pages
from shared.http.root import create_root
from shared.http.waiting import until
from shared.service import Service
from shared.testing import STACK
from tests.shared.conftest import count_of, count_up

router = APIRouter(prefix="/v1")
pages = Blueprint("pages", __name__)


@router.get("/left")
def tell_what_is_left() -> dict[str, float | None]:
    """The seconds that are left."""
    return {"left": deadline.left()}


@router.get("/left-on-the-loop")
async def tell_what_is_left_there() -> dict[str, float | None]:
    """The same, from a coroutine."""
    return {"left": await run_in_threadpool(deadline.left)}


@router.post("/sheep")
def add_sheep(work: WorkDep) -> int:
    """Count one."""
    return count_up(work, "sheep", 1)


@router.get("/slow")
def look_slowly(work: ReadDep) -> str:
    """Read for a minute."""
    work.session.execute(text("SELECT pg_sleep(60)"))
    return "done"


@pages.get("/left")
def page() -> str:
    """The seconds that are left, on a page."""
    return str(deadline.left())


@pytest.fixture
def client(service: Service) -> Iterator[TestClient]:
    api = create_api(service, [router], title="Tally", prefix="/api/tally")
    flask = as_asgi(create_pages(service, __name__, [pages]), threads=2)
    root = create_root(service, apis={"/api/tally": api}, pages=flask)
    with TestClient(root, raise_server_exceptions=False) as client:
        yield client


def ask(client: TestClient, path: str, milliseconds: str, **headers: str) -> Any:
    return client.get(path, headers={deadline.FIELD: milliseconds, **headers})


@contextmanager
def somebody_writes(service: Service) -> Iterator[None]:
    """Another transaction that holds what we want to change."""
    with service.transactions.begin() as work:
        count_up(work, "sheep", 1)
    locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        with service.transactions.begin() as work:
            count_up(work, "sheep", 1)
            work.session.flush()
            locked.set()
            done.wait(60)

    holding = threading.Thread(target=hold)
    holding.start()
    assert locked.wait(30)
    try:
        yield
    finally:
        done.set()
        holding.join()


def test_a_request_with_no_time_left_is_refused_before_any_work(
    client: TestClient, service: Service
) -> None:
    refused = client.post("/api/tally/v1/sheep", headers={deadline.FIELD: "0"})

    assert refused.status_code == 504
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["type"].endswith("deadline-spent")
    assert count_of(service, "sheep") == 0


@pytest.mark.parametrize("path", ["/api/tally/v1/left", "/api/tally/v1/left-on-the-loop"])
def test_the_deadline_reaches_threads_and_coroutines(client: TestClient, path: str) -> None:
    left = ask(client, path, "60000").json()["left"]

    assert 30 < left <= 60


def test_the_deadline_reaches_pages(client: TestClient) -> None:
    assert 30 < float(ask(client, "/left", "60000").text) <= 60


@pytest.mark.parametrize("value", ["", "soon", "-1", "1.5", "٣", "1e3"])
def test_what_is_no_whole_number_sets_no_deadline(client: TestClient, value: str) -> None:
    answer = ask(client, "/api/tally/v1/left", value.encode())  # type: ignore[arg-type]

    assert answer.json() == {"left": None}


def test_whoever_follows_events_is_not_cut_off(client: TestClient) -> None:
    answer = ask(client, "/api/tally/v1/left", "5000", accept="text/event-stream")

    assert answer.json() == {"left": None}


def test_a_hurried_writer_waits_for_the_lock_no_longer_than_it_may(
    client: TestClient, service: Service
) -> None:
    with somebody_writes(service):
        began = time.monotonic()
        refused = client.post("/api/tally/v1/sheep", headers={deadline.FIELD: "300"})
        took = time.monotonic() - began

    assert refused.status_code == 504
    assert took < 15  # by default it would be 20
    assert count_of(service, "sheep") == 2


def test_after_a_hurried_writer_the_connection_has_its_patience_back(service: Service) -> None:
    with (
        somebody_writes(service),
        deadline.within(0.1),
        pytest.raises(DBAPIError),
        service.transactions.begin() as work,
    ):
        count_up(work, "sheep", 1)

    with service.transactions.begin() as work:
        if service.database.on_postgresql:
            patience = work.session.execute(text("SHOW statement_timeout")).scalar_one()
            assert patience == "0"
        else:
            assert work.session.execute(text("PRAGMA busy_timeout")).scalar_one() == 20_000


@pytest.mark.skipif(STACK != "real", reason="SQLite ends no statement")
def test_a_statement_of_a_hurried_reader_is_ended(client: TestClient) -> None:
    began = time.monotonic()

    refused = ask(client, "/api/tally/v1/slow", "300")

    assert refused.status_code == 504
    assert time.monotonic() - began < 30


def test_waiting_for_news_ends_with_the_time_that_is_left() -> None:
    async def wait() -> float:
        began = time.monotonic()
        with deadline.within(0.3):
            await until(lambda: None, seconds=30)
        return time.monotonic() - began

    assert asyncio.run(wait()) < 20


def test_what_is_done_for_all_has_no_deadline() -> None:
    with deadline.within(1.0):
        with deadline.lifted():
            assert deadline.left() is None
        assert deadline.left() is not None


@given(st.floats(0, 1000), st.floats(-10, 1000), st.floats(0, 1))
def test_a_clipped_time_is_never_longer_than_asked_or_left(
    asked: float, left: float, margin: float
) -> None:
    with deadline.within(left):
        clipped = deadline.clip(asked, margin=margin)

    assert 0 <= clipped <= asked
    assert clipped <= max(0.0, left - margin)
