"""Samples of events, made from their committed schemas alone, as another team would see them."""

from __future__ import annotations

from typing import Any

TEXTS = {
    "uuid": "01a1fdca-41e8-709b-80d6-8398e976b969",
    "date-time": "2026-03-14T09:26:53+00:00",
    "email": "robin@shoppers.example",
}

Schema = dict[str, Any]


def sample_of(schema: Schema, definitions: Schema | None = None) -> Any:
    """One instance of a JSON Schema, with every property present."""
    defs = definitions if definitions is not None else schema.get("$defs", {})
    if "$ref" in schema:
        return sample_of(defs[schema["$ref"].rsplit("/", 1)[1]], defs)
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return sample_of(schema[choice][0], defs)
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    return _of_type(schema, defs)


def _of_type(schema: Schema, defs: Schema) -> Any:
    match schema.get("type"):
        case "object":
            properties = schema.get("properties", {})
            if not properties and isinstance(schema.get("additionalProperties"), dict):
                return {"name": sample_of(schema["additionalProperties"], defs)}
            return {name: sample_of(each, defs) for name, each in properties.items()}
        case "array":
            return [sample_of(schema.get("items", {}), defs)]
        case "integer":
            return int(schema.get("minimum", 7))
        case "number":
            return 1.5
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return TEXTS.get(schema.get("format", ""), "EUR")
