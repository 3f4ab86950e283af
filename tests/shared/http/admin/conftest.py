"""A shelf for every test of the admin: on SQLite or PostgreSQL, like a service."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.service import Service
from shared.testing import Databases, databases_of
from tests.shared.http.shelf import (
    Settings,
    create_service,
)


@pytest.fixture(scope="module")
def shelves(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    with databases_of(tmp_path_factory.mktemp("shelf"), Settings, create_service) as found:
        yield found


@pytest.fixture
def shelf(shelves: Databases) -> Iterator[Service]:
    with shelves.service() as found:
        yield found
