"""Two transactions of auth cross: nobody stays signed in by it, gets through, or breaks it."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from auth_service.db.models import FailedTries, User
from auth_service.domain.errors import BeyondYourReach
from auth_service.domain.permissions import CHANGE_USER
from auth_service.events.published import KeysRotated
from auth_service.usecases.desk import Desk
from auth_service.usecases.keys import rotate_keys
from auth_service.usecases.staff import AccountChange, change_account, promote
from shared.identity import Principal
from shared.ids import new_id
from shared.service import Service
from shared.testing import after_the_first, client_of, crossing, sent_by
from tests.auth_service.builders import (
    PASSWORD,
    a_user,
    another,
    credentials,
    signed_in,
    tokens_of,
)

TOKENS = "/api/auth/v1/tokens"
pytestmark = crossing


def test_nobody_gets_into_an_account_while_it_is_erased(
    service: Service, client: TestClient
) -> None:
    a_user(service)
    me, elsewhere = signed_in(client), another(client)

    with after_the_first(
        service,
        "UPDATE sessions SET ended_at",
        lambda: elsewhere.post(TOKENS, json=credentials()).status_code,
    ) as coming:
        gone = client.post("/api/auth/v1/users/me/erasure", json={"password": PASSWORD}, headers=me)

    assert (gone.status_code, coming.result()) == (204, 401)
    assert [event.type for event in sent_by(service)] == [
        "auth.session.revoked.v1",
        "auth.user.erased.v1",
    ]


def test_a_wrong_try_counts_although_a_right_one_is_forgiven_meanwhile(
    service: Service, client: TestClient
) -> None:
    a_user(service)
    wrong = credentials(password="guess")
    elsewhere = client_of(service, client=("127.0.0.1", 40_000))  # the same address
    client.post(TOKENS, json=wrong)

    with after_the_first(
        service, "INSERT INTO failed_tries", lambda: tokens_of(elsewhere)
    ) as right:
        refused = client.post(TOKENS, json=wrong)

    assert right.result()
    assert refused.status_code == 401
    with service.transactions.read() as work:
        counts = sorted(row.failures for row in work.session.query(FailedTries))
    assert counts == [1, 2]  # of the account from this address, and of the address


def test_a_clerk_does_not_overrule_who_became_a_superuser_meanwhile(service: Service) -> None:
    user_id = a_user(service)
    a_user(service, "root@quintet.example", is_superuser=True)
    clerk = Principal(new_id(), "Clerk", staff=True, permissions=frozenset({CHANGE_USER}))

    with service.transactions.begin() as work:
        shown = work.session.get_one(User, user_id)  # as the admin pages do
        with service.transactions.begin() as meanwhile:
            promote(meanwhile, user_id)
        with pytest.raises(BeyondYourReach):
            change_account(work, shown.id, AccountChange(is_active=False), by=clerk)


def test_a_leaked_key_is_dropped_although_somebody_else_is_rotating(
    service: Service, desk: Desk
) -> None:
    pairs = [desk.keyring.new_pair() for _ in range(2)]

    def drop() -> KeysRotated:
        with service.transactions.begin() as work:
            return rotate_keys(work, desk.keyring, pairs[1], drop_old=True)

    with (
        after_the_first(service, "UPDATE signing_keys", drop) as dropped,
        service.transactions.begin() as work,
    ):
        rotate_keys(work, desk.keyring, pairs[0])

    left = dropped.result()
    assert isinstance(left, KeysRotated)
    assert set(left.kids) == {row["kid"] for row in pairs[1]}
    assert {key["kid"] for key in desk.keyring.public()["keys"]} == set(left.kids)
