"""Accounts by JSON: made once, read and changed by their owner."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from auth_service.db.models import KeyRow, User, UserSession
from shared.service import Service
from shared.testing import client_of, sent_by
from tests.auth_service.builders import (
    EMAIL,
    PASSWORD,
    a_user,
    at_once,
    counted,
    credentials,
    newcomer,
    signed_in,
)

USERS = "/api/auth/v1/users"


def test_registering_makes_an_account_and_says_so(service: Service, client: TestClient) -> None:
    answer = client.post(USERS, json=newcomer(email="Ada@Quintet.example", name=" Ada  Lovelace"))

    assert answer.status_code == 201
    assert answer.json()["email"] == "ada@quintet.example"
    assert answer.json()["name"] == "Ada Lovelace"
    assert answer.headers["location"] == f"{USERS}/{answer.json()['id']}"
    [event] = sent_by(service)
    assert event.type == "auth.user.registered.v1"
    assert event.data["user_id"] == answer.json()["id"]
    assert "password" not in str(event.data)


def test_an_address_belongs_to_one_account_however_it_is_written(client: TestClient) -> None:
    client.post(USERS, json=newcomer())

    answer = client.post(USERS, json=newcomer(email="ADA@quintet.EXAMPLE", password="other words!"))

    assert answer.status_code == 409
    assert answer.json()["errors"][0]["field"] == "email"


def test_of_many_who_register_one_address_at_once_exactly_one_gets_it(service: Service) -> None:
    app = client_of(service).app

    answers = at_once(8, lambda _: TestClient(app).post(USERS, json=newcomer()).status_code)

    assert sorted(answers) == [201] + [409] * 7
    assert counted(service, User) == 1
    assert [event.type for event in sent_by(service)] == ["auth.user.registered.v1"]


def test_a_repeated_registration_with_its_key_gets_the_first_answer(
    service: Service, client: TestClient
) -> None:
    key = {"idempotency-key": "once"}

    first = client.post(USERS, json=newcomer(), headers=key)
    second = client.post(USERS, json=newcomer(), headers=key)
    other = client.post(USERS, json=newcomer(name="Eve"), headers=key)

    assert (first.status_code, second.status_code, other.status_code) == (201, 201, 422)
    assert second.json() == first.json()
    assert second.headers["idempotency-replayed"] == "true"
    assert counted(service, User) == 1


def test_many_repeats_at_once_make_one_account(service: Service) -> None:
    app, key = client_of(service).app, {"idempotency-key": "once"}

    answers = at_once(6, lambda _: TestClient(app).post(USERS, json=newcomer(), headers=key))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_what_is_kept_for_a_repeat_says_nothing_about_the_password(
    service: Service, client: TestClient
) -> None:
    client.post(USERS, json=newcomer(), headers={"idempotency-key": "once"})

    with service.transactions.read() as work:
        kept = work.session.scalars(select(KeyRow)).one()

    plain = client_of(service, base_url="http://127.0.0.1:8000")
    assert PASSWORD not in kept.body
    assert kept.fingerprint != _plain_digest(plain, newcomer())


def test_all_that_is_wrong_is_said_at_once_field_by_field(client: TestClient) -> None:
    answer = client.post(USERS, json={"email": "nope", "password": "short", "name": ""})

    assert answer.status_code == 422
    assert {each["field"] for each in answer.json()["errors"]} == {"email", "password", "name"}


@pytest.mark.parametrize(
    "extra", [{"is_superuser": True}, {"is_staff": True}, {"id": "1"}, {"permissions": []}]
)
def test_nobody_registers_with_more_than_is_asked_for(
    client: TestClient, extra: dict[str, Any]
) -> None:
    answer = client.post(USERS, json={**newcomer(), **extra})

    assert answer.status_code == 422


def test_a_password_is_taken_exactly_as_typed(client: TestClient) -> None:
    client.post(USERS, json=newcomer(password=f"  {PASSWORD}  "))

    exact = client.post("/api/auth/v1/tokens", json=credentials(password=f"  {PASSWORD}  "))
    trimmed = client.post("/api/auth/v1/tokens", json=credentials())

    assert (exact.status_code, trimmed.status_code) == (200, 401)


@pytest.mark.parametrize("name", ["\\ud800", "\\u0000", "A\\u0007"])
def test_characters_that_no_name_has_are_refused_not_a_crash(client: TestClient, name: str) -> None:
    raw = f'{{"email":"{EMAIL}","password":"{PASSWORD}","name":"{name}"}}'

    answer = client.post(USERS, content=raw, headers={"content-type": "application/json"})

    assert answer.status_code == 422


def test_people_read_and_rename_themselves(service: Service, client: TestClient) -> None:
    a_user(service, permissions=["shop.view_order"])
    me = signed_in(client)

    read = client.get(f"{USERS}/me", headers=me)
    changed = client.patch(
        f"{USERS}/me", json={"name": "Ada L."}, headers={**me, "if-match": read.headers["etag"]}
    )
    stale = client.patch(
        f"{USERS}/me", json={"name": "Eve"}, headers={**me, "if-match": read.headers["etag"]}
    )

    assert read.json()["permissions"] == ["shop.view_order"]
    assert (changed.status_code, changed.json()["name"]) == (200, "Ada L.")
    assert stale.status_code == 412
    assert client.get(f"{USERS}/me", headers=me).json()["name"] == "Ada L."


def test_a_new_password_ends_all_other_sessions(service: Service, client: TestClient) -> None:
    a_user(service)
    here, elsewhere = signed_in(client), signed_in(client)

    wrong = client.post(
        f"{USERS}/me/password", headers=here, json={"current": "nope", "password": "two red herons"}
    )
    right = client.post(
        f"{USERS}/me/password",
        headers=here,
        json={"current": PASSWORD, "password": "two red herons"},
    )

    assert (wrong.status_code, right.status_code) == (422, 204)
    assert client.get(f"{USERS}/me", headers=here).status_code == 200
    assert client.get(f"{USERS}/me", headers=elsewhere).status_code == 401
    assert [event.type for event in sent_by(service)] == ["auth.session.revoked.v1"]


def test_who_leaves_is_forgotten_and_the_others_hear_of_it(
    service: Service, client: TestClient
) -> None:
    user_id = a_user(service)
    me = signed_in(client)

    refused = client.post(f"{USERS}/me/erasure", json={"password": "nope"}, headers=me)
    done = client.post(f"{USERS}/me/erasure", json={"password": PASSWORD}, headers=me)

    assert (refused.status_code, done.status_code) == (422, 204)
    assert client.get(f"{USERS}/me", headers=me).status_code == 401
    assert (counted(service, User), counted(service, UserSession)) == (0, 0)
    assert sent_by(service)[-1].type == "auth.user.erased.v1"
    assert sent_by(service)[-1].data["user_id"] == str(user_id)


def _plain_digest(client: TestClient, body: dict[str, str]) -> str:
    import hashlib

    request = client.build_request("POST", USERS, json=body)
    said = f"POST {USERS}?\n".encode() + request.content
    return hashlib.sha256(said).hexdigest()
