"""`Proxy-Status` (RFC 9209): what went wrong between us and whoever should have answered.

Only the gateway's own errors carry it; an answer that a service gave is the service's word.
"""

from __future__ import annotations

from functools import lru_cache

FIELD = b"proxy-status"
NAME = "quintet-gateway"

# Section 2.3: the registered types that we use. The ones we generate a client error for need the
# `status-code` that section 2.3.16 asks for.
REQUEST_ERROR, DENIED = "http_request_error", "http_request_denied"
UNAVAILABLE, LATE = "destination_unavailable", "http_response_timeout"
INTERNAL = "proxy_internal_error"
_BY_STATUS = {
    401: DENIED,
    403: DENIED,
    429: DENIED,
    500: INTERNAL,
    502: UNAVAILABLE,
    503: UNAVAILABLE,
    504: LATE,
}


@lru_cache(maxsize=512)
def proxy_status(status: int, code: str, error: str = "", *, received: int = 0) -> bytes:
    """The field's value for an error of ours with this status.

    `error` is a type of section 2.3; by default the one that fits the status. `code` is our own
    stable word for the cause and becomes `details` (2.1.5): no names or addresses of the inside.
    `received` is the status a service had answered, where there was one (2.1.4).
    """
    error = error or _BY_STATUS.get(status, REQUEST_ERROR)
    parts = [NAME, f"error={error}"]
    if received:
        parts.append(f"received-status={received}")
    if error == REQUEST_ERROR:
        parts.append(f"status-code={status}")
    parts.append(f"details={_string(code)}")
    return "; ".join(parts).encode("ascii")


def _string(text: str) -> str:
    """An sf-string: RFC 9651, section 3.3.3. Printable ASCII, the two special ones escaped."""
    plain = "".join(each if " " <= each <= "~" else "?" for each in text)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
