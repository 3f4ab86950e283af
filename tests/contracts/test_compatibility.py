"""A table of changes to an event: which ones nobody has to notice, and which are refused."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, Field, create_model

from shared.contracts.compatibility import breaches, next_version
from shared.contracts.released import broken_promises, read_folder, release
from shared.contracts.schemas import schema_of
from shared.events import Event

Fields: TypeAlias = dict[str, Any]


class Cup(BaseModel):
    """A nested thing, as it was released."""

    colour: str
    size: int = 3


class CupWithHandle(Cup):
    """It has one more field now."""

    handles: int = 1


class CupThatMustHaveHandles(Cup):
    """It has one more field now, and everybody must have it."""

    handles: int


class CupWithoutSize(BaseModel):
    """A field is gone."""

    colour: str


class CupOfNumber(BaseModel):
    """A field has another type."""

    colour: int
    size: int = 3


class ClosedCup(BaseModel):
    """A nested thing that says that it will never grow."""

    model_config = ConfigDict(extra="forbid")

    colour: str


class ClosedCupThatGrew(ClosedCup):
    """It grew."""

    size: int = 3


class Tree(BaseModel):
    """A thing that holds itself."""

    name: str
    branches: list[Tree] = []


class TallTree(BaseModel):
    """It holds itself, and names are numbers now."""

    name: int
    branches: list[TallTree] = []


def event_of(fields: Fields, key: str = "sku") -> type[Event]:
    """A publisher's class with `sku` and these fields: a type, or a type with its default."""
    given = {
        name: each if isinstance(each, tuple) else (each, ...) for name, each in fields.items()
    }
    made: type[Event] = create_model("Thing", __base__=Event, sku=(str, ...), **given)  # type: ignore[call-overload]  # fields by name
    made.TYPE, made.KEY = "test.thing.done.v1", key
    return made


ALLOWED: dict[str, tuple[Fields, Fields]] = {
    "nothing changes": ({"a": int}, {"a": int}),
    "a field with a default is added": ({}, {"a": (int, 0)}),
    "a field that may be null is added": ({}, {"a": (int | None, None)}),
    "a nested field with a default is added": ({"c": Cup}, {"c": CupWithHandle}),
    "the things in a list grow a field": ({"c": list[Cup]}, {"c": list[CupWithHandle]}),
    "the things in a mapping grow a field": (
        {"c": dict[str, Cup]},
        {"c": dict[str, CupWithHandle]},
    ),
    "a whole object with a default is added": ({}, {"c": (Cup, Cup(colour="red"))}),
    "a default is another one": ({"a": (int, 0)}, {"a": (int, 7)}),
    "a description and examples are added": (
        {"a": int},
        {"a": Annotated[int, Field(description="How many.", examples=[7])]},
    ),
    "fields change places": ({"a": int, "b": str}, {"b": str, "a": int}),
    "the values of an enumeration change places": (
        {"a": Literal["x", "y"]},
        {"a": Literal["y", "x"]},
    ),
    "a bound is written another way": (
        {"a": Annotated[int, Field(gt=0)]},
        {"a": Annotated[int, Field(ge=1)]},
    ),
    "the choices of a union change places": ({"a": int | str}, {"a": str | int}),
    "a thing that holds itself stays": ({"t": Tree}, {"t": Tree}),
}

