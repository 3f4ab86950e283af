"""Publishers and readers meet in the committed schemas; this is where both are seen at once."""

from __future__ import annotations

import json
from pathlib import Path

from jsonschema import Draft202012Validator

from deploy.compatibility import parties
from deploy.contracts import ROOT, files, released_by
from shared.contracts.reading import gaps_between
from shared.contracts.released import broken_promises
from shared.contracts.schemas import schema_of_reader
from shared.service import Service

SCHEMAS = {path.stem: json.loads(path.read_text()) for path in ROOT.glob("*/events/schemas/*.json")}


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


def test_no_published_event_breaks_what_was_released() -> None:
    broken = [
        str(breach)
        for party in parties()
        for breach in broken_promises(party.says, released_by(party.name))
    ]

    assert broken == []


def test_every_reader_can_read_whatever_its_publisher_may_write(platform: list[Service]) -> None:
    gaps = [
        f"{service.name} reading {reader.TYPE}: {gap}"
        for service in platform
        for reader in service.handlers.readers()
        for gap in gaps_between(SCHEMAS[reader.TYPE], schema_of_reader(reader))
    ]

    assert gaps == []


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""
