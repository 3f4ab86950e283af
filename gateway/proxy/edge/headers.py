"""Header hygiene: which fields mean something to us, which may pass, which stay outside."""

from __future__ import annotations

import re
from collections.abc import Iterable, MutableMapping
from typing import Any

from gateway.proxy.edge.guard import is_host
from gateway.proxy.upstream.connection import Fields
from gateway.refusals import Refused, bad_request

Scope = MutableMapping[str, Any]

MOST_FIELDS = 100
LONGEST_HEAD = 16 * 1024

_PASS, _DROP, _READ = 0, 1, 2
_KINDS = (
    dict.fromkeys(
        (
            b"accept accept-encoding accept-language user-agent content-type cache-control pragma "
            b"referer origin if-match if-none-match if-modified-since if-unmodified-since if-range "
            b"range idempotency-key prefer priority dnt upgrade-insecure-requests content-encoding "
            b"sec-fetch-site sec-fetch-mode sec-fetch-dest sec-fetch-user sec-ch-ua "
            b"sec-ch-ua-mobile sec-ch-ua-platform x-csrf-token x-cart-token x-requested-with"
        ).split(),
        _PASS,
    )
    # Between the client and us only (RFC 9110, section 7.6.1), or words about who somebody is
    # that nobody outside may speak.
    | dict.fromkeys(
        (
            b"keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer "
            b"upgrade http2-settings forwarded x-real-ip x-original-url x-rewrite-url "
            b"x-original-host true-client-ip x-client-ip x-cluster-client-ip remote-user"
        ).split(),
        _DROP,
    )
    | dict.fromkeys(
        (
            b"host content-length transfer-encoding connection cookie authorization "
            b"expect x-request-id traceparent tracestate"
        ).split(),
        _READ,
    )
)
_IDENTITY_LIKE = (
    b"x-user",
    b"x-internal",
    b"x-forwarded",
    b"x-remote",
    b"x-auth",
    b"x-principal",
    b"x-client-cert",
    b"x-ssl",
)
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._\-]{8,64}")
# W3C Trace Context, section 3.2: version 00, no all-zero ids.
_TRACEPARENT = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class Head:
    """The head of a request as we understood it, and `lines` to send on."""

    __slots__ = (
        "authorization",
        "chunked",
        "cookie",
        "expects",
        "host",
        "length",
        "lines",
        "named",
        "request_id",
        "traceparent",
        "tracestate",
    )

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.host: bytes | None = None
        self.length = -1
        self.chunked = False
        self.expects = False
        self.cookie: bytes | None = None
        self.authorization: bytes | None = None
        self.request_id: bytes | None = None
        self.traceparent: bytes | None = None
        self.tracestate: bytes | None = None
        self.named: set[bytes] | None = None


def read_head(scope: Scope) -> Head:
    """Understand the header fields, or refuse what is malformed or ambiguous."""
    # The hot path: one round per field of every request, hence no function call for usual ones.
    fields: Fields = scope["headers"]
    head = Head()
    lines = head.lines
    size = 0
    for name, value in fields:
        size += len(name) + len(value)
        kind = _KINDS.get(name)
        if kind is _PASS or (kind is None and _may_pass(name)):
            lines += (name, b": ", value, b"\r\n")
        elif kind is _READ:
            _READERS[name](head, value)
    if size > LONGEST_HEAD or len(fields) > MOST_FIELDS:
        raise _head_too_large()
    if head.host is None:
        raise bad_request("bad-host", "The Host header is missing.")
    if head.chunked:
        _check_framing(head, scope)
    if head.named:
        _drop_named(head)
    return head


def _may_pass(name: bytes) -> bool:
    """Whether a field that we do not know goes to the service."""
    if b"_" in name:
        # WSGI makes X_User and X-User the same variable.
        raise bad_request("bad-header", "The name of a header field may have no underscore.")
    return not name.startswith(_IDENTITY_LIKE)


def _read_host(head: Head, value: bytes) -> None:
    if head.host is not None or not is_host(value):
        raise bad_request("bad-host", "There must be one valid Host header.")
    head.host = value


def _read_length(head: Head, value: bytes) -> None:
    if head.length >= 0 or not value.isdigit():
        raise bad_request("bad-framing", "There must be one valid Content-Length.")
    head.length = int(value[:18])


def _read_transfer_encoding(head: Head, value: bytes) -> None:
    if head.chunked or value.lower() != b"chunked":
        raise bad_request("bad-framing", "The only transfer encoding we take is chunked, once.")
    head.chunked = True


def _read_connection(head: Head, value: bytes) -> None:
    if value.lower() not in (b"keep-alive", b"close"):
        named = {token.strip().lower() for token in value.split(b",")}
        head.named = named if head.named is None else head.named | named


def _read_cookie(head: Head, value: bytes) -> None:
    head.cookie = value if head.cookie is None else head.cookie + b"; " + value


def _read_authorization(head: Head, value: bytes) -> None:
    if head.authorization is not None:
        raise bad_request("bad-header", "There may be one Authorization header only.")
    head.authorization = value


def _read_expect(head: Head, value: bytes) -> None:
    head.expects = True


def _read_request_id(head: Head, value: bytes) -> None:
    if _REQUEST_ID.fullmatch(value):
        head.request_id = value


def _read_traceparent(head: Head, value: bytes) -> None:
    if _TRACEPARENT.fullmatch(value):
        head.traceparent = value


def _read_tracestate(head: Head, value: bytes) -> None:
    if len(value) <= 512:
        head.tracestate = value


_READERS = {
    b"host": _read_host,
    b"content-length": _read_length,
    b"transfer-encoding": _read_transfer_encoding,
    b"connection": _read_connection,
    b"cookie": _read_cookie,
    b"authorization": _read_authorization,
    b"expect": _read_expect,
    b"x-request-id": _read_request_id,
    b"traceparent": _read_traceparent,
    b"tracestate": _read_tracestate,
}


def _check_framing(head: Head, scope: Scope) -> None:
    if head.length >= 0:
        raise bad_request("bad-framing", "Content-Length and Transfer-Encoding exclude each other.")
    if scope["http_version"] == "1.0":
        raise bad_request("bad-framing", "HTTP/1.0 has no Transfer-Encoding.")


def _drop_named(head: Head) -> None:
    """Remove the fields that Connection names: they were meant for us only."""
    named = head.named or set()
    lines = head.lines
    head.lines = [
        piece
        for at in range(0, len(lines), 4)
        if lines[at] not in named
        for piece in lines[at : at + 4]
    ]
    if b"cookie" in named:
        head.cookie = None
    if b"authorization" in named:
        head.authorization = None


def _head_too_large() -> Refused:
    return Refused(
        431,
        "headers-too-large",
        "The header fields of this request are too many or too long.",
        headers=((b"connection", b"close"),),
    )


def field(fields: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """The first value of a field, for the few places that look for one."""
    for key, value in fields:
        if key == name:
            return value
    return None
