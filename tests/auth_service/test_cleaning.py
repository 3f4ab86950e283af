"""What is past its time goes; what is still needed stays."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.testclient import TestClient

from auth_service.db.models import (
    FailedTries,
    KeyRow,
    RefreshToken,
    SigningKey,
    User,
    UserSession,
)
from auth_service.usecases.cleaning import clean_up
from auth_service.usecases.desk import Desk
from auth_service.usecases.keys import rotate_keys
from shared import clock
from shared.service import Service
from shared.testing import RecordedClock
from tests.auth_service.builders import a_user, counted, credentials, newcomer, tokens_of


def test_only_what_is_past_its_time_goes(service: Service, client: TestClient, desk: Desk) -> None:
    a_user(service)
    time = RecordedClock(datetime.now(UTC))
    with clock.recorded(time):
        client.post(
            "/api/auth/v1/users",
            json=newcomer(email="new@quintet.example"),
            headers={"idempotency-key": "k"},
        )
        tokens_of(client)
        client.post("/api/auth/v1/tokens", json=credentials(password="guess"))
        with service.transactions.begin() as work:
            rotate_keys(work, desk.keyring, desk.keyring.new_pair())
        nothing = clean_up(service.transactions)
        time.forward(days=2)
        little = clean_up(service.transactions)
        kept = (counted(service, UserSession), counted(service, RefreshToken))
        time.forward(days=60)
        rest = clean_up(service.transactions)

    assert nothing == 0
    assert little == 4  # one idempotency key, two gates, one retired signing key
    assert kept == (1, 1)
    assert rest == 2
    for row in (UserSession, RefreshToken, KeyRow, FailedTries):
        assert counted(service, row) == 0
    assert (counted(service, SigningKey), counted(service, User)) == (2, 2)
