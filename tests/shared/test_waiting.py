"""Waiting for an outcome: told at once what our own process did, looking for what others did."""

from __future__ import annotations

import asyncio
import threading

import pytest

from shared.http import waiting
from shared.http.waiting import until
from shared.news import News
from shared.service import Service
from tests.shared.conftest import count_of, count_up

FOREVER = 3600.0


@pytest.fixture
def nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits sleeps until it is told."""
    monkeypatch.setattr(waiting, "FIRST_LOOK", 60.0)
    monkeypatch.setattr(waiting, "SLOWEST_LOOK", 60.0)


@pytest.mark.usefixtures("nobody_looks")
def test_who_waits_looks_as_soon_as_the_news_is_committed(service: Service) -> None:
    looked = threading.Event()

    def count() -> int | None:
        looked.set()
        return count_of(service, "cup") or None

    def act() -> None:
        assert looked.wait(30)
        with service.transactions.begin() as work:
            count_up(work, "cup", 1)
            work.wake_who_awaits("cup")

    acting = threading.Thread(target=act)
    acting.start()
    news = service.transactions.news
    assert asyncio.run(until(count, seconds=FOREVER, news=news, of="cup")) == 1
    acting.join()


def test_news_wakes_nobody_who_waits_for_something_else() -> None:
    news, waked = News(), list[str]()

    with news.awaited("cup", lambda: waked.append("cup")):
        with news.awaited("pen", lambda: waked.append("pen")):
            news.tell({"cup", "lamp"})
        news.tell({"pen"})
    news.tell({"cup"})

    assert waked == ["cup"]


def test_work_that_failed_is_no_news(service: Service) -> None:
    waked: list[str] = []

    def fail() -> None:
        with service.transactions.begin() as work:
            work.wake_who_awaits("cup")
            raise ZeroDivisionError

    with service.transactions.news.awaited("cup", lambda: waked.append("cup")):
        pytest.raises(ZeroDivisionError, fail)

    assert waked == []


def test_what_nobody_tells_is_found_by_looking() -> None:
    looks = iter([None, None, "there"])

    assert asyncio.run(until(lambda: next(looks), seconds=FOREVER)) == "there"
