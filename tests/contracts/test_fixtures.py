"""Each consumer's own examples, tried on its reader and on what the publisher promises.

An example holds what the consumer relies on, and no more. It is committed with the consumer, and
whoever changes the publisher runs it.
"""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from deploy.contracts import ROOT
from shared.contracts.released import read_folder
from shared.contracts.samples import bare_sample_of, sample_of
from shared.contracts.schemas import Schema, schema_of
from shared.events import Event
from shared.service import Service
from tests.contracts.conftest import Reading


@pytest.fixture(scope="module")
def promised(platform: list[Service]) -> dict[str, Schema]:
    """What the publishers' classes promise today."""
    return {event.TYPE: schema_of(event) for each in platform for event in each.published}


def test_every_consumer_has_an_example_of_each_event_that_it_hears(readings: list[Reading]) -> None:
    missing = [str(each.fixture.relative_to(ROOT)) for each in readings if not each.examples]

    assert missing == [], "write down what you rely on: a JSON list of payloads"


def test_no_example_is_left_of_what_nobody_hears(readings: list[Reading]) -> None:
    known = {each.fixture for each in readings}

    assert [str(path) for path in ROOT.glob("*/events/fixtures/*") if path not in known] == []


def test_every_consumer_reads_its_own_examples(readings: list[Reading]) -> None:
    unread = [
        f"{reading.service} reading {reading.type}: {problem}"
        for reading in readings
        for example in reading.examples
        if (problem := _problem(reading.reader, example))
    ]

    assert unread == []


def test_every_example_is_something_that_the_publisher_may_say(
    readings: list[Reading], promised: dict[str, Schema]
) -> None:
    wrong = [
        f"{reading.service}: {reading.type}: {error.json_path}: {error.message}"
        for reading in readings
        for example in reading.examples
        for error in _as_far_as_it_goes(promised[reading.type]).iter_errors(example)
    ]

    assert wrong == [], "the consumer relies on something that its publisher does not promise"


@pytest.mark.parametrize("sample", [sample_of, bare_sample_of])
def test_every_consumer_reads_what_each_publisher_says(
    sample: Any, readings: list[Reading], promised: dict[str, Schema]
) -> None:
    unread = [
        f"{reading.service} reading {reading.type}: {problem}"
        for reading in readings
        if (problem := _problem(reading.reader, sample(promised[reading.type])))
    ]

    assert unread == []


@pytest.mark.parametrize("sample", [sample_of, bare_sample_of])
def test_a_sample_is_what_its_schema_allows(sample: Any) -> None:
    for folder in ROOT.glob("*/events/schemas"):
        for schema in read_folder(folder).values():
            Draft202012Validator(schema, format_checker=FormatChecker()).validate(sample(schema))


def _problem(reader: type[Event], payload: Any) -> str:
    try:
        reader.model_validate(payload)
    except ValueError as error:
        return str(error)
    return ""


def _as_far_as_it_goes(schema: Schema) -> Draft202012Validator:
    """The publisher's promise, of which a consumer may show any part but nothing beyond."""
    return Draft202012Validator(_partial(schema), format_checker=FormatChecker())


def _partial(node: Any) -> Any:
    if isinstance(node, list):
        return [_partial(each) for each in node]
    if not isinstance(node, dict):
        return node
    eased = {word: _partial(each) for word, each in node.items() if word != "required"}
    if isinstance(node.get("properties"), dict) and node.get("type") == "object":
        eased["properties"] = {name: _partial(each) for name, each in node["properties"].items()}
        eased.setdefault("additionalProperties", False)
    return eased
