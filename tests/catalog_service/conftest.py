"""A catalog service on an empty database for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from catalog_service.app import create_service
from catalog_service.settings import Settings
from shared.service import Service
from shared.testing import Databases, client_of, databases_of
from shared.work import Work
from tests.catalog_service.builders import a_category, products, shelf


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    with databases_of(tmp_path_factory.mktemp("catalog"), Settings, create_service) as found:
        yield found


@pytest.fixture
def service(databases: Databases, tmp_path: Path) -> Iterator[Service]:
    with databases.service(media=tmp_path) as found:
        yield found


@pytest.fixture
def work(service: Service) -> Iterator[Work]:
    with service.transactions.begin() as found:
        yield found


@pytest.fixture
def client(service: Service) -> Iterator[TestClient]:
    with client_of(service) as found:
        yield found


@pytest.fixture(scope="module")
def calm(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A catalogue with three mugs, shared by tests that are refused and so change nothing."""
    with databases.service(media=tmp_path_factory.mktemp("media")) as found:
        products(found, MUG=3)
        yield found
        assert shelf(found) == (3, 0)


@pytest.fixture(scope="module")
def caller(calm: Service) -> Iterator[TestClient]:
    """Who is refused there."""
    with client_of(calm) as found:
        yield found


@pytest.fixture
def kitchen(service: Service) -> Service:
    with service.transactions.begin() as work:
        a_category(work, "kitchen")
        a_category(work, "garden")
    return service
