"""Browser sessions: a key in a cookie, turned into short tokens, ended when somebody says so."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from auth_service.db.models import UserSession
from shared import clock
from shared.http import csrf
from shared.service import Service
from shared.testing import RecordedClock, client_of, sent_by
from tests.auth_service.builders import (
    COOKIE,
    a_user,
    another,
    credentials,
    signed_in,
    signed_in_browser,
    tokens_of,
)

SESSIONS = "/api/auth/v1/sessions"
ME = "/api/auth/v1/users/me"
SAME_ORIGIN = {"sec-fetch-site": "same-origin"}


def test_signing_in_sets_a_key_that_scripts_cannot_read(
    service: Service, client: TestClient
) -> None:
    a_user(service)

    answer = client.post(SESSIONS, json=credentials())

    session, token = sorted(answer.headers.get_list("set-cookie"), reverse=True)
    assert answer.status_code == 201
    assert session.startswith(f"{COOKIE}=")
    for cookie in (session, token):
        assert "HttpOnly" in cookie
        assert "samesite=lax" in cookie.lower()
        assert "Path=/" in cookie
    assert csrf.matches(client.cookies["quintet_csrf"], answer.headers["x-csrf-token"])
    assert client.get(ME).json()["email"] == "ada@quintet.example"


def test_on_https_the_cookies_are_bound_to_the_host(service: Service) -> None:
    service.settings = service.settings.model_copy(
        update={"public_url": "https://shop.quintet.example"}
    )
    a_user(service)

    answer = client_of(service).post(SESSIONS, json=credentials())

    for cookie in answer.headers.get_list("set-cookie"):
        assert cookie.startswith(("__Host-quintet_session=", "__Host-quintet_csrf="))
        assert "Secure" in cookie
        assert "Domain" not in cookie


def test_only_the_digest_of_a_session_key_is_stored(service: Service, client: TestClient) -> None:
    a_user(service)
    key = signed_in_browser(client)

    with service.transactions.read() as work:
        rows = work.session.execute(select(UserSession.__table__)).all()

    assert key not in str(rows)


def test_a_planted_session_key_is_never_taken_over(service: Service, client: TestClient) -> None:
    a_user(service)
    client.cookies.set(COOKIE, "planted-by-an-attacker", domain="127.0.0.1", path="/")

    key = signed_in_browser(client)

    assert key != "planted-by-an-attacker"
    attacker = another(client, key="planted-by-an-attacker")
    assert attacker.get(ME).status_code == 401


def test_signing_in_again_gives_a_new_key_and_ends_the_old_session(
    service: Service, client: TestClient
) -> None:
    a_user(service)
    old = signed_in_browser(client)

    answer = client.post(SESSIONS, json=credentials(), headers=SAME_ORIGIN)

    assert answer.status_code == 201
    assert client.cookies[COOKIE] != old
    assert another(client, key=old).get(ME).status_code == 401
    assert [event.type for event in sent_by(service)] == ["auth.session.revoked.v1"]


def test_the_gateway_gets_a_short_token_for_one_service(
    service: Service, client: TestClient
) -> None:
    a_user(service, permissions=["shop.view_order", "catalog.change_price"])
    key = signed_in_browser(client)

    answer = _exchange(client, key, "shop")

    claims = _claims(answer.json()["access_token"])
    assert (answer.status_code, answer.json()["expires_in"]) == (200, 300)
    assert claims["aud"] == ["shop"]
    assert claims["permissions"] == ["shop.view_order"]
    assert claims["client_id"] == "quintet-web"
    assert claims["exp"] - claims["iat"] == 300


@pytest.mark.parametrize("key", ["", "unknown", "é" * 300, "\x00", "' OR 1=1 --"])
def test_a_key_of_no_session_is_not_found(client: TestClient, key: str) -> None:
    assert _exchange(client, key, "shop").status_code == 404


def test_a_session_is_noted_as_seen_at_most_once_a_minute(
    service: Service, client: TestClient
) -> None:
    a_user(service)
    time = RecordedClock(datetime.now(UTC))
    with clock.recorded(time):
        key = signed_in_browser(client)
        started = _last_seen(service)
        time.forward(seconds=50)
        _exchange(client, key, "shop")
        soon = _last_seen(service)
        time.forward(seconds=20)
        _exchange(client, key, "shop")

    assert soon == started
    assert (_last_seen(service) - started).total_seconds() == 70


def test_a_browser_session_ends_when_idle_too_long_or_too_old(
    service: Service, client: TestClient
) -> None:
    a_user(service)
    time = RecordedClock(datetime.now(UTC))
    with clock.recorded(time):
        idle, busy = signed_in_browser(another(client)), signed_in_browser(another(client))
        answers = []
        for _ in range(3):
            time.forward(days=10)
            answers.append(_exchange(client, busy, "shop").status_code)
        idled = _exchange(client, idle, "shop").status_code

    assert answers == [200, 200, 404]
    assert idled == 404


def test_signing_out_ends_the_session_everywhere_at_once(
    service: Service, client: TestClient
) -> None:
    user_id = a_user(service)
    key = signed_in_browser(client)
    token = _exchange(client, key, "auth").json()["access_token"]

    answer = client.delete(f"{SESSIONS}/current", headers=SAME_ORIGIN)

    assert answer.status_code == 204
    assert f'{COOKIE}=""' in answer.headers["set-cookie"]
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert _exchange(client, key, "shop").status_code == 404
    assert client.get(ME, headers={"authorization": f"Bearer {token}"}).status_code == 401
    [event] = sent_by(service)
    assert (event.type, event.data["user_id"]) == ("auth.session.revoked.v1", str(user_id))
    assert event.data["session_id"] == _claims(token)["sid"]


def test_a_change_that_comes_with_a_cookie_must_be_our_own(
    service: Service, client: TestClient
) -> None:
    a_user(service)
    token = client.post(SESSIONS, json=credentials()).headers["x-csrf-token"]
    url = f"{SESSIONS}/current"

    refused = [
        client.delete(url).status_code,
        client.delete(url, headers={"x-csrf-token": "guess"}).status_code,
        client.delete(
            url, headers={"x-csrf-token": token, "sec-fetch-site": "cross-site"}
        ).status_code,
        client.delete(url, headers={"origin": "https://evil.example"}).status_code,
        client.delete(url, headers={"origin": "null"}).status_code,
    ]

    assert refused == [403] * 5
    assert client.delete(url, headers={"x-csrf-token": token}).status_code == 204


def test_another_site_cannot_sign_a_browser_in(service: Service, client: TestClient) -> None:
    a_user(service)

    answer = client.post(SESSIONS, json=credentials(), headers={"origin": "https://evil.example"})

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_people_see_where_they_are_signed_in_and_end_it(
    service: Service, client: TestClient
) -> None:
    a_user(service)
    here = signed_in(client)
    firefox = "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/150.0"
    browser = another(client, headers={"user-agent": firefox})
    key = signed_in_browser(browser)

    found = client.get(SESSIONS, headers=here).json()["items"]
    there = next(each for each in found if not each["current"])
    ended = client.delete(f"{SESSIONS}/{there['id']}", headers=here)
    again = client.delete(f"{SESSIONS}/{there['id']}", headers=here)

    assert len(found) == 2
    assert (there["kind"], there["device"]) == ("browser", "Firefox on Linux")
    assert (ended.status_code, again.status_code) == (204, 404)
    assert _exchange(client, key, "auth").status_code == 404


def test_nobody_ends_another_persons_session(service: Service, client: TestClient) -> None:
    a_user(service)
    a_user(service, "eve@quintet.example")
    mine = tokens_of(client)
    sid = _claims(mine["access_token"])["sid"]

    answer = client.delete(f"{SESSIONS}/{sid}", headers=signed_in(client, "eve@quintet.example"))

    assert answer.status_code == 404
    assert (
        client.get(ME, headers={"authorization": f"Bearer {mine['access_token']}"}).status_code
        == 200
    )


def test_the_internal_door_wants_a_plain_audience(client: TestClient) -> None:
    assert _exchange(client, "key", "https://evil.example").status_code == 422


def _exchange(client: TestClient, key: str, audience: str) -> Any:
    body = {"session": key, "audience": audience}
    return TestClient(client.app).post("/internal/v1/session-tokens", json=body)


def _claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(
        base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    )
    return claims


def _last_seen(service: Service) -> datetime:
    with service.transactions.read() as work:
        return work.session.scalars(select(UserSession.last_seen_at)).one()
