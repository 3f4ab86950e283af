"""Request lines as they came: the parser forgives what is around and inside them, we do not.

It takes stray line ends for blank lines, several blanks for one, and other protocols for HTTP.
RFC 9112, sections 2.2 and 3.
"""

from __future__ import annotations

import re

# Where a request line must begin: at the start of what came, as nothing of a body is awaited.
AT_ONCE = 0
SOMEWHERE = -1  # behind a body

_BLANK_LINES = re.compile(rb"(?:\r\n)*")
_PLAIN = re.compile(rb"[^ \r\n]+ [^ \r\n]+ HTTP/\d\.\d\r\n")


def find(line: bytes, data: bytes, at: int) -> int:
    """Where this request line begins in `data`; below zero if it is not there as it must be.

    `at` is where it must begin, or, if that is not `AT_ONCE`, from where to look for it.
    """
    if at == AT_ONCE:
        begin = _after_blank_lines(data)
        return begin if data.startswith(line, begin) else -1
    return data.find(line, max(at, 0))


def is_rest(data: bytes, line: bytes) -> bool:
    """Whether `data` begins with the rest of this request line, which came in two parts."""
    rest = data.partition(b"\r\n")[0]
    return len(rest) < len(line) and line.endswith(rest)


def torn(tail: bytes, data: bytes) -> bytes:
    """The first half of a line end that `data` has the second of: a blank line in two pieces."""
    return tail if tail == b"\r" and data.startswith(b"\n") else b""


def gather(early: bytes, data: bytes) -> bytes:
    """The beginning of a head that comes in pieces, until its first line is whole."""
    if b"\n" in early:
        return early
    early += data
    return early[_after_blank_lines(early) :]


def is_hopeless(early: bytes) -> bool:
    """Whether a first line is whole, and no request line, as those of HTTP/0.9 are."""
    return b"\n" in early and not _PLAIN.match(early)


def _after_blank_lines(data: bytes) -> int:
    blank = _BLANK_LINES.match(data)
    return blank.end() if blank is not None else 0
