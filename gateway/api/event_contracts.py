"""One AsyncAPI document from many: who says what, and who hears it."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.api.contracts import Document


def merge_asyncapi(documents: Mapping[str, Document], *, unavailable: list[str]) -> Document:
    """The events of all services as one AsyncAPI 3 document.

    A channel is described by the service that sends to it, because that one knows every field.
    """
    channels: Document = {}
    operations: Document = {}
    schemas: Document = {}
    for service, document in documents.items():
        for name, operation in document.get("operations", {}).items():
            operations[f"{service}.{name}"] = operation
        for name, channel in document.get("channels", {}).items():
            if name not in channels or f"send.{name}" in document.get("operations", {}):
                channels[name] = channel
        schemas |= document.get("components", {}).get("schemas", {})
    channels = {name: _refer(channel, name, schemas) for name, channel in channels.items()}
    merged: Document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Quintet events",
            "version": "1",
            "description": "What the services tell each other.",
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": channels,
        "operations": operations,
        "components": {"schemas": schemas},
    }
    if unavailable:
        merged["x-unavailable"] = unavailable
    return merged


def _refer(channel: Document, name: str, schemas: Document) -> Document:
    """The channel with its payload by reference.

    A schema has its own `$id`, so that references inside it keep their meaning.
    """
    messages = channel.get("messages", {})
    if name not in schemas or "event" not in messages:
        return channel
    event = messages["event"] | {"payload": {"$ref": f"#/components/schemas/{name}"}}
    return channel | {"messages": messages | {"event": event}}
