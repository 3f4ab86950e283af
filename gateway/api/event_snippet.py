"""The lines with which a program in Python would listen to an event."""

from __future__ import annotations

from shared.contracts.schemas import Schema, forms

PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}


def snippet_of(type_: str, title: str, schema: Schema, schemas: Schema) -> str:
    """A reader's class with all fields, and the beginning of a handler."""
    key = f', key="{schema["x-key"]}"' if schema.get("x-key") else ""
    fields = [
        f"    {name}: {_hint(each, schemas)}"
        for name, each in schema.get("properties", {}).items()
        if name != "version"
    ]
    return "\n".join(
        [
            f'class {title}(Event, type="{type_}"{key}):',
            *(fields or ["    pass"]),
            "",
            f"@listener.on({title})",
            "def hear(work, event): ...",
        ]
    )


def _hint(schema: Schema, schemas: Schema) -> str:
    hints = []
    for form in forms(schema, schemas):
        if form["type"] == "array":
            hints.append(f"list[{_hint(form.get('items', {}), schemas)}]")
        else:
            hints.append(PLAIN.get(form["type"], "dict"))
    return " | ".join(dict.fromkeys(hints))
