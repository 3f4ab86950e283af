"""Who gets into the admin, and what its pages promise."""

from __future__ import annotations

import re
from uuid import UUID, uuid4

import pytest
from starlette.routing import Mount, Router
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from shared.http.admin import AdminView, create_admin
from shared.http.lazy import LazyAdmin
from shared.http.pages import as_asgi, create_pages
from shared.http.root import create_root
from shared.identity import ANONYMOUS, Principal
from shared.service import Service
from shared.testing import bearer
from tests.shared.http.admin.desk import (
    BOSS,
    CHANGE,
    VIEW,
    a_desk,
    edit_path,
    press,
    staff,
    token_of,
)
from tests.shared.http.pages import As
from tests.shared.http.pages import things as things_pages
from tests.shared.http.shelf import (
    Note,
    Room,
    RoomView,
    a_thing,
    things,
)


@pytest.mark.parametrize(
    ("caller", "front", "listed", "edited"),
    [
        (ANONYMOUS, 303, 303, 303),
        (Principal(UUID(int=3), "Shopper"), 403, 403, 403),
        (Principal(UUID(int=3), "Shopper", permissions=frozenset({VIEW, CHANGE})), 403, 403, 403),
        (staff(), 200, 403, 403),
        (staff(VIEW), 200, 200, 403),
        (staff(VIEW, CHANGE), 200, 200, 200),
        (BOSS, 200, 200, 200),
    ],
)
def test_doors_open_by_permission(
    shelf: Service, caller: Principal, front: int, listed: int, edited: int
) -> None:
    pk = a_thing(shelf, "mug")
    desk = a_desk(shelf, caller)

    answers = [
        desk.get(path).status_code
        for path in ("/admin/shelf/", "/admin/shelf/thing/list", edit_path(pk))
    ]

    assert answers == [front, listed, edited]


def test_a_guest_is_sent_to_sign_in_and_back(shelf: Service) -> None:
    desk = a_desk(shelf, ANONYMOUS)

    answer = desk.get("/admin/shelf/thing/list?q=mug")

    expected = "/account/sign-in?next=/admin/shelf/thing/list%3Fq%3Dmug"
    assert answer.headers["location"] == expected


@pytest.mark.parametrize("pk", [uuid4(), "nonsense", "%00", "1 OR 1=1"])
def test_a_row_that_is_not_there_is_a_page_not_a_crash(shelf: Service, pk: object) -> None:
    desk = a_desk(shelf)

    shown = desk.get(f"/admin/shelf/thing/detail?pk={pk}")
    pressed = press(desk, "row-action", "delete", pk)

    assert shown.status_code == 404
    assert "It may have been removed" in shown.text
    assert pressed.status_code == 400


@pytest.mark.parametrize(
    ("token", "headers"),
    [
        ("", {}),
        ("forged", {}),
        (None, {"Origin": "https://evil.example"}),
        (None, {"Sec-Fetch-Site": "cross-site"}),
    ],
)
def test_forms_of_other_sites_change_nothing(
    shelf: Service, token: str | None, headers: dict[str, str]
) -> None:
    desk = a_desk(shelf)
    sent = {"csrftoken": token_of(desk) if token is None else token, "sku": "x", "name": "x"}

    answer = desk.post("/admin/shelf/thing/create", data={**sent, "price": "1"}, headers=headers)

    assert answer.status_code == 403
    assert things(shelf) == {}


def test_pages_run_only_our_scripts_and_reach_for_no_other_host(shelf: Service) -> None:
    pk = a_thing(shelf, "mug", "<script>alert(1)</script>")
    desk = a_desk(shelf)
    paths = ["", "thing/list", "thing/create", f"thing/edit?pk={pk}", f"thing/detail?pk={pk}"]

    pages = [desk.get(f"/admin/shelf/{path}") for path in [*paths, "nowhere/list"]]

    for page in pages:
        policy = page.headers["content-security-policy"]
        nonce = re.search(r"script-src 'self' 'nonce-([^']+)'", policy)
        assert nonce is not None
        scripts = re.findall(r"<script\b[^>]*>", page.text)
        assert all(f'nonce="{nonce[1]}"' in script for script in scripts)
        assert "<script>alert" not in page.text
        assert not re.search(r"\son(click|change|submit|load)=", page.text)
        hosts = set(re.findall(r"(?:href|src|action|url\()=?[\"']?(https?://[^/\"']+)", page.text))
        assert hosts <= {shelf.settings.public_url}
        assert "@import" not in page.text


def test_rows_carry_names_not_keys(shelf: Service) -> None:
    pk = a_thing(shelf, "mug")
    with shelf.transactions.begin() as work:
        work.session.add(Note(thing_id=pk, name="Nice and blue."))
    desk = a_desk(shelf)

    shown = desk.get(f"/admin/shelf/thing/detail?pk={pk}").text

    assert "<h1>Mug</h1>" in shown
    assert f"#{pk}" not in shown
    assert "Nice and blue." in shown


def test_each_admin_keeps_its_cookies_to_its_own_path(shelf: Service) -> None:
    desk = a_desk(shelf)

    cookies = desk.get("/admin/shelf/").headers.get_list("set-cookie")

    panel = [cookie for cookie in cookies if cookie.startswith("starlette_admin")]
    assert panel
    assert all("Path=/admin/shelf;" in f"{cookie};" for cookie in panel)
    assert [cookie for cookie in cookies if cookie.startswith("quintet_csrf=")]


def test_the_header_leads_to_the_shop_the_other_admins_and_out(shelf: Service) -> None:
    desk = a_desk(shelf)

    page = desk.get("/admin/shelf/").text

    for address in ('href="/"', 'href="/admin/auth/"', 'href="/admin/catalog/"'):
        assert address in page
    assert 'action="/account/sign-out"' in page


def test_the_admin_is_built_when_somebody_first_asks(shelf: Service) -> None:
    built: list[str] = []

    def build() -> ASGIApp:
        built.append("once")
        return create_admin(shelf, [RoomView(Room)])

    lazy = LazyAdmin(build)
    desk = TestClient(As(Router([Mount("/admin/shelf", app=lazy)]), BOSS))

    before = list(built)
    answers = [desk.get("/admin/shelf/").status_code for _ in range(2)]

    assert (before, built, answers) == ([], ["once"], [200, 200])


def test_a_view_must_say_who_may_see_it() -> None:
    class Careless(AdminView):
        fields = ["name"]

    with pytest.raises(TypeError, match="must say its view_permission"):
        Careless(Room)


def test_the_front_of_a_service_hands_its_caller_to_pages_and_admin(shelf: Service) -> None:
    flask = create_pages(shelf, "tests.shared.http.pages", [things_pages])
    lazy = LazyAdmin(lambda: create_admin(shelf, [RoomView(Room)]))
    root = create_root(shelf, apis={}, pages=as_asgi(flask, threads=2), admin=lazy)
    client = TestClient(root, base_url=shelf.settings.public_url, follow_redirects=False)
    signed_in = bearer(shelf, email="ada@example.com", staff=True, permissions=[VIEW])

    answers = [
        client.get(path, headers=headers)
        for path in ("/mine", "/admin/shelf", "/admin/shelf/", "/admin/shelf/room/list")
        for headers in ({}, signed_in)
    ]

    assert [answer.status_code for answer in answers] == [303, 200, 308, 308, 303, 200, 303, 200]
    assert answers[1].text == "These are ada@example.com's."
