"""Connections that rest in the pool are used again only while the server holds their other end."""

from __future__ import annotations

import time

import psycopg
import pytest
from sqlalchemy import text

from shared.service import Service
from shared.testing import ADMIN_URL, STACK
from tests.shared.conftest import count_of, count_up

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(STACK != "real", reason="a file has no connections to lose"),
]


def test_connections_that_the_server_ended_are_not_handed_out(service: Service) -> None:
    with service.transactions.begin() as work, service.transactions.begin() as other:
        count_up(work, "apples", 1)
        other.session.execute(text("SELECT 1"))  # two connections rest from now on

    end_all_connections_to(service)
    with service.transactions.begin() as work:
        count_up(work, "apples", 1)

    assert count_of(service, "apples") == 2


def end_all_connections_to(service: Service) -> None:
    name = service.database.url.database
    rest = "SELECT pid FROM pg_stat_activity WHERE datname = %s"
    with psycopg.connect(ADMIN_URL, autocommit=True) as admin:
        admin.execute(f"SELECT pg_terminate_backend(pid) FROM ({rest}) AS rest", (name,))
        deadline = time.monotonic() + 30
        while admin.execute(rest, (name,)).fetchone():  # asked is not yet ended
            assert time.monotonic() < deadline, "the server holds on to its connections"
            time.sleep(0.005)
