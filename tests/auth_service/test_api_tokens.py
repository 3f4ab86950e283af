"""Tokens: given to who knows the password; guessing is slow and tells nothing."""

from __future__ import annotations

import base64
import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from argon2 import PasswordHasher
from prometheus_client import REGISTRY
from starlette.testclient import TestClient

from auth_service.db.models import User
from auth_service.domain.tokens import Bearer, claims_of
from auth_service.settings import Settings
from auth_service.usecases.desk import Desk
from auth_service.usecases.hashing import Hasher
from auth_service.usecases.tokens import access_token
from shared import clock
from shared.ids import new_id
from shared.service import Service
from shared.testing import RecordedClock, client_of
from tests.auth_service.builders import (
    EMAIL,
    HASH_MEMORY_KIB,
    PASSWORD,
    a_user,
    at_once,
    credentials,
    tokens_of,
)

TOKENS = "/api/auth/v1/tokens"
ME = "/api/auth/v1/users/me"


def test_a_token_says_who_it_is_about_and_what_they_may_do(
    service: Service, client: TestClient
) -> None:
    user_id = a_user(service, is_staff=True, permissions=["shop.view_order", "auth.view_user"])

    answer = client.post(TOKENS, json=credentials()).json()

    header, claims = _parts(answer["access_token"])
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 900)
    assert (header["typ"], header["alg"]) == ("at+jwt", "RS256")
    assert claims["sub"] == str(user_id)
    assert claims["aud"] == ["auth", "catalog", "shop"]
    assert claims["iss"] == "http://127.0.0.1:8000"
    assert (claims["client_id"], claims["scope"]) == ("quintet-api", "quintet")
    assert (claims["name"], claims["email"]) == ("Ada Lovelace", EMAIL)
    assert (claims["staff"], claims["superuser"]) == (True, False)
    assert claims["permissions"] == ["auth.view_user", "shop.view_order"]
    assert claims["exp"] - claims["iat"] == 900
    assert {"jti", "sid"} <= set(claims)


def test_a_superuser_holds_every_permission_there_is(service: Service, client: TestClient) -> None:
    a_user(service, "clerk@quintet.example", permissions=["shop.view_order"])
    a_user(service, is_superuser=True)

    _, claims = _parts(tokens_of(client)["access_token"])

    assert (claims["superuser"], claims["staff"]) == (True, True)
    assert claims["permissions"] == ["shop.view_order"]


def test_nobody_learns_whether_an_account_exists(service: Service, client: TestClient) -> None:
    a_user(service)
    a_user(service, "closed@quintet.example", is_active=False)
    tries = [
        credentials("nobody@quintet.example"),
        credentials(password="wrong password"),
        credentials("closed@quintet.example"),
        credentials("closed@quintet.example", "wrong password"),
        credentials("no address at all"),
    ]

    answers, hashes = [], []
    for each in tries:
        before = _hashes()
        answer = client.post(TOKENS, json=each)
        hashes.append(_hashes() - before)
        answers.append((answer.status_code, _without_id(answer.json()), sorted(answer.headers)))

    assert answers == [answers[0]] * len(tries)
    assert answers[0][0] == 401
    assert hashes == [1.0] * len(tries)


def test_wrong_tries_close_the_gate_for_that_address_alone(
    service: Service, client: TestClient
) -> None:
    a_user(service)
    attacker = {"x-forwarded-for": "203.0.113.66"}

    for _ in range(5):
        client.post(TOKENS, json=credentials(password="guess"), headers=attacker)
    blocked = client.post(TOKENS, json=credentials(), headers=attacker)
    owner = client.post(TOKENS, json=credentials(), headers={"x-forwarded-for": "198.51.100.7"})

    assert blocked.status_code == 429
    assert int(blocked.headers["retry-after"]) >= 1
    assert owner.status_code == 200


def test_unknown_accounts_are_throttled_like_known_ones(
    service: Service, client: TestClient
) -> None:
    a_user(service)
    known = [_status(client, credentials(password="guess")) for _ in range(7)]
    unknown = [_status(client, credentials("nobody@quintet.example")) for _ in range(7)]

    assert known == unknown == [401] * 5 + [429] * 2


