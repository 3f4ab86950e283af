"""The admin of people: staff change accounts by the same rules as everywhere."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from sqlalchemy import select
from starlette.testclient import TestClient

from auth_service.db.models import Group, User, UserSession
from shared.service import Service
from shared.testing import sent_by
from tests.auth_service.builders import (
    EMAIL,
    a_user,
    another,
    counted,
    hash_of,
    signed_in_browser,
)

ALL = [
    "auth.view_user",
    "auth.change_user",
    "auth.view_group",
    "auth.change_group",
    "auth.view_session",
    "auth.end_session",
]


def test_the_admin_is_for_staff(service: Service, client: TestClient) -> None:
    a_user(service, permissions=ALL)

    guest = client.get("/admin/auth/")
    signed_in_browser(client)
    shopper = client.get("/admin/auth/")

    assert guest.headers["location"].startswith("/account/sign-in")
    assert shopper.status_code == 403


def test_staff_see_only_what_they_may(service: Service, client: TestClient) -> None:
    _a_clerk(service, ["auth.view_session"])
    signed_in_browser(client, "clerk@quintet.example")

    assert client.get("/admin/auth/session/list").status_code == 200
    assert client.get("/admin/auth/user/list").status_code == 403


def test_every_screen_opens_and_no_hash_is_shown(service: Service, client: TestClient) -> None:
    user_id = a_user(service)
    _a_clerk(service, ALL, is_superuser=True)
    signed_in_browser(client, "clerk@quintet.example")
    pages = [
        "/admin/auth/",
        f"/admin/auth/user/detail?pk={user_id}",
        f"/admin/auth/user/edit?pk={user_id}",
    ]
    pages += [f"/admin/auth/{key}/list" for key in ("user", "group", "session", "permission")]

    seen = {path: client.get(path) for path in pages}

    assert {path: page.status_code for path, page in seen.items()} == dict.fromkeys(pages, 200)
    texts = "".join(page.text for page in seen.values())
    assert hash_of("kettle moss lantern") not in texts
    assert "argon2" not in texts


def test_closing_an_account_in_the_admin_ends_its_sessions(
    service: Service, client: TestClient
) -> None:
    user_id = a_user(service)
    shopper = another(client)
    signed_in_browser(shopper)
    _a_clerk(service, ALL)
    signed_in_browser(client, "clerk@quintet.example")

    answer = _save(client, f"/admin/auth/user/edit?pk={user_id}", {})

    assert answer.status_code == 303, answer.text[:400]
    assert shopper.get("/account").status_code == 303
    assert _user(service, user_id).is_active is False
    assert "auth.user.disabled.v1" in [event.type for event in sent_by(service)]


def test_a_clerk_cannot_make_anybody_a_superuser_in_the_admin(
    service: Service, client: TestClient
) -> None:
    user_id = a_user(service)
    _a_clerk(service, ALL)
    signed_in_browser(client, "clerk@quintet.example")

    answer = _save(
        client, f"/admin/auth/user/edit?pk={user_id}", {"is_active": "on", "is_superuser": "on"}
    )

    assert answer.status_code == 422
    assert "Only a superuser" in answer.text
    assert _user(service, user_id).is_superuser is False


def test_groups_are_founded_changed_and_dissolved_within_reach(
    service: Service, client: TestClient
) -> None:
    a_user(service, permissions=["shop.refund_order"])
    _a_clerk(service, ALL)
    signed_in_browser(client, "clerk@quintet.example")
    create = "/admin/auth/group/create"

    founded = _save(client, create, {"name": "Hosts", "permissions": "auth.view_user"})
    twice = _save(client, create, {"name": "Hosts"})
    beyond = _save(client, create, {"name": "Treasurers", "permissions": "shop.refund_order"})

    assert (founded.status_code, twice.status_code, beyond.status_code) == (303, 422, 422)
    assert "do not hold" in beyond.text
    [group] = _groups(service)
    assert (group.name, [each.name for each in group.permissions]) == ("Hosts", ["auth.view_user"])
    edited = _save(client, f"/admin/auth/group/edit?pk={group.id}", {"name": "Greeters"})
    assert edited.status_code == 303
    [group] = _groups(service)
    assert (group.name, group.permissions) == ("Greeters", [])


def test_sessions_are_ended_from_the_list(service: Service, client: TestClient) -> None:
    a_user(service)
    shopper = another(client)
    signed_in_browser(shopper)
    _a_clerk(service, ALL)
    signed_in_browser(client, "clerk@quintet.example")
    [theirs] = _sessions(service, EMAIL)

    client.get("/admin/auth/session/list")
    answer = client.post(
        "/admin/auth/_api/session/action",
        params={"pks": str(theirs), "name": "end"},
        headers={"x-csrftoken": client.cookies["starlette_admin_csrftoken"]},
    )

    assert answer.status_code == 200, answer.text
    assert shopper.get("/account").status_code == 303
    assert counted(service, UserSession) == 2


def _a_clerk(service: Service, permissions: list[str], **more: Any) -> UUID:
    return a_user(service, "clerk@quintet.example", is_staff=True, permissions=permissions, **more)


def _save(client: TestClient, path: str, fields: dict[str, str]) -> Any:
    page = client.get(path)
    assert page.status_code == 200, page.text[:400]
    return client.post(path, data={**fields, "csrftoken": _token(page.text)})


def _token(page: str) -> str:
    found = re.search(r'name="csrftoken"[^>]*value="([^"]+)"', page)
    assert found, "the page has no form"
    return found.group(1)


def _user(service: Service, user_id: UUID) -> User:
    with service.transactions.read() as work:
        return work.session.get_one(User, user_id)


def _groups(service: Service) -> list[Group]:
    from sqlalchemy.orm import selectinload

    with service.transactions.read() as work:
        return list(work.session.scalars(select(Group).options(selectinload(Group.permissions))))


def _sessions(service: Service, email: str) -> list[UUID]:
    with service.transactions.read() as work:
        query = select(UserSession.id).join(UserSession.user).where(User.email == email)
        return list(work.session.scalars(query))
