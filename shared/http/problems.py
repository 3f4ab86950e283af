"""How a refusal looks on the wire: RFC 9457 problem details."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from shared import context, errors

MEDIA_TYPE = "application/problem+json"

# The kinds of refusal and their status: the only place that knows both.
STATUS: tuple[tuple[type[errors.Refusal], int], ...] = (
    (errors.NotFound, 404),
    (errors.Unauthenticated, 401),
    (errors.Forbidden, 403),
    (errors.Stale, 412),
    (errors.Conflict, 409),
    (errors.Invalid, 422),
    (errors.TooMany, 429),
    (errors.Unavailable, 503),
    (errors.OutOfTime, 504),
)
TITLES = {
    400: "Bad request", 401: "Not signed in", 403: "Not allowed", 404: "Not found",
    405: "Method not allowed", 409: "Conflict", 412: "Changed in the meantime",
    413: "Body too large", 415: "Unsupported media type", 422: "Invalid input",
    428: "Precondition required", 429: "Too many requests", 431: "Headers too large",
    500: "Something broke on our side", 502: "Bad gateway", 503: "Temporarily unavailable",
    504: "Gateway timeout",
}  # fmt: skip


def status_of(refusal: errors.Refusal) -> int:
    """The HTTP status of a refusal's kind."""
    for kind, status in STATUS:
        if isinstance(refusal, kind):
            return status
    return 400


def problem(
    status: int, detail: str, *, code: str = "", errors: Sequence[Mapping[str, str]] = ()
) -> dict[str, Any]:
    """The members of a problem document (RFC 9457 §3.1), with the request id to quote."""
    body: dict[str, Any] = {
        "type": f"urn:quintet:problem:{code}" if code else "about:blank",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "request_id": context.current().correlation,
    }
    if errors:
        body["errors"] = list(errors)
    return body


def problem_of(refusal: errors.Refusal) -> dict[str, Any]:
    """The problem document of a refusal."""
    fields = [{"field": name, "message": text} for name, text in refusal.fields.items()]
    return problem(status_of(refusal), str(refusal), code=refusal.code, errors=fields)


def headers_of(refusal: errors.Refusal) -> dict[str, str]:
    """The headers that belong to a refusal's status."""
    if isinstance(refusal, errors.TooMany | errors.Unavailable):
        return {"retry-after": str(refusal.retry_after)}
    if isinstance(refusal, errors.Unauthenticated):
        return {"www-authenticate": 'Bearer realm="quintet"'}  # RFC 6750 §3
    return {}


def encoded(body: Mapping[str, Any]) -> bytes:
    """The document as it goes out."""
    return json.dumps(body, ensure_ascii=False).encode()