def test_the_gate_opens_again_after_the_wait(service: Service, client: TestClient) -> None:
    a_user(service)
    time = RecordedClock(datetime.now(UTC))
    with clock.recorded(time):
        for _ in range(5):
            client.post(TOKENS, json=credentials(password="guess"))
        early = client.post(TOKENS, json=credentials())
        time.forward(seconds=3)
        later = client.post(TOKENS, json=credentials())

    assert (early.status_code, later.status_code) == (429, 200)


def test_guessing_in_parallel_brings_no_more_answers_than_guessing_in_turn(
    service: Service,
) -> None:
    a_user(service)
    app = client_of(service).app

    answers = at_once(12, lambda _: _status(TestClient(app), credentials(password="a wrong guess")))

    assert answers.count(401) <= 5
    assert set(answers) == {401, 429}


def test_the_right_password_in_parallel_always_passes(service: Service) -> None:
    a_user(service)
    app = client_of(service).app

    answers = at_once(8, lambda _: _status(TestClient(app), credentials()))

    assert answers == [200] * 8


def test_hashes_are_as_costly_as_owasp_asks_unless_told_otherwise() -> None:
    hasher = Hasher(at_once=1, waiting=1, memory_kib=Settings(_env_file=None).hash_memory_kib)

    assert "$argon2id$v=19$m=19456,t=2,p=1$" in hasher.hash(PASSWORD)


def test_too_many_hashes_at_once_are_refused_not_queued_for_ever(service: Service) -> None:
    slow = {"hashes_at_once": 1, "hashes_waiting": 0, "hash_memory_kib": 128 * 1024}
    narrow = client_of(_with(service, **slow)).app

    answers = at_once(6, lambda _: TestClient(narrow).post(TOKENS, json=credentials()))

    refused = [answer for answer in answers if answer.status_code == 503]
    assert 1 <= len(refused) < 6
    assert all("retry-after" in answer.headers for answer in refused)


def test_an_old_hash_is_made_anew_when_its_owner_signs_in(
    service: Service, client: TestClient, desk: Desk
) -> None:

    user_id = a_user(service)
    with service.transactions.begin() as work:
        user = work.session.get_one(User, user_id)
        user.password_hash = PasswordHasher(1, 8 * HASH_MEMORY_KIB, 1).hash(PASSWORD)

    tokens_of(client)

    with service.transactions.read() as work:
        stored = work.session.get_one(User, user_id).password_hash
    assert f"m={HASH_MEMORY_KIB},t=2,p=1" in stored
    assert _status(client, credentials()) == 200


def test_secrets_never_reach_the_logs(
    service: Service, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    client = client_of(service)
    a_user(service)
    with caplog.at_level(logging.DEBUG):
        tokens = tokens_of(client)
        client.post(TOKENS, json=credentials(password="a secret guess"))
        spent = _refresh(client, tokens["refresh_token"]).json()
        client.get(ME, headers=_bearer(tokens))
        client.get(ME, headers={"authorization": "Bearer forged.secret.guess"})

    seen = caplog.text + "".join(capsys.readouterr())
    for secret in (PASSWORD, "a secret guess", tokens["refresh_token"], spent["access_token"],
                   tokens["access_token"], "forged.secret.guess"):  # fmt: skip
        assert secret not in seen


def test_a_token_is_signed_only_with_what_the_bearer_holds(desk: Desk) -> None:
    bearer = Bearer(new_id(), new_id(), "api", "Ada", EMAIL, False, False, ("shop.view_order",))

    token = access_token(desk, bearer)
    claims = claims_of(
        bearer, issuer="i", audiences=["catalog"], now=clock.now(), life=desk.policy.access_life
    )

    assert _parts(token.token)[1]["permissions"] == ["shop.view_order"]
    assert claims["permissions"] == []


def _with(service: Service, **settings: Any) -> Service:
    service.settings = service.settings.model_copy(update=settings)
    return service


def _refresh(client: TestClient, token: str) -> Any:
    return client.post(f"{TOKENS}/refresh", json={"refresh_token": token})


def _status(client: TestClient, body: dict[str, str]) -> int:
    return client.post(TOKENS, json=body).status_code


def _bearer(tokens: dict[str, Any]) -> dict[str, str]:
    return {"authorization": f"Bearer {tokens['access_token']}"}


def _hashes() -> float:
    return REGISTRY.get_sample_value("auth_password_hashes_total") or 0.0


def _without_id(problem: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in problem.items() if name != "request_id"}


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, claims = (json.loads(_decoded(part)) for part in token.split(".")[:2])
    return header, claims


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
