"""Refresh tokens: exchanged once, raced without harm, copied in vain."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from auth_service.db.models import RefreshToken, UserSession
from shared import clock
from shared.service import Service
from shared.testing import RecordedClock, client_of, sent_by
from tests.auth_service.builders import (
    a_user,
    at_once,
    counted,
    tokens_of,
)

TOKENS = "/api/auth/v1/tokens"
ME = "/api/auth/v1/users/me"


def test_a_refresh_token_brings_new_tokens_once(service: Service, client: TestClient) -> None:
    a_user(service)
    first = tokens_of(client)

    second = _refresh(client, first["refresh_token"]).json()
    third = _refresh(client, second["refresh_token"]).json()

    assert len({each["refresh_token"] for each in (first, second, third)}) == 3
    assert client.get(ME, headers=_bearer(third)).status_code == 200
    assert _sid(first) == _sid(third)


def test_many_refreshes_at_once_bring_one_and_the_same_successor(service: Service) -> None:
    a_user(service)
    app = client_of(service).app
    token = tokens_of(TestClient(app))["refresh_token"]

    answers = at_once(8, lambda _: _refresh(TestClient(app), token))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    assert counted(service, RefreshToken) == 2
    assert counted(service, UserSession) == 1
    successor = answers[0].json()["refresh_token"]
    assert _refresh(TestClient(app), successor).status_code == 200


def test_a_refresh_token_used_again_later_ends_the_session_and_says_so(
    service: Service, client: TestClient
) -> None:
    a_user(service)
    time = RecordedClock(datetime.now(UTC))
    with clock.recorded(time):
        first = tokens_of(client)
        second = _refresh(client, first["refresh_token"]).json()
        time.forward(seconds=9)
        in_time = _refresh(client, first["refresh_token"])
        time.forward(seconds=2)
        too_late = _refresh(client, first["refresh_token"])
        after = _refresh(client, second["refresh_token"])

    assert in_time.json()["refresh_token"] == second["refresh_token"]
    assert (too_late.status_code, after.status_code) == (401, 401)
    [event] = sent_by(service)
    assert (event.type, event.data["session_id"]) == ("auth.session.revoked.v1", _sid(first))
    assert client.get(ME, headers=_bearer(second)).status_code == 401


def test_a_session_has_an_end_that_no_refresh_moves(service: Service, client: TestClient) -> None:
    a_user(service)
    time = RecordedClock(datetime.now(UTC))
    with clock.recorded(time):
        token = tokens_of(client)["refresh_token"]
        for _ in range(3):
            time.forward(days=9)
            token = _refresh(client, token).json()["refresh_token"]
        time.forward(days=4)
        beyond = _refresh(client, token)

    assert beyond.status_code == 401


def test_a_session_that_lies_idle_too_long_is_over(service: Service, client: TestClient) -> None:
    a_user(service)
    time = RecordedClock(datetime.now(UTC))
    with clock.recorded(time):
        token = tokens_of(client)["refresh_token"]
        time.forward(days=15)
        idle = _refresh(client, token)
        again = _refresh(client, token)

    assert (idle.status_code, again.status_code) == (401, 401)


@pytest.mark.parametrize("token", ["", "x", "é" * 40, "a.b.c", "\x00"])
def test_what_is_no_refresh_token_is_refused(client: TestClient, token: str) -> None:
    assert _refresh(client, token).status_code == 401


def test_only_digests_of_refresh_tokens_are_stored(service: Service, client: TestClient) -> None:
    a_user(service)
    first = tokens_of(client)["refresh_token"]
    second = _refresh(client, first).json()["refresh_token"]

    with service.transactions.read() as work:
        rows = work.session.execute(select(RefreshToken.__table__)).all()

    assert first not in str(rows)
    assert second not in str(rows)


def _refresh(client: TestClient, token: str) -> Any:
    return client.post(f"{TOKENS}/refresh", json={"refresh_token": token})


def _bearer(tokens: dict[str, Any]) -> dict[str, str]:
    return {"authorization": f"Bearer {tokens['access_token']}"}


def _sid(tokens: dict[str, Any]) -> str:
    return str(_parts(tokens["access_token"])[1]["sid"])


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, claims = (json.loads(_decoded(part)) for part in token.split(".")[:2])
    return header, claims


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
