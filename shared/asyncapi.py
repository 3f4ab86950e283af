"""What a service says and hears, as an AsyncAPI 3 document made from its event classes."""

from __future__ import annotations

from typing import Any

from shared.events import Event
from shared.service import Service


def describe(service: Service) -> dict[str, Any]:
    """The AsyncAPI 3.0.0 document of one service."""
    published, heard = list(service.published), list(service.handlers.readers())
    schemas: dict[str, Any] = {}
    channels = {event.TYPE: _channel(event, schemas) for event in [*published, *heard]}
    operations = {f"send.{each.TYPE}": _operation("send", each) for each in published}
    operations |= {f"receive.{each.TYPE}": _operation("receive", each) for each in heard}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": f"Quintet {service.name} events", "version": "1"},
        "defaultContentType": "application/cloudevents+json",
        "channels": channels,
        "operations": operations,
        "components": {"schemas": schemas},
    }


def schema_of(event: type[Event]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of an event's data."""
    schema = event.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": event.TYPE, **schema}


def _channel(event: type[Event], schemas: dict[str, Any]) -> dict[str, Any]:
    payload = event.model_json_schema(
        mode="serialization", ref_template="#/components/schemas/{model}"
    )
    schemas |= payload.pop("$defs", {})
    schemas[event.TYPE] = payload
    return {
        "address": event.TYPE,
        "messages": {
            "event": {
                "name": event.TYPE,
                "summary": (event.__doc__ or "").strip().split("\n")[0],
                "payload": {"$ref": f"#/components/schemas/{event.TYPE}"},
            }
        },
        "bindings": {"amqp": {"is": "routingKey", "exchange": {"name": "quintet.events"}}},
    }


def _operation(action: str, event: type[Event]) -> dict[str, Any]:
    channel = f"#/channels/{event.TYPE}"
    return {
        "action": action,
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/event"}],
    }
