"""Databases for tests: a real one each, on SQLite or, by QUINTET_TEST_STACK=real, on PostgreSQL."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from shared import migrations
from shared.ids import new_id
from shared.service import Service
from shared.settings import ServiceSettings
from shared.testing.access import public_keys
from shared.tokens import KeySource

STACK = os.environ.get("QUINTET_TEST_STACK", "embedded")
ADMIN_URL = os.environ.get("QUINTET_TEST_PG_URL", "postgresql://root@127.0.0.1/postgres")

CreateService = Callable[[Any], Service]


class Databases:
    """Databases for tests: migrated once per run, then copied for each test."""

    def __init__(self, folder: Path, settings: type[ServiceSettings], create: CreateService):
        self._folder, self._settings, self._create = folder, settings, create
        self._prefix = f"quintet_test_{settings.name}_{os.getpid()}_{new_id().hex[-6:]}"
        self._count = 0
        self._free: list[str] = []
        self._template = self._url("template")
        service = self._service_at(self._template)
        migrations.migrate(service)
        service.close()

    @contextmanager
    def service(self, **settings: Any) -> Iterator[Service]:
        """A service on an empty, migrated database of its own."""
        url = self._free.pop() if self._free else self._next()
        service = self._service_at(url, **settings)
        service.key_source = KeySource(public_keys)
        try:
            yield service
        finally:
            unharmed = STACK == "real" and migrations.up_to_date(service) and _emptied(service)
            service.close()
            if unharmed:
                self._free.append(url)  # emptying a database takes a tenth of making one
            else:
                self._drop(url)

    def close(self) -> None:
        """Remove the template and what was kept for the next test."""
        for url in [*self._free, self._template]:
            self._drop(url)

    def _next(self) -> str:
        self._count += 1
        return self._copy(f"t{self._count}")

    def _service_at(self, url: str, **settings: Any) -> Service:
        return self._create(
            self._settings(database_url=url, var=self._folder, _env_file=None, **settings)
        )

    def _url(self, name: str) -> str:
        if STACK == "real":
            _administer(f'CREATE DATABASE "{self._prefix}_{name}"')
            return self._real_url(name)
        return f"sqlite:///{self._folder}/{self._prefix}_{name}.db"

    def _real_url(self, name: str) -> str:
        url = make_url(ADMIN_URL).set(
            drivername="postgresql+psycopg", database=f"{self._prefix}_{name}"
        )
        return url.render_as_string(hide_password=False)

    def _copy(self, name: str) -> str:
        if STACK == "real":
            source = f"{self._prefix}_template"
            _administer(f'CREATE DATABASE "{self._prefix}_{name}" TEMPLATE "{source}"')
            return self._real_url(name)
        url = f"sqlite:///{self._folder}/{self._prefix}_{name}.db"
        shutil.copyfile(make_url(self._template).database or "", make_url(url).database or "")
        return url

    def _drop(self, url: str) -> None:
        database = make_url(url).database or ""
        if STACK == "real":
            _administer(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
            return
        for suffix in ("", "-wal", "-shm"):
            Path(database + suffix).unlink(missing_ok=True)


@contextmanager
def databases_of(
    folder: Path, settings: type[ServiceSettings], create: CreateService
) -> Iterator[Databases]:
    """The databases of one service's tests, for a session-scoped fixture."""
    if STACK == "real":
        need_postgresql()
    found = Databases(folder, settings, create)
    try:
        yield found
    finally:
        found.close()


def need_postgresql() -> None:
    """Skip where there is no PostgreSQL; in CI its absence is a failure."""
    try:
        psycopg.connect(ADMIN_URL, connect_timeout=3).close()
    except psycopg.Error as error:
        message = f"PostgreSQL is not reachable at {ADMIN_URL}: {error}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)


def _emptied(service: Service) -> bool:
    tables = service.tables.metadata.sorted_tables
    try:
        with service.database.engine.begin() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            for table in tables:
                connection.execute(table.delete())
    except DBAPIError:
        return False  # a test broke it: the next one gets a fresh database
    return True


def _administer(statement: str) -> None:
    with psycopg.connect(ADMIN_URL, autocommit=True) as connection:
        connection.execute(statement.encode())  # names made by us, never input
