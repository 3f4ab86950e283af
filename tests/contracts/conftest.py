"""All publishers and consumers, side by side: the only place where they meet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.contracts import events_of, services
from gateway.events.consumed import HEARD
from shared.events import Event
from shared.service import Service


@dataclass(frozen=True, slots=True)
class Reading:
    """One service reading one event type: by which class, and the examples that it relies on."""

    service: str
    reader: type[Event]

    @property
    def type(self) -> str:
        return self.reader.TYPE

    @property
    def fixture(self) -> Path:
        return events_of(self.service) / "fixtures" / f"{self.type}.json"

    @property
    def examples(self) -> list[dict[str, Any]]:
        return list(json.loads(self.fixture.read_text())) if self.fixture.exists() else []


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Service]]:
    """Each service, wired up on an empty folder."""
    found = list(services(tmp_path_factory.mktemp("contracts")))
    yield found
    for service in found:
        service.close()


@pytest.fixture(scope="session")
def readings(platform: list[Service]) -> list[Reading]:
    """Who reads what."""
    found = [Reading(each.name, reader) for each in platform for reader in each.handlers.readers()]
    return [*found, *(Reading("gateway", reader) for reader in HEARD)]
