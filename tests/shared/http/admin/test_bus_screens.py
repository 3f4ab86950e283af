"""The screens of events: the same in every service, by its own permissions, safe to look at."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from httpx2 import Response
from sqlalchemy import update
from starlette.routing import Mount, Router
from starlette.testclient import TestClient

from shared import clock
from shared.http.admin import create_admin
from shared.http.admin.bus import bus_views
from shared.http.lazy import LazyAdmin
from shared.identity import Principal
from shared.service import Service
from tests.shared.http.admin.desk import BOSS, staff, token_of
from tests.shared.http.pages import As
from tests.shared.http.shelf import OutboxRow, ParkedRow, ThingChanged

SCREENS = ("outbox", "sent", "parked", "dead")
VIEW, MANAGE = "shelf.view_bus", "shelf.manage_bus"
EVIL = '</pre><script>alert(1)</script><img src=x onerror="alert(2)">'


def a_desk(service: Service, caller: Principal = BOSS) -> TestClient:
    lazy = LazyAdmin(lambda: create_admin(service, bus_views(service), title="Shelf"))
    front = As(Router([Mount("/admin/shelf", app=lazy)]), caller)
    return TestClient(front, base_url=service.settings.public_url, follow_redirects=False)


def press(desk: TestClient, view: str, name: str, pk: object, **headers: str) -> Response:
    path = f"/admin/shelf/_api/{view}/row-action?name={name}&pk={pk}"
    return desk.post(path, headers={"X-CSRFToken": token_of(desk), **headers})


def a_letter(service: Service, **more: Any) -> int:
    now = clock.now()
    row = ParkedRow(
        event_id="e1", type="elsewhere.thing.done.v1", aggregate="/elsewhere/1", attempts=10,
        body='{"a": {"b": 1}}', headers='{"x-from": "afar"}', error="KeyError: 'b'",
        correlation="a-request", parked_at=now - timedelta(hours=3), next_try_at=now,
        failed_at=now, dead_at=now,
    )  # fmt: skip
    for name, value in more.items():
        setattr(row, name, value)
    with service.transactions.begin() as work:
        work.session.add(row)
        work.session.flush()
        return row.seq


def state_of(service: Service, seq: int) -> tuple[bool, str, str]:
    with service.transactions.read() as work:
        row = work.session.get_one(ParkedRow, seq)
        return row.dead_at is not None, row.settled_how, row.settled_by


def said(service: Service, *skus: str) -> list[int]:
    for sku in skus:
        with service.transactions.begin() as work:
            work.publish(ThingChanged(sku=sku))
    with service.transactions.read() as work:
        return [row.seq for row in work.session.query(OutboxRow.seq).order_by(OutboxRow.seq)]


def change(service: Service, seq: int, **values: Any) -> None:
    with service.transactions.begin() as work:
        work.session.execute(update(OutboxRow).where(OutboxRow.seq == seq).values(**values))


@pytest.mark.parametrize(
    ("caller", "status"),
    [
        (staff(), 403),
        (staff("shelf.view_things", "other.view_bus"), 403),
        (staff(MANAGE), 403),
        (staff(VIEW), 200),
        (BOSS, 200),
    ],
)
def test_the_screens_open_for_those_who_may_look(
    shelf: Service, caller: Principal, status: int
) -> None:
    desk = a_desk(shelf, caller)

    answers = [desk.get(f"/admin/shelf/{each}/list").status_code for each in SCREENS]

    assert answers == [status] * 4


@pytest.mark.parametrize("name", ["redrive", "drop"])
def test_a_dead_letter_is_settled_by_those_who_may_and_says_by_whom(
    shelf: Service, name: str
) -> None:
    seq = a_letter(shelf)
    looker, keeper = staff(VIEW), staff(VIEW, MANAGE)

    refused = press(a_desk(shelf, looker), "dead", name, seq)
    before = state_of(shelf, seq)
    done = press(a_desk(shelf, keeper), "dead", name, seq)

    assert refused.status_code >= 400
    assert before == (True, "", "")
    assert done.status_code == 200
    how = {"redrive": "redriven", "drop": "dropped"}[name]
    assert state_of(shelf, seq) == (name == "drop", how, keeper.email or str(keeper.user_id))


@pytest.mark.parametrize(
    "headers",
    [
        {"X-CSRFToken": ""},
        {"X-CSRFToken": "forged"},
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_other_sites_settle_nothing(shelf: Service, headers: dict[str, str]) -> None:
    seq = a_letter(shelf)

    answer = press(a_desk(shelf), "dead", "redrive", seq, **headers)

    assert answer.status_code == 403
    assert state_of(shelf, seq) == (True, "", "")


def test_a_letter_is_shown_in_full_with_its_body_laid_out(shelf: Service) -> None:
    seq = a_letter(shelf)

    page = a_desk(shelf).get(f"/admin/shelf/dead/detail?pk={seq}").text

    assert "&#34;b&#34;: 1\n" in page
    assert "x-from" in page
    assert "KeyError" in page
    assert "a-request" in page


def test_what_strangers_wrote_stays_text(shelf: Service) -> None:
    seq = a_letter(shelf, body=EVIL, error=EVIL, type=EVIL, aggregate=EVIL, headers="{}")
    desk = a_desk(shelf)

    for page in (f"dead/detail?pk={seq}", "dead/list", f"dead/list?q={EVIL}"):
        shown = desk.get(f"/admin/shelf/{page}").text
        assert "<script>alert" not in shown
        assert "<img src=x" not in shown
        assert "&lt;script&gt;alert(1)" in shown


def test_parked_and_dead_letters_are_kept_apart(shelf: Service) -> None:
    dead = a_letter(shelf)
    parked = a_letter(shelf, event_id="e2", type="elsewhere.thing.moved.v1", dead_at=None)
    desk = a_desk(shelf)

    shown = {each: desk.get(f"/admin/shelf/{each}/list").text for each in ("parked", "dead")}

    assert "thing.moved" in shown["parked"]
    assert "thing.done" not in shown["parked"]
    assert "thing.done" in shown["dead"]
    assert "thing.moved" not in shown["dead"]
    assert desk.get(f"/admin/shelf/parked/detail?pk={dead}").status_code == 404
    assert desk.get(f"/admin/shelf/parked/detail?pk={parked}").status_code == 200


def test_a_parked_event_need_not_wait_for_its_turn(shelf: Service) -> None:
    later = clock.now() + timedelta(minutes=5)
    seq = a_letter(shelf, dead_at=None, next_try_at=later)

    done = press(a_desk(shelf), "parked", "try_now", seq)

    with shelf.transactions.read() as work:
        assert work.session.get_one(ParkedRow, seq).next_try_at <= clock.now()
    assert done.status_code == 200


def test_the_outbox_shows_stuck_events_first_and_lets_them_go(shelf: Service) -> None:
    first, second, third = said(shelf, "mug", "pen", "jar")
    change(shelf, first, published_at=clock.now())
    change(shelf, third, stuck_at=clock.now(), attempts=9, error="returned")
    desk = a_desk(shelf)

    waiting, sent = (desk.get(f"/admin/shelf/{each}/list").text for each in ("outbox", "sent"))
    done = press(desk, "outbox", "try_again", third)
    idle = press(desk, "outbox", "try_again", second)

    assert waiting.index("/shelf/jar") < waiting.index("/shelf/pen")
    assert "/shelf/mug" not in waiting
    assert "/shelf/mug" in sent
    assert [each.status_code for each in (done, idle)] == [200, 200]
    with shelf.transactions.read() as work:
        assert work.session.get_one(OutboxRow, third).stuck_at is None


def test_events_are_found_by_type_and_correlation(shelf: Service) -> None:
    said(shelf, "mug")
    with shelf.transactions.read() as work:
        correlation = work.session.query(OutboxRow.correlation).scalar()
    desk = a_desk(shelf)

    found = desk.get("/admin/shelf/outbox/list", params={"q": correlation}).text
    others = desk.get("/admin/shelf/outbox/list", params={"q": "another-request"}).text

    assert "/shelf/mug" in found
    assert "/shelf/mug" not in others
