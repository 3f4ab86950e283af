"""A stored answer: the bytes that go out, and what must be known to choose and to age it."""

from __future__ import annotations

from http import HTTPStatus
from typing import NamedTuple

from gateway.proxy.caching.freshness import Times
from gateway.proxy.caching.groups import group_names
from gateway.proxy.caching.keys import Names, Values, vary_names
from gateway.proxy.caching.storable import FOR_EDGES, GROUPS, INVALIDATES, OURS, Policy, joined
from gateway.proxy.upstream.connection import Fields

# What an entry takes besides its texts, and a field besides its own: the objects around them, in
# bytes, as tracemalloc measures them.
OVERHEAD = 1536
PER_FIELD = 128

# Not sent from the store: made anew for each answer, or meant for us alone.
_OURS_TO_SAY = frozenset(
    {b"content-length", b"age", b"x-request-id", OURS, GROUPS, INVALIDATES}
    # Between two ends of one connection: RFC 9111, section 3.1.
    | {b"connection", b"keep-alive", b"te", b"transfer-encoding", b"upgrade", b"proxy-connection"}
    | {b"proxy-authenticate", b"proxy-authentication-info", b"proxy-authorization"}
)
# What a 304 repeats: RFC 9110, section 15.4.5.
_IN_304 = frozenset(
    {b"cache-control", b"content-location", b"date", b"etag", b"expires", b"vary", FOR_EDGES}
)
_PHRASES = {int(status): status.phrase.encode() for status in HTTPStatus}


class Ready(NamedTuple):
    """An answer as bytes. `head` ends after its last field; the blank line is yet to come."""

    status: int
    head: bytes
    body: bytes


class Answer(NamedTuple):
    """A whole answer of a service, and the moments between which it was made."""

    status: int
    fields: Fields
    body: bytes
    asked_at: float
    received_at: float


class Stored:
    """One stored answer. `born` is the moment, in seconds since 1970, at which its age was 0."""

    __slots__ = (
        "body",
        "born",
        "etag",
        "fields",
        "fresh_until",
        "groups",
        "head",
        "hit",
        "hit_from",
        "hit_until",
        "key",
        "names",
        "not_modified",
        "origin",
        "policy",
        "received_at",
        "size",
        "status",
        "times",
        "values",
    )

    def __init__(
        self, key: bytes, answer: Answer, policy: Policy, times: Times, age: float
    ) -> None:
        by_name = joined(answer.fields)
        self.key = key
        self.status = answer.status
        self.fields = answer.fields
        self.body = answer.body
        self.policy = policy
        self.times = times
        self.received_at = answer.received_at
        self.born = answer.received_at - age
        self.fresh_until = self.born + policy.lifetime
        self.etag = by_name.get(b"etag")
        self.groups = group_names(by_name.get(GROUPS))
        self.origin = b"/".join(key.split(b"/", 3)[:3])
        self.names: Names = vary_names(by_name.get(b"vary", b"")) or ()
        self.values: Values = ()
        length = b"" if answer.status == 204 else b"content-length: %d\r\n" % len(answer.body)
        self.head = self.written(answer.status, length)
        self.not_modified = status_line(304) + lines(
            [each for each in answer.fields if each[0] in _IN_304]
        )
        # What was sent last to somebody who asked for nothing special, and when it is the same.
        self.hit: Ready | None = None
        self.hit_from = self.hit_until = 0.0
        self.size = 0

    def weigh(self) -> int:
        """Count the bytes that keeping this takes; remembered in `size`."""
        texts = (self.key, self.head, self.not_modified, self.body, *self.groups, *self.names)
        values = sum(len(value) for value in self.values if value is not None)
        # The fields are kept three times: one by one to be updated, with their age to be sent.
        again = 2 * len(self.head) + PER_FIELD * len(self.fields)
        self.size = OVERHEAD + sum(map(len, texts)) + values + again
        return self.size

    def written(self, status: int, more: bytes) -> bytes:
        """The head of an answer with this status, and `more` lines after the stored ones."""
        fields = [each for each in self.fields if each[0] not in _OURS_TO_SAY]
        return status_line(status) + lines(fields) + more

    def age(self, now: float) -> int:
        """How old it is, in whole seconds: RFC 9111, section 4.2.3."""
        age = now - self.born
        return int(age) if age > 0 else 0


def status_line(status: int) -> bytes:
    """The first line of an answer."""
    return b"HTTP/1.1 %d %b\r\n" % (status, _PHRASES.get(status, b""))


def lines(fields: Fields) -> bytes:
    """Fields as they go over the wire."""
    return b"".join([b"%b: %b\r\n" % field for field in fields])
