"""Header hygiene: which fields mean something to us, which may pass, which stay outside."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from gateway.proxy.edge.guard import is_host
from gateway.proxy.edge.handshake import check_offer
from gateway.proxy.edge.names import IDENTITY_LIKE, KINDS, PASS, UNKNOWN
from gateway.proxy.edge.target import EVERYTHING, read_target
from gateway.proxy.upstream.connection import Fields
from gateway.refusals import CLOSE, Refused, bad_request

MOST_FIELDS = 100
LONGEST_HEAD = 16 * 1024

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._\-]{8,64}")
_ORDINARY = 1024  # a target up to this length need not be measured


class Head:
    """The head of a request: as it came, then as we understood it, and `lines` to send on.

    Defaults live on the class: a plain request sets only what it has.
    """

    host = b""
    client = ""  # the address we believe; `peer` is the one that the socket says
    length = -1
    chunked = False
    large = False  # so many bytes came with it that its fields must be measured
    expects = False
    upgrade: bytes | None = None  # the protocol that was offered, in lower case
    cookie: bytes | None = None
    authorization: bytes | None = None
    request_id: bytes | None = None
    patience: bytes | None = None  # how long the client will wait, if it says so
    traceparent: bytes | None = None  # as received; once the trace is continued, ours
    parent: bytes | None = None  # the caller's traceparent, once ours has taken its place
    tracestate: bytes | None = None
    hop = b""  # how services are told who is at the far end; the host follows
    introduction = b""  # how services are told of all that, once the head is understood
    on_understood: Callable[[Head], None] | None = None
    origin: bytes | None = None
    trusted = False  # the route trusts that origin with our cookies
    named: set[bytes] | None = None

    def __init__(self, method: str, target: bytes, peer: str, fields: Fields) -> None:
        self.method = method
        self.target = target
        self.path, _, self.query = target.partition(b"?")  # as sent, never decoded
        self.version = "1.1"
        self.scheme = "http"
        self.peer = peer
        self.fields = fields  # lower-case names, as received
        self.lines: list[bytes] = []

    def again(self, method: str, target: bytes, path: bytes, query: bytes) -> Head:
        """Another request with the same fields from the same peer; this one is understood.

        For GET and HEAD, to which all fields mean the same; not for a request with a body, a trace
        or an id of its own. What both share stays as it is.
        """
        head = Head.__new__(Head)
        head.method, head.target, head.path, head.query = method, target, path, query
        head.version, head.scheme, head.peer = self.version, self.scheme, self.peer
        head.fields, head.lines = self.fields, self.lines
        head.host, head.client, head.hop = self.host, self.client, self.hop
        head.cookie, head.authorization = self.cookie, self.authorization
        head.origin, head.patience, head.length = self.origin, self.patience, self.length
        head.introduction = self.introduction
        return head


def read_head(head: Head) -> None:
    """Understand the header fields, or refuse what is malformed or ambiguous."""
    # The hot path: one round per field of every request, hence no function call for usual ones.
    lines, means = head.lines, _MEANINGS.get
    for name, value in head.fields:
        meaning = means(name, UNKNOWN)
        if meaning is PASS or (meaning is UNKNOWN and _may_pass(name)):
            lines += (name, b": ", value, b"\r\n")
        elif meaning.__class__ is not int:
            meaning(head, value)
    if head.large or len(head.fields) > MOST_FIELDS:
        _check_size(head)
    _check_framing(head)
    target = head.target
    if len(target) > _ORDINARY or b"#" in target or not target.startswith(b"/"):
        head.path, head.query = read_target(target, head.method, head.host, head.scheme)
    if head.named:
        _drop_named(head)


def _check_size(head: Head) -> None:
    fields = head.fields
    size = sum(len(name) + len(value) for name, value in fields)
    if size > LONGEST_HEAD or len(fields) > MOST_FIELDS:
        raise _head_too_large()


def _may_pass(name: bytes) -> bool:
    """Whether a field that we do not know goes to the service."""
    if b"_" in name:
        # WSGI makes X_User and X-User the same variable.
        raise bad_request("bad-header", "The name of a header field may have no underscore.")
    return not name.startswith(IDENTITY_LIKE)


def _read_host(head: Head, value: bytes) -> None:
    host = value.strip(b" \t")
    if head.host or not is_host(host):
        raise bad_request("bad-host", "There must be one valid Host header.")
    head.host = host


def _read_length(head: Head, value: bytes) -> None:
    digits = value.strip(b" \t")
    if head.length >= 0 or not digits.isdigit() or len(digits) > 18:
        raise bad_request("bad-framing", "There must be one valid Content-Length.")
    head.length = int(digits)


def _read_transfer_encoding(head: Head, value: bytes) -> None:
    if head.chunked or value.strip(b" \t").lower() != b"chunked":
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
    if value.strip(b" \t").lower() != b"100-continue":
        raise Refused(417, "unknown-expectation", "We cannot meet this expectation.", headers=CLOSE)
    head.expects = True


def _read_request_id(head: Head, value: bytes) -> None:
    if _REQUEST_ID.fullmatch(value):
        head.request_id = value


def _read_patience(head: Head, value: bytes) -> None:
    head.patience = value


def _read_traceparent(head: Head, value: bytes) -> None:
    head.traceparent = value if head.traceparent is None else head.traceparent + b"," + value


def _read_tracestate(head: Head, value: bytes) -> None:
    head.tracestate = value if head.tracestate is None else head.tracestate + b"," + value


def _read_origin(head: Head, value: bytes) -> None:
    _only(b"origin", head, value)
    head.origin = value.strip(b" \t")


def _read_max_forwards(head: Head, value: bytes) -> None:
    """How far OPTIONS may go; at zero the question is about us: RFC 9110, section 7.6.2."""
    digits = value.strip(b" \t")
    if head.method == "OPTIONS" and digits.isdigit() and len(digits) < 10:
        left = int(digits)
        if left == 0:
            head.target = EVERYTHING
        value = b"%d" % (left - 1)
    head.lines += (b"max-forwards", b": ", value, b"\r\n")


def _only(name: bytes, head: Head, value: bytes) -> None:
    """Pass a field on that is judged by what it says, so that it must not say two things."""
    if name in head.lines[::4]:
        raise bad_request("bad-header", f"There may be one {name.decode()} field only.")
    head.lines += (name, b": ", value, b"\r\n")


_READERS: dict[bytes, Callable[[Head, bytes], None]] = {
    b"host": _read_host,
    b"content-length": _read_length,
    b"transfer-encoding": _read_transfer_encoding,
    b"connection": _read_connection,
    b"cookie": _read_cookie,
    b"authorization": _read_authorization,
    b"expect": _read_expect,
    b"x-request-id": _read_request_id,
    b"x-request-timeout-ms": _read_patience,
    b"traceparent": _read_traceparent,
    b"tracestate": _read_tracestate,
    b"origin": _read_origin,
    b"max-forwards": _read_max_forwards,
    b"content-type": partial(_only, b"content-type"),
    b"idempotency-key": partial(_only, b"idempotency-key"),
    b"x-csrf-token": partial(_only, b"x-csrf-token"),
    b"sec-fetch-site": partial(_only, b"sec-fetch-site"),
}
# Name → what it means to us: a reader, or that the field passes or is dropped.
_MEANINGS: dict[bytes, Any] = KINDS | _READERS


def _check_framing(head: Head) -> None:
    if not head.host:
        raise bad_request("bad-host", "The Host header is missing.")
    if head.version != "1.1":
        _check_version(head)
    if head.upgrade is not None:
        check_offer(head.fields)
    if head.chunked and head.length >= 0:
        raise bad_request("bad-framing", "Content-Length and Transfer-Encoding exclude each other.")


def _check_version(head: Head) -> None:
    if head.version != "1.0":
        raise bad_request("bad-version", "The versions spoken here are HTTP/1.1 and HTTP/1.0.")
    if head.chunked:
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
        headers=CLOSE,
    )


def field(fields: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """The first value of a field, for the few places that look for one."""
    for key, value in fields:
        if key == name:
            return value
    return None
