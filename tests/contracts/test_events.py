"""Publishers and readers meet in the committed schemas; this is where both are seen at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from deploy.contracts import ROOT, files, services
from shared.events import Event
from shared.service import Service
from tests.contracts.samples import sample_of

SCHEMAS = {path.stem: json.loads(path.read_text()) for path in ROOT.glob("*/events/schemas/*.json")}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Service]]:
    found = list(services(tmp_path_factory.mktemp("contracts")))
    yield found
    for service in found:
        service.close()


def test_what_is_committed_is_what_the_code_promises() -> None:
    stale = [str(path.relative_to(ROOT)) for path, text in files() if _read(path) != text]

    assert stale == [], "run `make contracts` and commit what it writes"


def test_every_published_event_has_a_schema_and_a_type_of_the_right_form(
    platform: list[Service],
) -> None:
    odd = [
        event.TYPE
        for service in platform
        for event in service.published
        if event.TYPE not in SCHEMAS
        or not event.TYPE.startswith(f"{service.name}.")
        or len(event.TYPE.split(".")) != 4
        or not event.KEY
    ]

    assert odd == []


def test_every_schema_is_a_valid_json_schema_2020_12() -> None:
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)

    assert len(SCHEMAS) >= 15


def test_every_event_that_is_heard_is_said_by_somebody(platform: list[Service]) -> None:
    heard = {type_ for service in platform for type_ in service.handlers.types}

    assert heard - set(SCHEMAS) == set()


def test_every_reader_understands_what_its_publisher_promises(platform: list[Service]) -> None:
    misunderstood = []
    for service in platform:
        for reader in service.handlers.readers():
            problem = _problem(reader)
            if problem:
                misunderstood.append(f"{service.name} reading {reader.TYPE}: {problem}")

    assert misunderstood == []


def test_a_sample_is_what_its_schema_allows() -> None:
    for schema in SCHEMAS.values():
        Draft202012Validator(schema).validate(sample_of(schema))


def _problem(reader: type[Event]) -> str:
    try:
        read = reader.model_validate(sample_of(SCHEMAS[reader.TYPE]))
    except ValueError as error:
        return str(error)
    unknown = set(reader.model_fields) - set(SCHEMAS[reader.TYPE]["properties"])
    return f"fields nobody sends: {unknown}" if unknown or read is None else ""


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""
