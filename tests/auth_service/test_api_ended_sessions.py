"""A gateway that may have missed an event asks which sessions have ended."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from starlette.testclient import TestClient

from auth_service.api import internal
from auth_service.db.models import EndedSession, UserSession
from auth_service.usecases.cleaning import clean_up
from auth_service.usecases.desk import Desk
from auth_service.usecases.sessions import end_sessions
from shared import clock
from shared.service import Service
from shared.testing import RecordedClock
from tests.auth_service.builders import (
    PASSWORD,
    a_user,
    counted,
    signed_in,
    tokens_of,
)

LIST = "/internal/v1/ended-sessions"


def asked(client: TestClient, seconds: int = 3600) -> list[str]:
    """All pages of the list."""
    found: list[str] = []
    answer = client.get(LIST, params={"seconds": seconds}).json()
    while True:
        found += answer["sessions"]
        if answer["next"] is None:
            return found
        answer = client.get(LIST, params={"seconds": seconds, "cursor": answer["next"]}).json()


def sessions_of(service: Service) -> list[UserSession]:
    with service.transactions.read() as work:
        return list(work.session.query(UserSession).order_by(UserSession.created_at))


def test_sessions_that_ended_are_listed_and_open_ones_are_not(
    service: Service, client: TestClient
) -> None:
    a_user(service)
    tokens_of(client)
    here = signed_in(client)
    ended = sessions_of(service)[0].id

    client.delete(f"/api/auth/v1/sessions/{ended}", headers=here)

    assert asked(client) == [str(ended)]


def test_what_ended_before_the_life_of_any_token_needs_no_mention(
    service: Service, client: TestClient
) -> None:
    a_user(service)
    time = RecordedClock(datetime.now(UTC))
    with clock.recorded(time):
        client.delete("/api/auth/v1/sessions/current", headers=signed_in(client))
        time.forward(seconds=100)

        assert len(asked(client, seconds=200)) == 1
        assert asked(client, seconds=50) == []


def test_the_sessions_of_an_erased_account_are_listed_although_the_account_is_gone(
    service: Service, client: TestClient
) -> None:
    a_user(service)
    here = signed_in(client)
    (ended,) = sessions_of(service)

    gone = {"password": PASSWORD}
    left = client.post("/api/auth/v1/users/me/erasure", json=gone, headers=here)

    assert left.status_code == 204
    assert sessions_of(service) == []
    assert asked(client) == [str(ended.id)]


def test_a_long_list_comes_in_pages_and_nothing_is_left_out(
    service: Service, client: TestClient, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_user(service)
    for _ in range(7):
        tokens_of(client)
    everyone = {str(each.id) for each in sessions_of(service)}
    with service.transactions.begin() as work:
        end_sessions(work, UserSession.kind == "api")
    monkeypatch.setattr(internal, "PAGE", 3)

    found = asked(client)

    assert len(found) == 7
    assert set(found) == everyone


def test_a_session_that_ends_twice_is_listed_once(service: Service, client: TestClient) -> None:
    a_user(service)
    tokens_of(client)
    for _ in range(2):
        with service.transactions.begin() as work:
            end_sessions(work, UserSession.kind == "api")

    assert len(asked(client)) == 1


def test_endings_are_forgotten_once_no_token_can_live(service: Service, client: TestClient) -> None:
    a_user(service)
    time = RecordedClock(datetime.now(UTC))
    with clock.recorded(time):
        client.delete("/api/auth/v1/sessions/current", headers=signed_in(client))
        clean_up(service.transactions)
        kept = counted(service, EndedSession)
        time.forward(days=2)
        clean_up(service.transactions)

    assert (kept, counted(service, EndedSession)) == (1, 0)


@pytest.mark.parametrize(
    "query",
    ["", "seconds=0", "seconds=86401", "seconds=60&cursor=x", "seconds=60&cursor=WyJhIiwiYiJd"],
)
def test_what_cannot_be_asked_is_refused(client: TestClient, query: str) -> None:
    assert client.get(f"{LIST}?{query}").status_code == 422


def test_the_ids_are_those_that_tokens_carry(service: Service, client: TestClient) -> None:
    a_user(service)
    client.delete("/api/auth/v1/sessions/current", headers=signed_in(client))

    (listed,) = asked(client)

    assert UUID(listed) == sessions_of(service)[0].id
