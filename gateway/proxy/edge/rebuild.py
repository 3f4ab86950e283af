"""The upstream request, written anew from what we understood; never a copy of what came."""

from __future__ import annotations

import random

from gateway.proxy.edge.guard import Proxies, check_method
from gateway.proxy.edge.headers import Head, Scope, field


class Rebuilder:
    """Writes the head of the upstream request."""

    def __init__(self, proxies: Proxies) -> None:
        self._proxies = proxies

    def trace(self, head: Head) -> bytes:
        """Give the request an id and a trace where it has none; returns the id."""
        if head.traceparent is None:
            # Not secrets: ids need to differ, and `random` costs a tenth of the system's.
            trace = b"%032x" % (random.getrandbits(128) | 1)
            head.traceparent = b"00-%b-%016x-01" % (trace, random.getrandbits(64) | 1)
            head.tracestate = None
            if head.request_id is None:
                head.request_id = trace
        elif head.request_id is None:
            head.request_id = head.traceparent[3:35]
        return head.request_id

    def payload(self, head: Head, scope: Scope, authorization: bytes | None) -> bytes:
        """The head of the upstream request, ready to send."""
        query = scope["query_string"]
        host = head.host
        path = scope["raw_path"]
        lines = [check_method(scope["method"]), path]
        if query:
            lines += (b"?", query)
        lines += (b" HTTP/1.1\r\nhost: ", host, b"\r\nx-forwarded-host: ", host, b"\r\n")
        lines += self._forwarded(scope)
        lines += (b"x-request-id: ", head.request_id, b"\r\ntraceparent: ", head.traceparent)
        lines.append(b"\r\n")
        lines += head.lines
        if head.tracestate is not None:
            lines += (b"tracestate: ", head.tracestate, b"\r\n")
        if authorization is not None:
            lines += (b"authorization: ", authorization, b"\r\n")
        if head.cookie:
            lines += (b"cookie: ", head.cookie, b"\r\n")
        if head.length >= 0:
            lines.append(b"content-length: %d\r\n" % head.length)
        elif head.chunked:
            lines.append(b"transfer-encoding: chunked\r\n")
        lines.append(b"\r\n")
        return b"".join(lines)

    def _forwarded(self, scope: Scope) -> tuple[bytes, ...]:
        client = scope["client"]
        peer = client[0] if client else "unknown"
        if not self._proxies.trusts(peer):
            return (
                b"x-forwarded-for: ",
                peer.encode(),
                b"\r\nx-forwarded-proto: ",
                scope["scheme"].encode(),
                b"\r\n",
            )
        before = field(scope["headers"], b"x-forwarded-for")
        scheme = field(scope["headers"], b"x-forwarded-proto")
        return (
            b"x-forwarded-for: ",
            b"%b, %b" % (before, peer.encode()) if before else peer.encode(),
            b"\r\nx-forwarded-proto: ",
            scheme if scheme in (b"http", b"https") else scope["scheme"].encode(),
            b"\r\n",
        )
