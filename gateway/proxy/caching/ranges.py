"""Parts of a stored whole: RFC 9110, section 14."""

from __future__ import annotations

import re

from gateway.proxy.caching.conditions import Asked, same_strong
from gateway.proxy.caching.dates import parse_date
from gateway.proxy.caching.stored import Ready, Stored, lines, status_line

_ONE_RANGE = re.compile(rb"bytes=[ \t]*(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))[ \t]*", re.IGNORECASE)

Span = tuple[int, int]  # first byte, and the one after the last
UNSATISFIABLE: Span = (0, 0)


def part_of(asked: Asked, stored: Stored) -> Ready | None:
    """The part that is asked for (206), or that there is none (416); None: send the whole."""
    if asked.range is None or stored.status != 200 or not _same_as_theirs(asked, stored):
        return None
    length = len(stored.body)
    span = span_of(asked.range, length)
    if span is None:
        return None
    if span == UNSATISFIABLE:
        unit = [(b"content-range", b"bytes */%d" % length), (b"content-length", b"0")]
        kept = [each for each in stored.fields if each[0] in (b"date", b"etag", b"vary")]
        return Ready(416, status_line(416) + lines(kept + unit), b"")
    first, end = span
    more = b"content-range: bytes %d-%d/%d\r\ncontent-length: %d\r\n"
    head = stored.written(206, more % (first, end - 1, length, end - first))
    return Ready(206, head, stored.body[first:end])


def span_of(value: bytes, length: int) -> Span | None:
    """The bytes that a Range field means; None if it is to be ignored.

    Several ranges are answered with the whole, which section 14.2 allows: nobody needs them here,
    and they are good for attacks.
    """
    found = _ONE_RANGE.fullmatch(value)
    if found is None:
        return None
    first, last, suffix = found.groups()
    if suffix is not None:
        wanted = min(int(suffix), length)
        return (length - wanted, length) if wanted else UNSATISFIABLE
    start = int(first)
    if last and int(last) < start:
        return None  # an invalid range-spec: section 14.1.1
    end = min(int(last) + 1, length) if last else length
    return (start, end) if start < length else UNSATISFIABLE


def _same_as_theirs(asked: Asked, stored: Stored) -> bool:
    """If-Range: the part is only of use to whoever has parts of the same whole, section 13.1.5."""
    validator = asked.if_range
    if validator is None:
        return True
    if validator.startswith((b'"', b"W/")):
        return same_strong(validator, stored.etag)
    times, date = stored.times, parse_date(validator)
    # A date is a strong validator only if it is older than the answer: section 8.8.2.2.
    strong = times.date is not None and date is not None and date < times.date
    return strong and date == times.last_modified
