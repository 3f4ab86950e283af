"""A shelf for every test of pages: they care little about the database below."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.service import Service
from tests.shared.http.shelf import a_shelf


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Service]:
    service = a_shelf(tmp_path)
    yield service
    service.close()
