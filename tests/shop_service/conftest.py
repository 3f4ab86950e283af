"""A shop on a database of its own, with a few products that it has heard of."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from shared.service import Service
from shared.testing import Databases, RecordedClock, client_of, databases_of, recorded_clock
from shop_service.app import create_service
from shop_service.settings import Settings
from tests.shop_service.builders import Shop, a_product


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    with databases_of(tmp_path_factory.mktemp("shop"), Settings, create_service) as found:
        yield found


@pytest.fixture
def service(databases: Databases) -> Iterator[Service]:
    with databases.service() as found:
        a_product(found, "mug", price=1250, available=40)
        a_product(found, "pen", price=399, available=3)
        yield found


@pytest.fixture
def client(service: Service) -> Iterator[TestClient]:
    with client_of(service) as found:
        yield found


@pytest.fixture
def time() -> Iterator[RecordedClock]:
    with recorded_clock() as found:
        yield found


@pytest.fixture
def shop(service: Service, client: TestClient) -> Shop:
    return Shop(service, client)
