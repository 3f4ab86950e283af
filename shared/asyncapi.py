"""What a service says and hears, as an AsyncAPI 3 document made from its event classes.

Channels are the event types on the topic exchange (AMQP binding 0.3.0). A message is the whole
CloudEvent (structured mode): its attributes and, in `data`, what the event's class describes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from shared.bus.topology import EVENTS
from shared.contracts.envelope import CLOUD_EVENT, example_around
from shared.contracts.samples import sample_of
from shared.contracts.schemas import schema_of
from shared.events import Event
from shared.replay_requests import ReplayRequested, SnapshotRequested

if TYPE_CHECKING:
    from shared.service import Service

Document = dict[str, Any]

PLATFORM: tuple[type[Event], ...] = (
    ReplayRequested,
    SnapshotRequested,
)  # every service says and hears these

VERSION = "3.0.0"
BINDING = "0.3.0"
CONTENT = "application/cloudevents+json"
EXCHANGE = {
    "name": EVENTS,
    "type": "topic",
    "durable": True,
    "autoDelete": False,
}


def describe(service: Service) -> Document:
    """The AsyncAPI 3.0.0 document of one service: its own events, and those of the platform."""
    said, heard = [*service.published, *PLATFORM], [*service.handlers.readers(), *PLATFORM]
    return described(service.name, said, heard)


def described(
    name: str, published: Iterable[type[Event]], heard: Iterable[type[Event]]
) -> Document:
    """The document of a piece called `name` that says and hears these."""
    said, readers = list(published), list(heard)
    schemas: Document = {"CloudEvent": CLOUD_EVENT}
    for event in said:
        _add_schema(schemas, event, event.TYPE, "serialization")
    for reader in readers:
        _add_schema(schemas, reader, reading(reader.TYPE, name), "validation")
    channels = {each.TYPE: _channel(each, reading(each.TYPE, name)) for each in readers}
    channels |= {each.TYPE: _channel(each, each.TYPE) for each in said}
    operations = {f"receive.{each.TYPE}": _receive(each, name) for each in readers}
    operations |= {f"send.{each.TYPE}": _send(each) for each in said}
    return {
        "asyncapi": VERSION,
        "info": {"title": f"Quintet {name} events", "version": "1"},
        "defaultContentType": CONTENT,
        "channels": channels,
        "operations": operations,
        "components": {"schemas": schemas},
    }


def reading(type_: str, name: str) -> str:
    """What the schema is called by which the piece `name` reads an event."""
    return f"{type_}-read-by-{name}"


def _add_schema(schemas: Document, event: type[Event], name: str, mode: Any) -> None:
    """Add the schema of an event's data, and the types in it under names of their own."""
    schema = event.model_json_schema(
        mode=mode, ref_template=f"#/components/schemas/{name}-{{model}}"
    )
    schemas |= {f"{name}-{model}": each for model, each in schema.pop("$defs", {}).items()}
    schemas[name] = {"x-key": event.KEY, **schema} if event.KEY else schema


def _channel(event: type[Event], schema: str) -> Document:
    return {
        "address": event.TYPE,
        "messages": {"event": _message(event, schema)},
        "bindings": {
            "amqp": {"is": "routingKey", "exchange": dict(EXCHANGE), "bindingVersion": BINDING}
        },
    }


def _message(event: type[Event], schema: str) -> Document:
    words = " ".join((event.__doc__ or "").split())
    data = {"type": {"const": event.TYPE}, "data": {"$ref": f"#/components/schemas/{schema}"}}
    return {
        "name": event.TYPE,
        "title": event.__name__,
        "summary": words.partition(". ")[0].rstrip(".") + ".",
        "description": words,
        "contentType": CONTENT,
        "correlationId": {"location": "$message.payload#/correlationid"},
        "payload": {
            "allOf": [
                {"$ref": "#/components/schemas/CloudEvent"},
                {"type": "object", "properties": data, "required": ["data"]},
            ]
        },
        "bindings": {"amqp": {"messageType": event.TYPE, "bindingVersion": BINDING}},
        "examples": [{"payload": example_around(event, sample_of(schema_of(event)))}],
    }


def _send(event: type[Event]) -> Document:
    return _operation("send", event, {"deliveryMode": 2, "bindingVersion": BINDING})


def _receive(event: type[Event], name: str) -> Document:
    operation = _operation("receive", event, {"ack": True, "bindingVersion": BINDING})
    # Which fields this listener reads: an extension, because a message has one payload.
    reads = {"$ref": f"#/components/schemas/{reading(event.TYPE, name)}"}
    return operation | {"x-reads": reads, "x-listener": name}


def _operation(action: str, event: type[Event], binding: Document) -> Document:
    channel = f"#/channels/{event.TYPE}"
    return {
        "action": action,
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/event"}],
        "bindings": {"amqp": binding},
    }
