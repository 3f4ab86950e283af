"""The gate's verdict on many random changes, held against events that are really written."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypeAlias

import pytest
from jsonschema import Draft202012Validator
from pydantic import Field

from shared.contracts.compatibility import breaches
from shared.contracts.schemas import Schema, forms, schema_of, values_of
from tests.contracts.test_compatibility import (
    Cup,
    CupOfNumber,
    CupThatMustHaveHandles,
    CupWithHandle,
    CupWithoutSize,
    event_of,
)

Fields: TypeAlias = dict[str, Any]

TYPES: list[Any] = [
    int, float, str, bool, int | None, str | None, int | str, Literal["x"], Literal["x", "y"],
    Annotated[int, Field(ge=1)], Annotated[int, Field(ge=0, le=9)], Annotated[float, Field(gt=0)],
    Annotated[str, Field(max_length=3)], Annotated[str, Field(min_length=1)], list[int], list[str],
    Annotated[list[int], Field(min_length=1)], dict[str, int], dict[str, str], Cup, CupWithHandle,
    CupWithoutSize, CupOfNumber, CupThatMustHaveHandles, list[Cup], list[CupWithHandle],
    list[CupWithoutSize], Cup | None,
]  # fmt: skip
CHANGES = 90
EVENTS = 12


@pytest.mark.parametrize("seed", range(2))
def test_what_passes_the_gate_is_read_by_old_and_new(seed: int) -> None:
    chance = random.Random(seed)
    passed = 0
    for _ in range(CHANGES):
        before = some_fields(chance)
        old = schema_of(event_of(before))
        new = schema_of(event_of(changed(before, chance)))
        if breaches(old, new):
            continue
        passed += 1
        assert unread(written_by(new, chance), old) == []
        assert unread(written_by(old, chance), new) == []

    assert passed > 15


@pytest.mark.parametrize("seed", range(2))
def test_what_old_or_new_would_stumble_over_does_not_pass(seed: int) -> None:
    chance = random.Random(100 + seed)
    stumbles = 0
    for _ in range(CHANGES):
        before, after = some_fields(chance), some_fields(chance)
        old, new = schema_of(event_of(before)), schema_of(event_of(after))
        if unread(written_by(new, chance), old) or unread(written_by(old, chance), new):
            stumbles += 1
            assert breaches(old, new)

    assert stumbles > 15


def some_fields(chance: random.Random) -> Fields:
    names = chance.sample(["a", "b", "c"], chance.randint(1, 3))
    return {name: some_field(chance) for name in names}


def some_field(chance: random.Random) -> Any:
    kind = chance.choice(TYPES)
    return kind if chance.random() < 0.6 else (kind | None, None)


def changed(fields: Fields, chance: random.Random) -> Fields:
    """One change, small or none: half of all random changes should have a chance to pass."""
    after = dict(fields)
    name = chance.choice(["a", "b", "c", "d", "e"])
    match chance.choice(["add", "add", "drop", "swap", "nothing"]):
        case "add" if name not in after:
            after[name] = (chance.choice(TYPES) | None, None)
        case "drop":
            after.pop(name, None)
        case "swap" if name in after:
            after[name] = some_field(chance)
    return after


def written_by(schema: Schema, chance: random.Random) -> Iterator[Any]:
    for _ in range(EVENTS):
        yield instance_of(schema, schema.get("$defs", {}), chance)


def unread(events: Iterator[Any], schema: Schema) -> list[str]:
    validator = Draft202012Validator(schema)
    return [json.dumps(event) for event in events if not validator.is_valid(event)]


def instance_of(schema: Schema, definitions: Schema, chance: random.Random) -> Any:
    """Anything that the schema allows; what it does not require is there half of the time."""
    form = chance.choice(list(forms(schema, definitions)))
    values = values_of(form)
    if values:
        return chance.choice(values)
    match form["type"]:
        case "object":
            return object_of(form, definitions, chance)
        case "array":
            count = chance.randint(form.get("minItems", 0), 2)
            return [instance_of(form["items"], definitions, chance) for _ in range(count)]
        case kind:
            return plain_of(kind, form, chance)


def object_of(form: Schema, definitions: Schema, chance: random.Random) -> dict[str, Any]:
    if "properties" not in form:
        return {"k": instance_of(form["additionalProperties"], definitions, chance)}
    needed = form.get("required", ())
    return {
        name: instance_of(each, definitions, chance)
        for name, each in form["properties"].items()
        if name in needed or chance.random() < 0.5
    }


def plain_of(kind: str, form: Schema, chance: random.Random) -> Any:
    match kind:
        case "string":
            size = chance.randint(form.get("minLength", 0), form.get("maxLength", 6))
            return "".join(chance.choice("xyz") for _ in range(size))
        case "integer":
            return chance.randint(form.get("minimum", -20), form.get("maximum", 20))
        case "number":
            return chance.uniform(form.get("exclusiveMinimum", -20) + 0.25, 20)
        case "boolean":
            return chance.random() < 0.5
    return None
