"""What tests of a service need: a real database each, tokens, a recorded clock, what was said.

`QUINTET_TEST_STACK=real` runs the same tests on PostgreSQL instead of SQLite.
"""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from shared import clock, migrations
from shared.bus import connect
from shared.consumer import Consumer
from shared.context import opened
from shared.events import Envelope, Event
from shared.ids import new_id
from shared.service import Service
from shared.settings import ServiceSettings
from shared.tokens import KeySource
from shared.work import Work

if TYPE_CHECKING:
    from starlette.testclient import TestClient

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


@functools.cache
def signing_key() -> RSAKey:
    """The key that signs tokens in tests."""
    return RSAKey.generate_key(2048, {"kid": "test-key", "alg": "RS256", "use": "sig"})


def public_keys() -> dict[str, Any]:
    """The JWKS that holds the tests' key."""
    return dict(KeySet([signing_key()]).as_dict(private=False))


def token_for(service: Service, *, user_id: UUID | None = None, **claims: Any) -> str:
    """An access token that `service` accepts: `permissions=[…]`, `staff=True`, `superuser=True`."""
    now = datetime.now(UTC)
    body = {
        "iss": service.settings.public_url,
        "sub": str(user_id or new_id()),
        "aud": [service.name],
        "client_id": "quintet-tests",
        "iat": now,
        "exp": now + timedelta(minutes=5),
        "jti": str(new_id()),
        "sid": str(new_id()),
        "name": "Tess Tester",
        "email": "tess@quintet.example",
        **claims,
    }
    return jwt.encode({"alg": "RS256", "typ": "at+jwt", "kid": "test-key"}, body, signing_key())


def bearer(service: Service, **claims: Any) -> dict[str, str]:
    """The Authorization header of `token_for`."""
    return {"authorization": f"Bearer {token_for(service, **claims)}"}


def client_of(service: Service, **options: Any) -> TestClient:
    """A client of the whole service, in process; it follows no redirect by itself."""
    from starlette.testclient import TestClient

    assert service.create_app is not None
    options.setdefault("follow_redirects", False)
    options.setdefault("base_url", service.settings.public_url)
    return TestClient(service.create_app(service), raise_server_exceptions=False, **options)


def said(work: Work) -> list[str]:
    """The types of the events that this work has published so far."""
    return [event.TYPE for event in work.said]


def sent_by(service: Service) -> list[Envelope]:
    """Every event in the service's outbox, oldest first."""
    outbox = service.tables.outbox
    with service.transactions.read() as work:
        rows = work.session.query(outbox.body).order_by(outbox.seq).all()
    return [Envelope.from_json(row.body.encode()) for row in rows]


def tell(service: Service, event: Event, *, source: str = "/elsewhere", id: str = "") -> str:
    """Let the service hear `event` as from the bus; returns the event's id, to repeat it."""
    envelope = Envelope.around(
        event, id=id or str(new_id()), source=source, time=clock.now(), by=opened(None, None)
    )
    bus = connect(f"embedded:{service.settings.var}/unused.db", client="tests")
    Consumer(service, bus).handle(envelope.to_json())
    bus.close()
    return envelope.id


class RecordedClock:
    """A clock that only moves when told."""

    def __init__(self, start: datetime | None = None) -> None:
        self.at = start or datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The recorded moment."""
        return self.at

    def forward(self, **delta: float) -> None:
        """Let time pass: `forward(minutes=15)`."""
        self.at += timedelta(**delta)


@contextmanager
def recorded_clock() -> Iterator[RecordedClock]:
    """Everybody reads this clock while the context lasts."""
    time = RecordedClock()
    with clock.recorded(time):
        yield time
