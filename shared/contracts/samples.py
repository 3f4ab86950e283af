"""Samples of an event, made from its schema alone, as another team would see it."""

from __future__ import annotations

from typing import Any

from shared.contracts.schemas import Schema, forms, values_of

TEXTS = {
    "uuid": "01a1fdca-41e8-709b-80d6-8398e976b969",
    "date-time": "2026-03-14T09:26:53+00:00",
    "date": "2026-03-14",
    "email": "robin@shoppers.example",
    "uri": "https://shoppers.example/robin",
}
DEEPEST = 6  # a type that holds itself ends here


def sample_of(schema: Schema) -> Any:
    """One instance with everything in it; `examples` of the schema are taken first."""
    return _Sampler(schema.get("$defs", {}), bare=False).of(schema)


def bare_sample_of(schema: Schema) -> Any:
    """One instance with only what is always there: lists are empty, and what may be null is."""
    return _Sampler(schema.get("$defs", {}), bare=True).of(schema)


class _Sampler:
    def __init__(self, definitions: Schema, *, bare: bool) -> None:
        self._definitions = definitions
        self._bare = bare

    def of(self, schema: Schema, name: str = "", depth: int = 0) -> Any:
        form = list(forms(schema, self._definitions))[-1 if self._bare else 0]
        for example in (*schema.get("examples", ()), *form.get("examples", ())):
            if form["type"] != "null" and not (self._bare and isinstance(example, list | dict)):
                return example
        values = values_of(form)
        if values:
            return values[0]
        match form["type"]:
            case "object":
                return self._object(form, depth)
            case "array":
                return self._array(form, depth)
            case "null" | "":
                return None
            case kind:
                return _plain(kind, form, name)

    def _object(self, form: Schema, depth: int) -> dict[str, Any]:
        wanted = form.get("properties", {})
        if self._bare or depth > DEEPEST:
            wanted = {
                name: each for name, each in wanted.items() if name in form.get("required", ())
            }
        values = {name: self.of(each, name, depth + 1) for name, each in wanted.items()}
        rest = form.get("additionalProperties")
        if isinstance(rest, dict) and not values and not self._bare:
            values["name"] = self.of(rest, "name", depth + 1)
        return values

    def _array(self, form: Schema, depth: int) -> list[Any]:
        count = form.get("minItems", 0 if self._bare or depth > DEEPEST else 1)
        return [self.of(form.get("items", {}), "item", depth + 1) for _ in range(count)]


def _plain(kind: str, form: Schema, name: str) -> Any:
    if kind == "boolean":
        return True
    if kind in ("integer", "number"):
        return _number(form, whole=kind == "integer")
    text = TEXTS.get(form.get("format", "")) or (name.replace("_", " ") or "text")
    return text.ljust(form.get("minLength", 0), ".")[: form.get("maxLength")]


def _number(form: Schema, *, whole: bool) -> float:
    step = 1 if whole else 0.5
    least = form.get("minimum", form.get("exclusiveMinimum", -step) + step)
    most = form.get("maximum", form.get("exclusiveMaximum", 7 + step) - step)
    return int(max(least, most if most < 7 else 7)) if whole else float(max(least, min(7.5, most)))
