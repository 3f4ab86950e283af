"""What the parser leaves to us: request targets, the framing of bodies, declined upgrades."""

from __future__ import annotations

import re
from collections.abc import Callable

import httptools

from gateway.proxy.edge.headers import field
from gateway.proxy.upstream.connection import Fields

# A chunked body may have this much around its bytes; chunks of one byte have five.
MOST_FRAMING = 16 * 1024
MOST_FRAMING_PER_BYTE = 16
_FRAMING = (b"content-length", b"transfer-encoding")
_ENDLESS = re.compile(rb"0*[1-9A-Fa-f][0-9A-Fa-f]{11}")  # 16 TiB and more


def length(fields: Fields) -> int:
    """How long the body says it is; below zero if it does not say, or not clearly."""
    said = field(fields, b"content-length")
    return int(said[:18]) if said is not None and said.isdigit() else -1


def framing(fields: Fields) -> bytes:
    """The field that says how long the body is."""
    lines = (b"%b: %b" % each for each in fields if each[0] in _FRAMING)
    return next(lines, b"content-length: 0")


def is_chunked(fields: Fields) -> bool:
    """Whether the body comes in chunks."""
    return any(name == b"transfer-encoding" for name, _ in fields)


def is_padded(framed: int, payload: int) -> bool:
    """Whether a chunked body of so many bytes carries too few: RFC 9112, section 7.1.1."""
    return framed > MOST_FRAMING + MOST_FRAMING_PER_BYTE * payload


def is_endless(data: bytes, at: int) -> bool:
    """Whether the first chunk behind the head around `at` is longer than any body."""
    end = data.find(b"\r\n\r\n", at)
    return end >= 0 and _ENDLESS.match(data, end + 4) is not None


def offer(fields: Fields, wanted: frozenset[bytes]) -> bytes | None:
    """The protocol offered, in lower case, if it is one of these and no body is in the way."""
    offered = (field(fields, b"upgrade") or b"").strip().lower()
    framed = any(each[0] in _FRAMING and each[1] != b"0" for each in fields)
    return offered if offered in wanted and not framed else None


class BodyOnly:
    """Lets a connection hear of a body, but not of the head before it."""

    def __init__(
        self, on_body: Callable[[bytes], None], on_message_complete: Callable[[], None]
    ) -> None:
        self.on_body = on_body
        self.on_message_complete = on_message_complete


def body_parser(
    on_body: Callable[[bytes], None], on_message_complete: Callable[[], None], framed: bytes
) -> httptools.HttpRequestParser:
    """A parser that takes all it is fed for a body that is framed like this.

    To a parser, what follows the offer of another protocol is that protocol. When the offer is
    declined (RFC 9110, section 7.8), it is the body.
    """
    parser = httptools.HttpRequestParser(BodyOnly(on_body, on_message_complete))
    parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n\r\n" % framed)
    return parser
