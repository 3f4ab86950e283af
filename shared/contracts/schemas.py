"""The JSON Schema of an event, from its class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from shared.events import Event

Schema = Mapping[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(event: type[Event]) -> dict[str, Any]:
    """What the publisher of `event` promises of its data (JSON Schema 2020-12).

    `x-key` is the field that names the aggregate: events of one aggregate keep their order.
    """
    schema = event.model_json_schema(mode="serialization")
    return {"$schema": DIALECT, "$id": event.TYPE, "x-key": event.KEY, **schema}


def schema_of_reader(reader: type[Event]) -> dict[str, Any]:
    """What `reader` needs to find in the data of an event to understand it."""
    return {"$schema": DIALECT, "$id": reader.TYPE, **reader.model_json_schema(mode="validation")}


def forms(schema: Schema, definitions: Schema) -> Iterator[Schema]:
    """Each kind of value that the schema allows: references followed, choices taken apart."""
    schema = _resolved(schema, definitions)
    for word in ("anyOf", "oneOf"):
        if word in schema:
            for choice in schema[word]:
                yield from forms(choice, definitions)
            return
    kinds = schema.get("type", _kind_of_values(schema))
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        yield {**schema, "type": kind}


def values_of(schema: Schema) -> list[Any] | None:
    """The only values that the schema allows, or None if it does not list them."""
    if "const" in schema:
        return [schema["const"]]
    listed: list[Any] | None = schema.get("enum")
    return listed


def in_words(schema: Schema, definitions: Schema) -> str:
    """What may stand here, for people: `string (uuid) or null`."""
    return " or ".join(
        dict.fromkeys(_name(form, definitions) for form in forms(schema, definitions))
    )


def _name(form: Schema, definitions: Schema) -> str:
    if form["type"] == "array":
        return f"array of {in_words(form.get('items', {}), definitions)}"
    detail = form.get("format", "")
    return f"{form['type']} ({detail})" if detail else str(form["type"] or "anything")


def _resolved(schema: Schema, definitions: Schema) -> Schema:
    while "$ref" in schema:
        target = definitions[schema["$ref"].rsplit("/", 1)[1]]
        schema = {**target, **{word: each for word, each in schema.items() if word != "$ref"}}
    parts = [_resolved(part, definitions) for part in schema.get("allOf", ())]
    if not parts:
        return schema
    merged: dict[str, Any] = {}
    for part in (*parts, {word: each for word, each in schema.items() if word != "allOf"}):
        properties = merged.get("properties", {}) | part.get("properties", {})
        required = [*merged.get("required", ()), *part.get("required", ())]
        merged |= {**part, "properties": properties, "required": required}
    return merged


def _kind_of_values(schema: Schema) -> str | list[str]:
    names = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
    kinds = {names.get(type(value), "object"): None for value in values_of(schema) or ()}
    return list(kinds) or ""