REFUSED: dict[str, tuple[Fields, Fields, str, str]] = {
    "a field is removed": ({"a": int}, {}, "a", "was removed"),
    "an optional field is removed": ({"a": (int, 0)}, {}, "a", "was removed"),
    "a field is renamed": ({"a": int}, {"b": int}, "a", "renamed to b"),
    "a field gets another type": ({"a": int}, {"a": str}, "a", "retyped: released integer, now str"),
    "a number becomes a string": ({"a": float}, {"a": str}, "a", "retyped"),
    "one becomes many": ({"a": str}, {"a": list[str]}, "a", "now array of string"),
    "an object becomes a string": ({"c": Cup}, {"c": str}, "c", "retyped"),
    "a whole number becomes any number": ({"a": int}, {"a": float}, "a", "type that was widened"),
    "any number becomes a whole one": ({"a": float}, {"a": int}, "a", "type that was narrowed"),
    "a field may be null now": ({"a": int}, {"a": int | None}, "a", "now integer or null"),
    "a field may no longer be null": ({"a": int | None}, {"a": int}, "a", "narrowed"),
    "a new field is required": ({}, {"a": int}, "a", "new and required"),
    "an optional field is required": ({"a": (int, 0)}, {"a": int}, "a", "is required now"),
    "a field that was always there is optional": ({"a": int}, {"a": (int, 0)}, "a", "may be absent"),
    "an enumeration has one value more": (
        {"a": Literal["x", "y"]}, {"a": Literal["x", "y", "z"]}, "a", "widened: released 'x', 'y'",
    ),
    "an enumeration has one value less": (
        {"a": Literal["x", "y"]}, {"a": Literal["x"]}, "a", "narrowed: released 'y', now 'x'",
    ),
    "an enumeration has another value": (
        {"a": Literal["x", "y"]}, {"a": Literal["x", "z"]}, "a", "other values",
    ),
    "any text becomes an enumeration": ({"a": str}, {"a": Literal["x"]}, "a", "narrowed"),
    "an enumeration becomes any text": ({"a": Literal["x"]}, {"a": str}, "a", "widened"),
    "a format is added": ({"a": str}, {"a": UUID}, "a", "format that was narrowed"),
    "a format is dropped": ({"a": UUID}, {"a": str}, "a", "format that was widened"),
    "a format is another one": ({"a": datetime}, {"a": date}, "a", "released date-time, now date"),
    "a bound is added": ({"a": int}, {"a": Annotated[int, Field(ge=1)]}, "a", "bounds that were narrowed"),
    "a bound is dropped": ({"a": Annotated[int, Field(le=9)]}, {"a": int}, "a", "bounds that were widened"),
    "a bound is wider": (
        {"a": Annotated[int, Field(le=9)]}, {"a": Annotated[int, Field(le=10)]}, "a", "now maximum 10",
    ),
    "a bound is narrower": (
        {"a": Annotated[float, Field(ge=1)]}, {"a": Annotated[float, Field(gt=1)]}, "a", "narrowed",
    ),
    "a text may be longer": (
        {"a": Annotated[str, Field(max_length=3)]}, {"a": Annotated[str, Field(max_length=9)]},
        "a", "widened",
    ),
    "a text must match something": (
        {"a": str}, {"a": Annotated[str, Field(pattern="^x")]}, "a", "format that was narrowed",
    ),
    "a list may no longer be empty": (
        {"a": list[int]}, {"a": Annotated[list[int], Field(min_length=1)]}, "a", "minItems 1",
    ),
    "a nested field is removed": ({"c": Cup}, {"c": CupWithoutSize}, "c.size", "was removed"),
    "a nested field gets another type": ({"c": Cup}, {"c": CupOfNumber}, "c.colour", "retyped"),
    "a nested field is new and required": (
        {"c": Cup}, {"c": CupThatMustHaveHandles}, "c.handles", "new and required",
    ),
    "the things in a list lose a field": (
        {"c": list[Cup]}, {"c": list[CupWithoutSize]}, "c[].size", "was removed",
    ),
    "the things in a list get another type": ({"a": list[int]}, {"a": list[str]}, "a[]", "retyped"),
    "the things in a mapping get another type": (
        {"a": dict[str, int]}, {"a": dict[str, str]}, "a.*", "retyped",
    ),
    "a closed object grows": ({"c": ClosedCup}, {"c": ClosedCupThatGrew}, "c.size", "as closed"),
    "a union has one choice more": ({"a": int | str}, {"a": int | str | bool}, "a", "widened"),
    "a union has one choice less": ({"a": int | str}, {"a": int}, "a", "narrowed"),
    "a thing that holds itself changes": ({"t": Tree}, {"t": TallTree}, "t.name", "retyped"),
}  # fmt: skip


@pytest.mark.parametrize("change", ALLOWED)
def test_a_change_that_nobody_has_to_notice_is_allowed(change: str) -> None:
    before, after = ALLOWED[change]

    assert breaches(schema_of(event_of(before)), schema_of(event_of(after))) == []


@pytest.mark.parametrize("change", REFUSED)
def test_a_breaking_change_is_refused_and_named(change: str) -> None:
    before, after, field, words = REFUSED[change]

    found = breaches(schema_of(event_of(before)), schema_of(event_of(after)))

    assert [each.field for each in found] == [field], list(map(str, found))
    assert words in found[0].what
    assert found[0].event == "test.thing.done.v1"
    assert "publish test.thing.done.v2 beside it" in str(found[0])


def test_every_breach_of_an_event_is_told_at_once() -> None:
    before, after = {"a": int, "b": str, "c": Cup}, {"a": str, "c": CupWithoutSize}

    found = breaches(schema_of(event_of(before)), schema_of(event_of(after)))

    assert {each.field for each in found} == {"a", "b", "c.size"}


def test_another_key_is_refused_because_order_hangs_on_it() -> None:
    before, after = event_of({"a": str}), event_of({"a": str}, key="a")

    [found] = breaches(schema_of(before), schema_of(after))

    assert "order would be lost" in found.what


def test_an_event_may_be_dropped_only_after_a_release_has_said_so() -> None:
    released = schema_of(event_of({}))

    [found] = breaches(released, None)

    assert "no longer published" in found.what
    assert breaches(released | {"deprecated": True}, None) == []


def test_the_next_version_is_a_type_of_its_own() -> None:
    assert next_version("shop.order.placed.v9") == "shop.order.placed.v10"


def test_a_release_that_breaks_a_promise_writes_nothing(tmp_path: Path) -> None:
    assert release([event_of({"a": int})], tmp_path) == []
    before = read_folder(tmp_path)

    found = release([event_of({})], tmp_path)

    assert [each.field for each in found] == ["a"]
    assert read_folder(tmp_path) == before


def test_what_was_released_is_compared_with_the_classes_of_today(tmp_path: Path) -> None:
    release([event_of({})], tmp_path)

    assert broken_promises([event_of({"a": (int, 0)})], tmp_path) == []
    assert len(broken_promises([], tmp_path)) == 1
