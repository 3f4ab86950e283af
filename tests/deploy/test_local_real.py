"""`make run-real` makes what it needs on the servers that are there, and only once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from deploy.local.postgres import DEFAULT_ADMIN_URL, prepare_postgres
from deploy.local.rabbitmq import prepare_rabbitmq
from deploy.local.refusal import CannotStart

NOBODY_THERE = "127.0.0.1:1"


def test_a_missing_postgresql_is_named_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"No PostgreSQL at 127\.0\.0\.1:1.*QUINTET_PG_ADMIN_URL"):
        prepare_postgres(f"postgresql://me:hidden@{NOBODY_THERE}/postgres", tmp_path / "secrets")


def test_a_missing_rabbitmq_is_named_with_the_way_out_and_without_the_password() -> None:
    with pytest.raises(CannotStart, match=r"No RabbitMQ for me at 127\.0\.0\.1:1") as refusal:
        prepare_rabbitmq(f"amqp://me:hidden@{NOBODY_THERE}/")

    assert "hidden" not in str(refusal.value)


@pytest.mark.real
def test_each_role_owns_its_database_and_cannot_enter_another(
    tmp_path: Path, scratch_names: str
) -> None:
    urls = prepare_postgres(DEFAULT_ADMIN_URL, tmp_path / "secrets", prefix=scratch_names)
    again = prepare_postgres(DEFAULT_ADMIN_URL, tmp_path / "secrets", prefix=scratch_names)

    auth = urls["AUTH_DATABASE_URL"].replace("+psycopg", "")
    with psycopg.connect(auth) as connection:
        connection.execute("CREATE TABLE mine (id int)")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(auth.rpartition("/")[0] + f"/{scratch_names}_shop")
    assert urls == again
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o600


@pytest.fixture
def scratch_names() -> Iterator[str]:
    """A prefix for roles and databases that are dropped after the test."""
    prefix = f"quintet_test_{uuid4().hex[:8]}"
    yield prefix
    with psycopg.connect(DEFAULT_ADMIN_URL, autocommit=True) as server:
        for service in ("auth", "catalog", "shop"):
            server.execute(f"DROP DATABASE IF EXISTS {prefix}_{service}")
            server.execute(f"DROP ROLE IF EXISTS {prefix}_{service}")
