"""Under which key an answer is found again: RFC 9111, sections 2 and 4.1."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from gateway.proxy.flight import Flight

Names = tuple[bytes, ...]
Values = tuple[bytes | None, ...]

MOST_NAMES = 16  # fields that an answer may vary by; more of them, and it is not kept

# Fields whose words mean the same in capitals: RFC 9110, sections 8.3.2, 8.4.1 and 8.5.1.
_ANY_CASE = frozenset({b"accept-charset", b"accept-encoding", b"accept-language"})
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_DEFAULT_PORTS = {"http": b":80", "https": b":443"}


def key_of(flight: Flight) -> bytes:
    """The target of a request, written in the one normal way: RFC 3986, section 6.2."""
    head = flight.head
    target = head.path + b"?" + head.query if head.query else head.path
    if b"%" in target:
        target = normal_target(target)
    return origin_of(head.scheme, head.host) + target


def normal_target(target: bytes) -> bytes:
    """A path with its query, escapes in capitals, and none where none is needed."""
    return _ESCAPE.sub(_normal, target)


@lru_cache(maxsize=256)
def origin_of(scheme: str, host: bytes) -> bytes:
    """The beginning of every key of one origin."""
    port = _DEFAULT_PORTS.get(scheme, b"")
    return scheme.encode() + b"://" + host.lower().removesuffix(port)


def _normal(escape: re.Match[bytes]) -> bytes:
    byte = int(escape[1], 16)
    return bytes((byte,)) if byte in _UNRESERVED else escape[0].upper()


@lru_cache(maxsize=256)
def vary_names(value: bytes) -> Names | None:
    """The names that a Vary field lists, sorted; None if no other request can match."""
    names = {each.strip().lower() for each in value.split(b",")} - {b""}
    if b"*" in names or len(names) > MOST_NAMES:
        return None
    return tuple(sorted(names))


def selected(names: Names, flight: Flight) -> Values:
    """What the request says in these fields, as the service got to see it."""
    return tuple(_value(name, flight) for name in names)


def _value(name: bytes, flight: Flight) -> bytes | None:
    head = flight.head
    if name == b"cookie":
        return head.cookie or None  # the session is not in it any more: see Identifier
    if name == b"authorization":
        return flight.caller.authorization
    lines = [value for key, value in head.fields if key == name]
    if not lines:
        return None
    return normal_list(lines).lower() if name in _ANY_CASE else normal_list(lines)


def normal_list(lines: Iterable[bytes]) -> bytes:
    """Lines of one field as one line, blanks around commas removed: section 4.1."""
    return b",".join(each.strip() for line in lines for each in line.split(b","))
