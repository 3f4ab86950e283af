"""One OpenAPI document from many, without names that clash."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Document = dict[str, Any]

# How a client may say who it is, whatever the service. None of them is required by all calls.
WAYS_IN: Document = {
    "accessToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "session": {"type": "apiKey", "in": "cookie", "name": "quintet_session"},
}

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def merge_openapi(
    documents: Mapping[str, Document], *, unavailable: list[str], public_url: str
) -> Document:
    """The API of all services as one OpenAPI 3.1 document.

    Paths get the prefix under which the service is mounted, components and operations the name of
    their service. `unavailable` lists services that did not answer; theirs is the last good one.
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
        _add(merged, service, document)
    if unavailable:
        merged["x-unavailable"] = unavailable
    return merged


def _add(merged: Document, service: str, document: Document) -> None:
    components: Document = document.get("components", {})
    schemes = _add_security(merged, service, components.get("securitySchemes", {}))
    for kind, named in components.items():
        if kind != "securitySchemes":
            target = merged["components"].setdefault(kind, {})
            target |= {_own(service, name): _renamed(each, service) for name, each in named.items()}
    for path, item in document.get("paths", {}).items():
        own_item = _renamed(item, service)
        for operation in _operations(own_item):
            _own_operation(operation, service, schemes, document.get("security"))
        merged["paths"][f"/api/{service}{path}"] = own_item
    merged["tags"] += _tags(service, document)


def _add_security(merged: Document, service: str, schemes: Document) -> dict[str, str]:
    """Add the ways to sign in; those that services share appear once. Returns the new names."""
    names = {}
    for name, scheme in schemes.items():
        target = merged["components"]["securitySchemes"]
        names[name] = name if target.get(name, scheme) == scheme else _own(service, name)
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


def _operations(item: Document) -> Iterator[Document]:
    return (item[method] for method in METHODS if method in item)


def _tags(service: str, document: Document) -> list[Document]:
    described = {tag["name"]: tag for tag in document.get("tags", [])}
    used = {
        tag: {"name": tag}
        for item in document.get("paths", {}).values()
        for operation in _operations(item)
        for tag in operation.get("tags", [service])
    }
    return [tag | {"name": _tag(service, name)} for name, tag in (used | described).items()]


def _tag(service: str, tag: str) -> str:
    return tag if tag == service else f"{service}: {tag}"


def _own(service: str, name: str) -> str:
    return f"{service.capitalize()}{name}"


def _renamed(node: Any, service: str, *, names: bool = False) -> Any:
    """A copy in which references to components carry the name of the service."""
    if isinstance(node, dict):
        return {
            key: _renamed(value, service, names=key in {"$ref", "mapping"} or names)
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [_renamed(value, service) for value in node]
    if names and isinstance(node, str) and node.startswith("#/components/"):
        _, _, kind, name = node.split("/", 3)
        return f"#/components/{kind}/{_own(service, name)}"
    return node
