"""One AsyncAPI document from many: who says what, and who hears it."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.api.additions import Document
from gateway.events.consumed import HEARD
from shared.asyncapi import CONTENT, VERSION, described

GATEWAY = "gateway"


def merge_asyncapi(documents: Mapping[str, Document], *, away: Mapping[str, str]) -> Document:
    """The events of all services, and what the gateway hears, as one AsyncAPI 3 document.

    A channel is described by the service that sends to it, because that one knows every field.
    `away` names the services that do not answer, and since when (RFC 3339); what they said before
    is kept, and their operations carry that time as `x-stale`.
    """
    merged: Document = {
        "asyncapi": VERSION,
        "info": {
            "title": "Quintet events",
            "version": "1",
            "description": "What the services tell each other.",
        },
        "defaultContentType": CONTENT,
        "channels": {},
        "operations": {},
        "components": {"schemas": {}},
    }
    for service, document in {**documents, GATEWAY: described(GATEWAY, (), HEARD)}.items():
        _add(merged, service, document, stale_since=away.get(service))
    if away:
        merged["x-unavailable"] = sorted(away)
        merged["x-stale"] = {name: away[name] for name in sorted(away) if name in documents}
    return merged


def _add(merged: Document, service: str, document: Document, *, stale_since: str | None) -> None:
    for name, operation in document.get("operations", {}).items():
        mark = {} if stale_since is None else {"x-stale": stale_since}
        merged["operations"][f"{service}.{name}"] = {**operation, "x-service": service, **mark}
    for name, channel in document.get("channels", {}).items():
        if name not in merged["channels"] or f"send.{name}" in document.get("operations", {}):
            merged["channels"][name] = channel
    # Names are unique: an event's schema is called by its type, a reader's by its service too.
    merged["components"]["schemas"] |= document.get("components", {}).get("schemas", {})
