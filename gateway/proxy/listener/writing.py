"""Answers as bytes: RFC 9112, sections 4 to 7."""

from __future__ import annotations

import json
from http import HTTPStatus

from gateway.proxy.records.proxy_status import proxy_status
from gateway.proxy.upstream.connection import Fields

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


def _status_line(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return b"HTTP/1.1 %d %b\r\n" % (status, phrase.encode())


STATUS_LINES = {status: _status_line(status) for status in range(100, 1000)}


def head(status: int, fields: Fields, more: bytes) -> bytes:
    """The head of an answer; `more` ends it: further lines and the empty one."""
    pieces = [STATUS_LINES[status]]
    for name, value in fields:
        pieces += (name, b": ", value, b"\r\n")
    pieces.append(more)
    return b"".join(pieces)


def chunk(data: bytes, *, last: bool) -> bytes:
    """A piece of a body whose length nobody knows; empty pieces are left out."""
    framed = b"%x\r\n%b\r\n" % (len(data), data) if data else b""
    return framed + LAST_CHUNK if last else framed


def refusal(status: int, detail: str, date: bytes) -> bytes:
    """A whole answer for a client whose request was not even understood."""
    body = json.dumps({"type": "about:blank", "status": status, "detail": detail}).encode()
    return (
        b"%bcontent-type: application/problem+json\r\ncontent-length: %d\r\ndate: %b\r\n"
        b"proxy-status: %b\r\nconnection: close\r\n\r\n%b"
        % (STATUS_LINES[status], len(body), date, proxy_status(status, "bad-http"), body)
    )
