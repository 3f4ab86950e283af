"""What the gateway adds to every operation, whatever the service: limits, problems, farewells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
PROBLEM = "application/problem+json"

_INTEGER: Document = {"type": "integer", "minimum": 0}
_TEXT: Document = {"type": "string"}

HEADERS: Document = {
    "RateLimit-Policy": {
        "description": "The limits that apply: quota `q` in `w` seconds for the partition `pk` "
        "(draft-ietf-httpapi-ratelimit-headers). Comes with every answer that is limited.",
        "schema": _TEXT,
        "example": '"browse";q=600;w=60;pk=:kYsf5yHD0I3X:',
    },
    "RateLimit": {
        "description": "What is left of them: within `t` seconds no more than `r`.",
        "schema": _TEXT,
        "example": '"browse";r=599;t=1;pk=:kYsf5yHD0I3X:',
    },
    "Retry-After": {
        "description": "Seconds after which to try again (RFC 9110, section 10.2.3).",
        "schema": _INTEGER,
    },
    "Deprecation": {
        "description": "Since when, or from when on, this should not be used (RFC 9745).",
        "schema": _TEXT,
        "example": "@1767225600",
    },
    "Sunset": {
        "description": "When this is expected to be gone (RFC 8594).",
        "schema": _TEXT,
        "example": "Fri, 31 Dec 2027 23:59:59 GMT",
    },
}

SCHEMAS: Document = {
    "Problem": {
        "type": "object",
        "description": "What went wrong: RFC 9457. `request_id` finds it in our logs.",
        "required": ["type", "title", "status", "detail", "request_id"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": _TEXT,
            "status": _INTEGER,
            "detail": _TEXT,
            "request_id": _TEXT,
            "violated-policies": {
                "type": "array",
                "items": _TEXT,
                "description": "The names of the limits that were exceeded.",
            },
        },
    }
}


def _refused(description: str, *headers: str) -> Document:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": description,
        "headers": {name: _header(name) for name in headers},
        "content": {PROBLEM: {"schema": schema}},
    }


def _header(name: str) -> Document:
    return {"$ref": f"#/components/headers/{name}"}


RESPONSES: Document = {
    "TooManyRequests": _refused(
        "That was too often.", "RateLimit-Policy", "RateLimit", "Retry-After"
    ),
    "BadGateway": _refused("The service could not be reached."),
    "Unavailable": _refused("Too busy for this right now, or stopping.", "Retry-After"),
    "GatewayTimeout": _refused("The service took too long."),
}
_BY_STATUS = {
    "429": "TooManyRequests",
    "502": "BadGateway",
    "503": "Unavailable",
    "504": "GatewayTimeout",
}


def add_to(merged: Document) -> None:
    """Describe once, and refer to it from every operation that does not say it differently."""
    components = merged["components"]
    for kind, named in (("headers", HEADERS), ("schemas", SCHEMAS), ("responses", RESPONSES)):
        components[kind] = {**components.get(kind, {}), **named}
    for item in merged["paths"].values():
        for operation in operations_of(item):
            responses = operation.setdefault("responses", {})
            for status, name in _BY_STATUS.items():
                responses.setdefault(status, {"$ref": f"#/components/responses/{name}"})
            if operation.get("deprecated"):
                _say_goodbye(responses)


def operations_of(item: Document) -> Iterator[Document]:
    """The operations of a path."""
    return (item[method] for method in METHODS if method in item)


def _say_goodbye(responses: Document) -> None:
    for status, response in responses.items():
        if status.startswith("2") and "$ref" not in response:
            headers = response.setdefault("headers", {})
            for name in ("Deprecation", "Sunset"):
                headers.setdefault(name, _header(name))
