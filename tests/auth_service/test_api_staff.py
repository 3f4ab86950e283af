"""Accounts as staff see them: changed within reach, closed at once."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from auth_service.db.models import Group, Permission
from shared.service import Service
from shared.testing import sent_by
from tests.auth_service.builders import (
    PASSWORD,
    a_user,
    credentials,
    signed_in,
    tokens_of,
)

USERS = "/api/auth/v1/users"


def test_the_list_of_users_is_for_those_who_may_see_it(
    service: Service, client: TestClient
) -> None:
    for number in range(5):
        a_user(service, f"user{number}@quintet.example")
    a_user(service, "clerk@quintet.example", permissions=["auth.view_user"])
    clerk, guest = (
        signed_in(client, "clerk@quintet.example"),
        signed_in(client, "user0@quintet.example"),
    )

    first = client.get(USERS, params={"limit": 4}, headers=clerk).json()
    second = client.get(USERS, params={"limit": 4, "cursor": first["next"]}, headers=clerk).json()
    found = client.get(USERS, params={"q": "USER3"}, headers=clerk).json()

    emails = [each["email"] for each in first["items"] + second["items"]]
    assert len(set(emails)) == 6
    assert second["next"] is None
    assert [each["email"] for each in found["items"]] == ["user3@quintet.example"]
    assert "hash" not in str(first)
    assert client.get(USERS, headers=guest).status_code == 403
    assert client.get(USERS).status_code == 401
    assert client.get(USERS, params={"cursor": "WyJ4Il0"}, headers=clerk).status_code == 422


def test_a_stranger_cannot_read_another_account(service: Service, client: TestClient) -> None:
    mine, theirs = a_user(service), a_user(service, "eve@quintet.example")
    me = signed_in(client)

    assert client.get(f"{USERS}/{mine}", headers=me).status_code == 200
    assert client.get(f"{USERS}/{theirs}", headers=me).status_code == 403


def test_closing_an_account_ends_its_sessions_at_once(service: Service, client: TestClient) -> None:
    user_id = a_user(service)
    a_user(service, "clerk@quintet.example", permissions=["auth.change_user"])
    tokens = tokens_of(client)
    theirs = {"authorization": f"Bearer {tokens['access_token']}"}

    answer = client.patch(
        f"{USERS}/{user_id}",
        json={"is_active": False},
        headers=signed_in(client, "clerk@quintet.example"),
    )

    assert answer.json()["is_active"] is False
    assert client.get(f"{USERS}/me", headers=theirs).status_code == 401
    refreshed = client.post(
        "/api/auth/v1/tokens/refresh", json={"refresh_token": tokens["refresh_token"]}
    )
    assert refreshed.status_code == 401
    assert client.post("/api/auth/v1/tokens", json=credentials()).status_code == 401
    assert [event.type for event in sent_by(service)] == [
        "auth.session.revoked.v1",
        "auth.user.disabled.v1",
    ]


def test_a_change_made_on_an_old_view_is_refused(service: Service, client: TestClient) -> None:
    user_id = a_user(service)
    a_user(service, "clerk@quintet.example", permissions=["auth.change_user", "auth.view_user"])
    clerk = signed_in(client, "clerk@quintet.example")
    seen = client.get(f"{USERS}/{user_id}", headers=clerk).headers["etag"]
    client.patch(f"{USERS}/{user_id}", json={"is_active": False}, headers=clerk)

    late = client.patch(
        f"{USERS}/{user_id}", json={"is_active": True}, headers={**clerk, "if-match": seen}
    )

    assert late.status_code == 412
    assert client.get(f"{USERS}/{user_id}", headers=clerk).json()["is_active"] is False


@pytest.mark.parametrize(
    "change",
    [
        {"is_superuser": True},
        {"is_staff": True},
        {"permissions": ["shop.refund_order"]},
        {"groups": ["Treasurers"]},
    ],
)
def test_a_clerk_cannot_hand_out_more_than_the_clerk_holds(
    service: Service, client: TestClient, change: dict[str, Any]
) -> None:
    user_id = a_user(service)
    a_user(service, "clerk@quintet.example", permissions=["auth.change_user"])
    _a_group(service, "Treasurers", "shop.refund_order")

    answer = client.patch(
        f"{USERS}/{user_id}", json=change, headers=signed_in(client, "clerk@quintet.example")
    )

    assert answer.status_code == 403


def test_a_clerk_cannot_close_a_superuser_nor_raise_themselves(
    service: Service, client: TestClient
) -> None:
    boss = a_user(service, "boss@quintet.example", is_superuser=True)
    clerk = a_user(service, "clerk@quintet.example", permissions=["auth.change_user"])
    headers = signed_in(client, "clerk@quintet.example")

    on_boss = client.patch(f"{USERS}/{boss}", json={"is_active": False}, headers=headers)
    on_self = client.patch(f"{USERS}/{clerk}", json={"permissions": []}, headers=headers)

    assert (on_boss.status_code, on_self.status_code) == (403, 403)


def test_the_last_superuser_stays(service: Service, client: TestClient) -> None:
    boss = a_user(service, "boss@quintet.example", is_superuser=True)
    headers = signed_in(client, "boss@quintet.example")

    answer = client.patch(f"{USERS}/{boss}", json={"is_superuser": False}, headers=headers)
    left = client.post(f"{USERS}/me/erasure", json={"password": PASSWORD}, headers=headers)

    assert (answer.status_code, left.status_code) == (409, 409)


def test_a_member_of_a_group_may_what_the_group_may(service: Service, client: TestClient) -> None:
    user_id = a_user(service)
    a_user(service, "boss@quintet.example", is_superuser=True)
    _a_group(service, "Treasurers", "shop.refund_order")
    boss = signed_in(client, "boss@quintet.example")

    joined = client.patch(f"{USERS}/{user_id}", json={"groups": ["Treasurers"]}, headers=boss)
    nowhere = client.patch(f"{USERS}/{user_id}", json={"groups": ["Nobody"]}, headers=boss)

    assert joined.json()["groups"] == ["Treasurers"]
    assert nowhere.status_code == 422
    me = client.get(f"{USERS}/me", headers=signed_in(client)).json()
    assert me["permissions"] == ["shop.refund_order"]
    groups = client.get("/api/auth/v1/groups", headers=boss).json()["items"]
    assert groups[0]["permissions"] == ["shop.refund_order"]
    known = client.get("/api/auth/v1/permissions", headers=boss).json()["items"]
    assert known[0]["name"] == "shop.refund_order"


def _a_group(service: Service, name: str, permission: str) -> None:
    with service.transactions.begin() as work:
        right = Permission(name=permission, service=permission.split(".")[0], description="…")
        work.session.add(Group(name=name, permissions=[right]))
