"""One OpenAPI document from many, without names that clash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.api import additions
from gateway.api.additions import METHODS, Document, operations_of
from gateway.api.naming import own_name, public_names

Names = Mapping[str, Mapping[str, str]]  # of components, by kind and by what a service calls them

# How a client may say who it is, whatever the service. None of them is required by all calls.
WAYS_IN: Document = {
    "accessToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "session": {"type": "apiKey", "in": "cookie", "name": "quintet_session"},
}

GATEWAY = "gateway"


def merge_openapi(
    documents: Mapping[str, Document], *, away: Mapping[str, str], public_url: str
) -> Document:
    """The API of all services as one OpenAPI 3.1 document.

    Paths get the prefix under which the service is mounted, components and operations the name of
    their service. `away` names the services that do not answer, and since when (RFC 3339); of
    these the last good document is kept, and its operations are marked `x-stale`. What the gateway
    says for every service, such as its limits, is added to every operation.
    """
    merged: Document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Quintet",
            "version": "1",
            "description": "One shop, one address: the API of all services.",
        },
        "servers": [{"url": public_url}],
        "tags": [],
        "paths": {},
        "components": {"securitySchemes": dict(WAYS_IN)},
        "security": [{name: []} for name in WAYS_IN] + [{}],
    }
    for service, document in documents.items():
        _add(merged, service, document, stale_since=away.get(service))
    additions.add_to(merged)
    if away:
        merged["x-unavailable"] = sorted(away)
        merged["x-stale"] = {name: away[name] for name in sorted(away) if name in documents}
    return merged


def _add(merged: Document, service: str, document: Document, *, stale_since: str | None) -> None:
    components: Document = document.get("components", {})
    schemes = _add_security(merged, service, components.get("securitySchemes", {}))
    names = {kind: public_names(service, named) for kind, named in components.items()}
    for kind, named in components.items():
        if kind != "securitySchemes":
            target = merged["components"].setdefault(kind, {})
            target |= {names[kind][name]: _renamed(each, names) for name, each in named.items()}
    for path, item in document.get("paths", {}).items():
        own_item = _renamed(_public(item), names)
        for operation in operations_of(own_item):
            _own_operation(operation, service, schemes, document.get("security"))
            if stale_since is not None:
                operation["x-stale"] = stale_since
        if not path.startswith("/internal") and any(operations_of(own_item)):
            merged["paths"][path if service == GATEWAY else f"/api/{service}{path}"] = own_item
    merged["tags"] += _tags(service, document)


def _public(item: Document) -> Document:
    """A path without the operations that its service keeps to itself."""
    hidden = {method for method in METHODS if item.get(method, {}).get("x-internal")}
    return {key: value for key, value in item.items() if key not in hidden}


def _add_security(merged: Document, service: str, schemes: Document) -> dict[str, str]:
    """Add the ways to sign in; those that services share appear once. Returns the new names."""
    names = {}
    for name, scheme in schemes.items():
        target = merged["components"]["securitySchemes"]
        names[name] = name if target.get(name, scheme) == scheme else own_name(service, name)
        target[names[name]] = scheme
    return names


def _own_operation(
    operation: Document, service: str, schemes: Mapping[str, str], security: Any
) -> None:
    if "operationId" in operation:
        operation["operationId"] = f"{service}_{operation['operationId']}"
    operation["tags"] = [_tag(service, tag) for tag in operation.get("tags", [service])]
    wanted = operation.get("security", security)
    if wanted is not None:
        operation["security"] = [
            {schemes.get(name, name): scopes for name, scopes in way.items()} for way in wanted
        ]


def _tags(service: str, document: Document) -> list[Document]:
    described = {tag["name"]: tag for tag in document.get("tags", [])}
    used = {
        tag: {"name": tag}
        for item in document.get("paths", {}).values()
        for operation in operations_of(item)
        for tag in operation.get("tags", [service])
    }
    return [tag | {"name": _tag(service, name)} for name, tag in (used | described).items()]


def _tag(service: str, tag: str) -> str:
    return tag if tag == service else f"{service}: {tag}"


def _renamed(node: Any, names: Names, *, referring: bool = False) -> Any:
    """A copy in which references lead to components by their public names."""
    if isinstance(node, dict):
        return {
            key: _renamed(value, names, referring=key in {"$ref", "mapping"} or referring)
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [_renamed(value, names) for value in node]
    if referring and isinstance(node, str) and node.startswith("#/components/"):
        _, _, kind, name = node.split("/", 3)
        return f"#/components/{kind}/{names.get(kind, {}).get(name, name)}"
    return node
