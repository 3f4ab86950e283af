"""While a release is rolled out, old and new read each other; afterwards kept events are read."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from deploy.compatibility import Party, parties
from deploy.contracts import released_by
from shared.contracts.reading import gaps_between
from shared.contracts.released import READS, read_folder
from shared.contracts.samples import bare_sample_of, sample_of
from shared.contracts.schemas import Schema, schema_of, schema_of_reader
from tests.contracts.conftest import Reading
from tests.contracts.test_compatibility import ALLOWED, event_of

Schemas = dict[str, Schema]


@pytest.fixture(scope="module")
def everybody() -> list[Party]:
    return list(parties())


@pytest.fixture(scope="module")
def old_events(everybody: list[Party]) -> Schemas:
    """What publishers of the last release say."""
    return {t: s for each in everybody for t, s in read_folder(released_by(each.name)).items()}


@pytest.fixture(scope="module")
def old_readers(everybody: list[Party]) -> dict[tuple[str, str], Schema]:
    """What consumers of the last release need."""
    return {
        (each.name, type_): schema
        for each in everybody
        for type_, schema in read_folder(released_by(each.name) / READS).items()
    }


def test_consumers_of_the_last_release_read_what_publishers_say_now(
    everybody: list[Party], old_readers: dict[tuple[str, str], Schema]
) -> None:
    said = {event.TYPE: schema_of(event) for each in everybody for event in each.says}

    gaps = [
        f"{name} as released, reading {type_}: {gap}"
        for (name, type_), reader in old_readers.items()
        for gap in gaps_between(said[type_], reader)
    ]

    assert gaps == []
    assert len(old_readers) >= 20


def test_the_consumers_of_now_read_what_publishers_of_the_last_release_said(
    readings: list[Reading], old_events: Schemas
) -> None:
    gaps = [
        f"{reading.service} reading {reading.type} as released: {gap}"
        for reading in readings
        if reading.type in old_events
        for gap in gaps_between(old_events[reading.type], schema_of_reader(reading.reader))
    ]

    assert gaps == []


@pytest.mark.parametrize("sample", [sample_of, bare_sample_of])
def test_released_events_themselves_are_read_by_the_consumers_of_now(
    sample: Any, readings: list[Reading], old_events: Schemas
) -> None:
    for reading in readings:
        if reading.type in old_events:
            reading.reader.model_validate(sample(old_events[reading.type]))


@pytest.mark.parametrize("sample", [sample_of, bare_sample_of])
@pytest.mark.parametrize("change", ALLOWED)
def test_what_the_gate_allows_is_read_both_ways_in_reality(change: str, sample: Any) -> None:
    before, after = (event_of(fields) for fields in ALLOWED[change])
    old, new = schema_of(before), schema_of(after)

    before.model_validate(after.model_validate(sample(new)).model_dump(mode="json"))
    after.model_validate(before.model_validate(sample(old)).model_dump(mode="json"))
    Draft202012Validator(old).validate(sample(new))
    Draft202012Validator(new).validate(sample(old))
