"""What a request asks of caches and under which conditions; RFC 9110, section 13, and RFC 9111.

One pass over the fields of a request. Most requests ask for nothing special, and share PLAIN.
"""

from __future__ import annotations

import re

from gateway.proxy.caching.dates import parse_date
from gateway.proxy.caching.directives import NOTHING_WANTED, Wanted, request_directives
from gateway.proxy.caching.keys import normal_list
from gateway.proxy.caching.stored import Stored
from gateway.proxy.upstream.connection import Fields

_TAG = re.compile(rb'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_MATTERS = frozenset(
    (
        b"cache-control pragma if-none-match if-modified-since if-match if-unmodified-since "
        b"range if-range"
    ).split()
)
# Conditions that guard changes: whoever sends them wants the word of the service itself.
_FOR_THE_SERVICE = (b"if-match", b"if-unmodified-since")


class Asked:
    """What a request wants of a cache."""

    __slots__ = ("for_service", "if_range", "modified_since", "none_match", "range", "wanted")

    def __init__(self, found: dict[bytes, list[bytes]]) -> None:
        self.wanted: Wanted = _wanted(found)
        self.none_match = _one(found, b"if-none-match")
        self.modified_since = _one(found, b"if-modified-since")
        self.range = _one(found, b"range")
        self.if_range = _one(found, b"if-range")
        self.for_service = any(name in found for name in _FOR_THE_SERVICE)

    @property
    def conditional(self) -> bool:
        """Whether the client has a copy that may still be good."""
        return self.none_match is not None or self.modified_since is not None


def asked_by(fields: Fields) -> Asked:
    """What these fields ask for."""
    found: dict[bytes, list[bytes]] | None = None
    for name, value in fields:
        if name in _MATTERS:
            if found is None:
                found = {}
            found.setdefault(name, []).append(value)
    return PLAIN if found is None else Asked(found)


def not_modified(asked: Asked, stored: Stored) -> bool:
    """Whether the client's own copy will do: RFC 9110, section 13.2.2, RFC 9111, 4.3.2."""
    if stored.status != 200:
        return False
    if asked.none_match is not None:
        return _matches(asked.none_match, stored.etag)
    if asked.modified_since is None:
        return False
    since = parse_date(asked.modified_since)
    if since is None:
        return False
    times = stored.times
    changed = times.last_modified if times.last_modified is not None else times.date
    return (int(stored.received_at) if changed is None else changed) <= since


def same_strong(one: bytes, other: bytes | None) -> bool:
    """The strong comparison of RFC 9110, section 8.8.3.2."""
    return one == other and not one.startswith(b"W/")


def same_weak(one: bytes, other: bytes | None) -> bool:
    """The weak comparison: the same section."""
    return other is not None and one.removeprefix(b"W/") == other.removeprefix(b"W/")


def _matches(listed: bytes, etag: bytes | None) -> bool:
    listed = listed.strip()
    if listed == b"*":
        return True
    if etag is None:
        return False
    # Some services send tags without quotes; then only the very same bytes match.
    return listed == etag or etag.removeprefix(b"W/") in _TAG.findall(listed)


def _wanted(found: dict[bytes, list[bytes]]) -> Wanted:
    if b"cache-control" in found:
        return request_directives(normal_list(found[b"cache-control"]))
    if b"pragma" in found and b"no-cache" in normal_list(found[b"pragma"]).lower().split(b","):
        return Wanted(no_cache=True)  # section 5.4
    return NOTHING_WANTED


def _one(found: dict[bytes, list[bytes]], name: bytes) -> bytes | None:
    lines = found.get(name)
    return None if lines is None else b", ".join(lines)


PLAIN = Asked({})
