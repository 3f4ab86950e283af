"""The upstream request, written anew from what we understood; never a copy of what came."""

from __future__ import annotations

from gateway.proxy.edge import trace
from gateway.proxy.edge.forwarded import Proxies
from gateway.proxy.edge.guard import METHODS
from gateway.proxy.edge.headers import Head, read_head
from gateway.proxy.records.proxy_status import NAME

# RFC 9110, section 7.6.3: who passed the request on, and how it came to us.
_VIA = {
    version: f'"\r\nvia: {version} {NAME}\r\nx-request-id: '.encode() for version in ("1.1", "1.0")
}


class Rebuilder:
    """Writes the head of the upstream request."""

    def __init__(self, proxies: Proxies, *, trace_share: float = 1.0) -> None:
        self._proxies = proxies
        self._trace_share = trace_share  # of the traces that begin here, so many are sampled

    def understand(self, head: Head) -> None:
        """Find out what the fields of a head say; raises Refused for what is not to be served."""
        self.believe(head)
        read_head(head)
        host = head.host
        head.introduction = b" HTTP/1.1\r\nhost: %b\r\nx-forwarded-host: %b\r\n%b%b%b" % (
            host, host, head.hop, host, _VIA[head.version],
        )  # fmt: skip
        if head.on_understood is not None:
            head.on_understood(head)

    def believe(self, head: Head) -> None:
        """Find out who is at the far end: an address, and whether it came by https."""
        hop = self._proxies.direct(head.peer, head.scheme)
        if hop is None:
            hop = self._proxies.asked(head.peer, head.scheme, head.fields)
            head.scheme = hop.scheme
        head.client, head.hop = hop.client, hop.lines

    def trace(self, head: Head) -> bytes:
        """Make the request a part of its caller's trace, or of a new one; returns its id.

        From now on `head.traceparent` names our own span.
        """
        parent = head.traceparent and trace.parent(head.traceparent)
        if parent:
            head.parent = parent
            head.traceparent = trace.child(parent)
            if head.tracestate is not None:
                head.tracestate = trace.state(head.tracestate)
        else:
            head.traceparent = trace.fresh(self._trace_share)
            head.tracestate = None
        if head.request_id is None:
            head.request_id = head.traceparent[3:35]
        return head.request_id

    def payload(self, head: Head, authorization: bytes | None, left: bytes = b"") -> bytes:
        """The head of the upstream request, ready to send; `left`: a line that says the time."""
        lines = [
            METHODS[head.method],
            b"%b?%b" % (head.path, head.query) if head.query else head.path,
            head.introduction,
            head.request_id or b"",
            b"\r\ntraceparent: ",
            head.traceparent or b"",
            b"\r\n",
            left,
            *head.lines,
        ]
        if head.tracestate is not None:
            lines += (b"tracestate: ", head.tracestate, b"\r\n")
        if authorization is not None:
            lines += (b"authorization: ", authorization, b"\r\n")
        if head.cookie:
            lines += (b"cookie: ", head.cookie, b"\r\n")
        if head.upgrade is not None:
            lines += (b"connection: upgrade\r\nupgrade: ", head.upgrade, b"\r\n")
        if head.length >= 0:
            lines.append(b"content-length: %d\r\n" % head.length)
        elif head.chunked:
            lines.append(b"transfer-encoding: chunked\r\n")
        lines.append(b"\r\n")
        return b"".join(lines)
