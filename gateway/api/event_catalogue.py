"""The merged AsyncAPI document as a reader wants it: events, their fields, who says and hears."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.api.additions import Document
from gateway.api.event_snippet import snippet_of
from shared.contracts.schemas import Schema, forms, in_words, values_of

BOUNDS = {
    "minimum": "at least", "maximum": "at most", "exclusiveMinimum": "more than",
    "exclusiveMaximum": "less than", "minLength": "length at least", "maxLength": "length at most",
    "minItems": "items at least", "maxItems": "items at most", "pattern": "matches",
}  # fmt: skip
DEEPEST = 4
LARGEST = str(2**53 - 1)  # a bound of every number that JSON carries exactly: says nothing


@dataclass(frozen=True, slots=True)
class Field:
    """One field, nested ones by their path: `lines[].sku`."""

    path: str
    kind: str
    always: bool
    notes: tuple[str, ...]
    read_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One event type with all that there is to know of it."""

    type: str
    title: str
    description: str
    key: str
    deprecated: bool
    said_by: tuple[str, ...]
    heard_by: tuple[str, ...]
    stale: bool
    fields: tuple[Field, ...]
    example: str
    envelope: str
    snippet: str
    versions: tuple[str, ...]

    @property
    def version(self) -> str:
        """The last part of the type: `v1`."""
        return self.type.rpartition(".")[2]

    @property
    def of_platform(self) -> bool:
        """Whether it is part of how services work together, not of what they do."""
        return self.type.startswith("quintet.")

    def matches(self, words: Sequence[str]) -> bool:
        """Whether all of these words occur: in names, texts, or as `from:shop` and `to:auth`."""
        ends = [f"from:{each}" for each in self.said_by] + [f"to:{each}" for each in self.heard_by]
        paths = [field.path for field in self.fields]
        text = " ".join([self.type, self.title, self.description, *ends, *paths]).lower()
        return all(word in text for word in words)


def entries_of(document: Document) -> list[Entry]:
    """Every event of the document, in the order of their types."""
    return [_entry(document, type_) for type_ in sorted(document.get("channels", {}))]


def flows_of(entries: Sequence[Entry]) -> Counter[tuple[str, str]]:
    """How many event types go from whom to whom; what all say to all is left out."""
    return Counter(
        (speaker, hearer)
        for entry in entries
        if not entry.of_platform
        for speaker in entry.said_by
        for hearer in entry.heard_by
    )


def _entry(document: Document, type_: str) -> Entry:
    message = document["channels"][type_].get("messages", {}).get("event", {})
    schemas = document.get("components", {}).get("schemas", {})
    schema = schemas.get(_data_of(message), {})
    send, receive = (_operations(document, type_, action) for action in ("send", "receive"))
    readers = {str(each["x-service"]): _read(each, schemas) for each in receive}
    envelope: Document = next((each["payload"] for each in message.get("examples", ())), {})
    rows = _rows(schema, schemas, "", ())
    return Entry(
        type=type_,
        title=str(message.get("title", type_)),
        description=str(message.get("description", "")),
        key=str(schema.get("x-key", "")),
        deprecated=bool(schema.get("deprecated")),
        said_by=tuple(sorted(str(each["x-service"]) for each in send)),
        heard_by=tuple(sorted(readers)),
        stale=any(each.get("x-stale") for each in [*send, *receive]),
        fields=tuple(
            Field(
                path, kind, always, notes, tuple(n for n, read in readers.items() if path in read)
            )
            for path, kind, always, notes in rows
        ),
        example=_pretty(envelope.get("data", {})),
        envelope=_pretty(envelope),
        snippet=snippet_of(type_, message.get("title", "Something"), schema, schemas),
        versions=_versions(document, type_),
    )


def _operations(document: Document, type_: str, action: str) -> list[Document]:
    channel = f"#/channels/{type_}"
    return [
        each
        for each in document.get("operations", {}).values()
        if each.get("action") == action and each.get("channel", {}).get("$ref") == channel
    ]


def _read(operation: Document, schemas: Schema) -> set[str]:
    reads = operation.get("x-reads")
    return {row[0] for row in _rows(reads, schemas, "", ())} if reads else set()


def _data_of(message: Document) -> str:
    """The name of the schema that describes the data in the envelope."""
    for part in message.get("payload", {}).get("allOf", ()):
        reference = part.get("properties", {}).get("data", {}).get("$ref", "")
        if reference:
            return str(reference).rsplit("/", 1)[1]
    return ""


Row = tuple[str, str, bool, tuple[str, ...]]


def _rows(schema: Schema, schemas: Schema, path: str, inside: tuple[str, ...]) -> Iterator[Row]:
    """The fields below a place, each followed by its own; a type that holds itself is told once."""
    name = str(schema.get("$ref", ""))
    if name and name in inside or len(inside) > DEEPEST:
        return
    for form in forms(schema, schemas):
        if form["type"] == "array":
            yield from _rows(form.get("items", {}), schemas, f"{path}[]", (*inside, name))
        if isinstance(form.get("additionalProperties"), dict):
            rest = form["additionalProperties"]
            yield from _rows(rest, schemas, f"{path}.*", (*inside, name))
        for field, each in form.get("properties", {}).items():
            place = f"{path}.{field}".lstrip(".")
            always = field in form.get("required", ())
            yield place, in_words(each, schemas), always, tuple(_notes(each, schemas))
            yield from _rows(each, schemas, place, (*inside, name))


def _notes(schema: Schema, schemas: Schema) -> Iterator[str]:
    for form in forms(schema, schemas):
        values = values_of(form)
        if values:
            yield "one of " + ", ".join(map(str, values))
        for word, words in BOUNDS.items():
            if word in form and str(form[word]).lstrip("-") != LARGEST:
                yield f"{words} {form[word]}"
        if "description" in form:
            yield str(form["description"])
    if schema.get("default") not in (None, "", [], {}):
        yield f"{schema['default']} if absent"


def _versions(document: Document, type_: str) -> tuple[str, ...]:
    stem = type_.rpartition(".")[0]
    return tuple(sorted(each for each in document["channels"] if each.rpartition(".")[0] == stem))


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
