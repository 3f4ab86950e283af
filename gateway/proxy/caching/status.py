"""Cache-Status (RFC 9211): what the cache did with a request, told to whoever looks."""

from __future__ import annotations

from math import floor

from gateway.proxy.caching.stored import Stored

NAME = b"cache-status"
OURS = b"quintet"

# Why a request went to the service: section 2.2.
BYPASS, METHOD, URI_MISS, VARY_MISS = b"bypass", b"method", b"uri-miss", b"vary-miss"
REQUEST, STALE = b"request", b"stale"

HIT = b"hit"
_HIT = b"age: %d\r\n" + NAME + b": " + OURS + b"; hit; ttl=%d\r\n"


def hit(stored: Stored, now: float) -> bytes:
    """The lines of an answer from memory; `ttl` is below zero when it is stale: section 2.4."""
    return _HIT % (stored.age(now), floor(stored.fresh_until - now))


def forwarded(
    why: bytes, status: int = 0, *, stored: bool = False, collapsed: bool = False
) -> bytes:
    """The value for an answer that was asked for; `status` 0: it is the one that is sent on."""
    value = OURS + b"; fwd=" + why
    if status:
        value += b"; fwd-status=%d" % status
    if stored:
        value += b"; stored"
    if collapsed:
        value += b"; collapsed"
    return value


def line(value: bytes) -> bytes:
    """The line of the field."""
    return b"%b: %b\r\n" % (NAME, value)
