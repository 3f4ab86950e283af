"""Two transactions that cross at a chosen point: no threads that happen to meet, no pauses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import event, text

from shared.service import Service
from shared.testing.databases import STACK

crossing = pytest.mark.skipif(STACK != "real", reason="on SQLite one transaction at a time writes")
WAITING = text(
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


@contextmanager
def after_the_first(
    service: Service, beginning: str, do: Callable[[], object]
) -> Iterator[Future[object]]:
    """Between the first statement that begins so and the next one, somebody else does this.

    We go on when they are done, or wait for a lock that we hold. Yields what becomes of it; what
    they raise is raised at the end.
    """
    engine, outcome, to_do = service.database.engine, Future[object](), [do]
    pool = ThreadPoolExecutor(1)

    def look(_: object, __: object, statement: str, *___: object) -> None:
        if statement.startswith(beginning) and to_do:
            running = pool.submit(_settle, outcome, to_do.pop())
            while not running.done() and not _somebody_waits(service):
                time.sleep(0.005)

    event.listen(engine, "after_cursor_execute", look)
    try:
        yield outcome
    finally:
        pool.shutdown()
        event.remove(engine, "after_cursor_execute", look)
    assert not to_do, f"No statement begins with {beginning!r}."
    outcome.result()


def _settle(outcome: Future[object], do: Callable[[], object]) -> None:
    try:
        outcome.set_result(do())
    except BaseException as error:  # noqa: BLE001 - told to whoever asks for the result
        outcome.set_exception(error)


def _somebody_waits(service: Service) -> bool:
    with service.database.reader() as session:
        return bool(session.scalar(WAITING))
