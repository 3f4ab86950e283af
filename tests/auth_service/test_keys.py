"""Signing keys: one active and one next however many processes start; rotated, dropped, sealed."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, text
from starlette.testclient import TestClient

from auth_service.app import desk_of
from auth_service.db.models import SigningKey
from auth_service.domain.errors import KeysUnreadable
from auth_service.usecases.desk import Desk
from auth_service.usecases.keys import Keyring, rotate_keys
from shared.service import Service
from shared.testing import client_of, sent_by
from tests.auth_service.builders import a_user, at_once, signed_in

ME = "/api/auth/v1/users/me"
KeyRows = list[dict[str, Any]]


def test_processes_that_start_together_agree_on_one_key(bare_service: Service) -> None:
    desks = [desk_of(bare_service) for _ in range(3)]

    found = at_once(3, lambda number: desks[number].keyring.public())

    assert found[0] == found[1] == found[2]
    assert sorted(state for state, _ in _keys(bare_service)) == ["active", "next"]


def test_after_a_rotation_old_tokens_still_verify_and_the_next_key_was_known_before(
    service: Service, client: TestClient, key_rows: KeyRows
) -> None:
    a_user(service)
    old, known = signed_in(client), _kids(client)

    _rotate(service, _pair_like(service))

    fresh_process = client_of(service)
    assert fresh_process.get(ME, headers=old).status_code == 200
    assert fresh_process.get(ME, headers=signed_in(fresh_process)).status_code == 200
    [event] = [each for each in sent_by(service) if each.type == "auth.keys.rotated.v1"]
    assert event.data["active_kid"] == key_rows[1]["kid"]
    assert event.data["active_kid"] in known
    assert set(event.data["kids"]) == _kids(fresh_process)


def test_a_leaked_key_is_dropped_with_all_that_it_signed(
    service: Service, client: TestClient
) -> None:
    a_user(service)
    old = signed_in(client)

    _rotate(service, _pair_like(service), drop_old=True)

    fresh_process = client_of(service)
    assert fresh_process.get(ME, headers=old).status_code == 401
    assert fresh_process.get(ME, headers=signed_in(fresh_process)).status_code == 200
    assert len(_kids(fresh_process)) == 2


def test_private_keys_are_sealed_at_rest(service: Service, desk: Desk) -> None:
    with service.transactions.read() as work:
        stored = str(work.session.execute(select(SigningKey.__table__)).all())

    assert '"d"' not in stored
    assert desk.keyring.problem() == ""


def test_with_another_secret_key_auth_says_what_is_wrong(service: Service) -> None:
    keyring = Keyring(service.transactions, "another secret")

    with pytest.raises(KeysUnreadable):
        keyring.sign({})

    assert "rotate-keys" in keyring.problem()


def test_a_service_that_cannot_sign_is_not_ready(service: Service) -> None:
    client = client_of(service)
    ready = client.get("/readyz").status_code
    with service.transactions.begin() as work:
        work.session.execute(text("DROP TABLE signing_keys"))

    answer = client_of(service).get("/readyz")

    assert (ready, answer.status_code) == (200, 503)
    assert "signing keys" in answer.json()["problems"]


def test_a_rotation_mends_a_changed_secret_key(service: Service) -> None:
    keyring = Keyring(service.transactions, "another secret")
    with service.transactions.begin() as work:
        rotate_keys(work, keyring, keyring.new_pair())

    assert keyring.problem() == ""
    assert keyring.sign({"sub": "x"}).count(".") == 2


def _rotate(service: Service, pair: KeyRows, *, drop_old: bool = False) -> None:
    with service.transactions.begin() as work:
        rotate_keys(work, desk_of(service).keyring, pair, drop_old=drop_old)


def _pair_like(service: Service) -> KeyRows:
    return desk_of(service).keyring.new_pair()


def _keys(service: Service) -> list[tuple[str, str]]:
    with service.transactions.read() as work:
        rows = work.session.execute(select(SigningKey.state, SigningKey.kid)).all()
        return [(row.state, row.kid) for row in rows]


def _kids(client: TestClient) -> set[str]:
    return {str(key["kid"]) for key in client.get("/oauth2/jwks").json()["keys"]}
