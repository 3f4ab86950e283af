"""auth on an empty database, with signing keys already made: making them takes a while."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from auth_service.app import create_service, desk_of
from auth_service.db.models import SigningKey
from auth_service.settings import Settings
from auth_service.usecases.desk import Desk
from shared.service import Service
from shared.testing import Databases, client_of, databases_of
from shared.work import Work
from tests.auth_service.builders import HASH_MEMORY_KIB

KeyRows = list[dict[str, Any]]


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    with databases_of(tmp_path_factory.mktemp("auth"), Settings, create_service) as found:
        yield found


@pytest.fixture(scope="session")
def key_rows(databases: Databases) -> KeyRows:
    with databases.service() as service:
        return desk_of(service).keyring.new_pair()


@pytest.fixture
def bare_service(databases: Databases) -> Iterator[Service]:
    with databases.service(hash_memory_kib=HASH_MEMORY_KIB) as found:
        found.key_source = None  # auth reads its own keys, as it does in life
        yield found


@pytest.fixture
def service(bare_service: Service, key_rows: KeyRows) -> Service:
    with bare_service.transactions.begin() as work:
        work.session.add_all(SigningKey(**row) for row in key_rows)
    return bare_service


@pytest.fixture
def desk(service: Service) -> Desk:
    return desk_of(service)


@pytest.fixture
def client(service: Service) -> TestClient:
    return client_of(service, client=("127.0.0.1", 40_000))  # as if the gateway called


@pytest.fixture
def work(service: Service) -> Iterator[Work]:
    with service.transactions.begin() as found:
        yield found
