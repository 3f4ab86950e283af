"""The reference page of all events: `docs/reference/events.md`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from gateway.events.consumed import HEARD
from shared.asyncapi import PLATFORM
from shared.contracts.released import read_folder
from shared.contracts.schemas import Schema, in_words, schema_of
from shared.events import Event
from shared.service import Service

HEAD = """# Events

Made from the event classes by `make contracts`; a running platform shows them with examples at `/docs/events`.

A type never changes: a field may be added if it may be absent (marked `?`), anything else is a new `v` beside the old one ([how](../howto/add-an-event.md), [why](../decisions/0017-events-keep-their-promises.md)).
Events with the same key value keep their order; each carries `version`, which counts the changes of what the key names. All travel in [the same envelope](#the-envelope).
"""  # noqa: E501  (prose)

TAIL = """## The envelope

CloudEvents 1.0 as structured JSON (`application/cloudevents+json`): `id` (never changes, however often it is sent), `type`, `source` (`/shop`), `subject` (the value of the key), `time`, `aggregateversion`, `correlationid`
(the same for all that one request led to), `causationid`, `traceparent`, and the event in `data`. On RabbitMQ it travels over the topic exchange `quintet.events` with the type as routing key.
"""  # noqa: E501  (prose)


def events_page(services: Sequence[Service], released: dict[str, Path]) -> str:
    """The page; `released` says where each service keeps its released contracts."""
    hearers = _hearers(services)
    parts = [HEAD]
    for service in services:
        known = read_folder(released[service.name])
        parts.append("\n".join(_section(service.name, service.published, known, hearers)) + "\n")
    hearers = {event.TYPE: ["every service"] for event in PLATFORM}
    known = read_folder(released["shared"])
    parts.append("\n".join(_section("every service", PLATFORM, known, hearers)) + "\n")
    return "\n".join([*parts, TAIL])


def _section(
    name: str,
    published: Sequence[type[Event]],
    released: dict[str, Schema],
    hearers: dict[str, list[str]],
) -> Iterator[str]:
    yield f"## {name}\n"
    yield "| event | says | key | fields | heard by | contract |"
    yield "|---|---|---|---|---|---|"
    types = {event.TYPE for event in published}
    for event in sorted(published, key=lambda each: each.TYPE):
        says = (event.__doc__ or "").strip().split("\n")[0]
        heard = ", ".join(hearers.get(event.TYPE, [])) or "–"
        cells = (f"`{event.TYPE}`", says, f"`{event.KEY}`", _fields(event), heard)
        yield "| " + " | ".join((*cells, _state(event, released, types))) + " |"


def _fields(event: type[Event]) -> str:
    schema = schema_of(event)
    needed, definitions = schema.get("required", ()), schema.get("$defs", {})
    return ", ".join(
        f"`{name}`{'' if name in needed else '?'} {in_words(each, definitions)}"
        for name, each in schema["properties"].items()
        if name != "version"
    )


def _state(event: type[Event], released: dict[str, Schema], types: set[str]) -> str:
    state = "released" if event.TYPE in released else "new"
    if schema_of(event).get("deprecated"):
        state = "deprecated"
    stem = event.TYPE.rpartition(".")[0]
    others = sorted(each for each in types if each.startswith(f"{stem}.v") and each != event.TYPE)
    return f"{state}; beside {', '.join(others)}" if others else state


def _hearers(services: Sequence[Service]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for service in services:
        for type_ in service.handlers.types:
            found.setdefault(type_, []).append(service.name)
    for event in HEARD:
        found.setdefault(event.TYPE, []).append("gateway")
    return found
