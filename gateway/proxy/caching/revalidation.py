"""Asking whether a stored answer is still good, and what the answer to that means.

RFC 9111, sections 4.3.1 (the question), 4.3.3 and 4.3.4 (a 304), 4.3.5 (an answer to HEAD).
"""

from __future__ import annotations

from gateway.proxy.caching.conditions import same_strong, same_weak
from gateway.proxy.caching.storable import joined
from gateway.proxy.caching.stored import Answer, Stored
from gateway.proxy.upstream.connection import Fields

# What the client asked for itself; our question is for the whole, or about our own copy.
_OF_THE_CLIENT = frozenset(
    (b"if-none-match", b"if-modified-since", b"if-match", b"if-unmodified-since")
    + (b"range", b"if-range")
)
# Kept as they are stored, because the stored body is what they speak about: section 3.2.
_OF_THE_BODY = frozenset(
    (b"content-length", b"content-encoding", b"content-range", b"transfer-encoding", b"set-cookie")
    + (b"content-md5", b"content-digest", b"repr-digest")
)


def question(lines: list[bytes], stored: Stored | None) -> list[bytes]:
    """The request lines (name, colon, value, end; over and over) for asking about `stored`."""
    asked = [
        piece
        for at in range(0, len(lines), 4)
        if lines[at] not in _OF_THE_CLIENT
        for piece in lines[at : at + 4]
    ]
    if stored is None:
        return asked
    if stored.etag is not None:
        asked += (b"if-none-match", b": ", stored.etag, b"\r\n")
    modified = joined(stored.fields).get(b"last-modified")
    if modified is not None and stored.times.last_modified is not None:
        asked += (b"if-modified-since", b": ", modified, b"\r\n")
    return asked


def speaks_of(stored: Stored, fields: Fields) -> bool:
    """Whether a 304 with these fields is about our copy: section 4.3.4."""
    etag = joined(fields).get(b"etag")
    if etag is None:
        return True  # we asked with our validator, and nothing says that it means another
    return same_weak(etag, stored.etag)


def head_agrees(stored: Stored, fields: Fields) -> bool:
    """Whether an answer to HEAD describes the stored answer to GET: section 4.3.5."""
    said, kept = joined(fields), joined(stored.fields)
    etag, modified = said.get(b"etag"), said.get(b"last-modified")
    length = said.get(b"content-length")
    if etag is not None and not (etag == stored.etag or same_strong(etag, stored.etag)):
        return False
    if modified is not None and modified != kept.get(b"last-modified"):
        return False
    return length is None or length == b"%d" % len(stored.body)


def updated(stored: Stored, fields: Fields, asked_at: float, received_at: float) -> Answer:
    """The stored answer with the fields of a newer one in place of its own: section 3.2."""
    newer = [each for each in fields if each[0] not in _OF_THE_BODY]
    # Age and Date belong to the moment of the answer; without new ones there are none.
    replaced = {name for name, _ in newer} | {b"age", b"date"}
    kept = [each for each in stored.fields if each[0] not in replaced]
    return Answer(stored.status, kept + newer, stored.body, asked_at, received_at)
