"""Which trace a request belongs to: W3C Trace Context, levels 1 and 2.

We are a hop of our own: the trace goes on, with us as the parent of what comes after. What cannot
be understood is not passed on: a bad `traceparent` begins a new trace, a bad `tracestate` is
dropped whole and leaves the trace alone.
"""

from __future__ import annotations

import random
import re

MOST_MEMBERS = 32
LONGEST_STATE = 512
LARGE_MEMBER = 128  # the first to go when the state is too long

# Section 3.2.2: no all-zero ids, no capitals.
_IDS = rb"(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-"
_PARENT = re.compile(rb"00-" + _IDS + rb"[0-9a-f]{2}")
# Section 4.3: of a version that we do not know we read what version 00 has, if it ends there or a
# dash follows. There is no version ff.
_LATER = re.compile(rb"(?!00|ff)[0-9a-f]{2}(-" + _IDS + rb"[0-9a-f]{2})(?:-.*)?")
_SAMPLED, _UNSAMPLED = b"00-%032x-%016x-03", b"00-%032x-%016x-02"
_KNOWN_FLAGS = 0x03  # sampled, and (level 2) random trace id; others are sent as zero
_PLAIN_FLAGS = (b"00", b"01", b"02", b"03")

# Section 3.3.2.2.
_MEMBER = re.compile(
    rb"(?:[a-z0-9][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})"
    rb"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)


def parent(value: bytes) -> bytes | None:
    """The `traceparent` of the caller as version 00; None if it is invalid.

    Several fields are handed over joined by commas, and are invalid by that.
    """
    value = value.strip(b" \t")
    if not _PARENT.fullmatch(value):
        later = _LATER.fullmatch(value)
        if later is None:
            return None
        value = b"00" + later[1]
    if value[53:] in _PLAIN_FLAGS:
        return value
    return b"%b%02x" % (value[:53], int(value[53:], 16) & _KNOWN_FLAGS)


def child(parent: bytes) -> bytes:
    """The same trace with a new span, ours, as the parent of what follows: section 3.4."""
    return b"%b%016x%b" % (parent[:36], random.getrandbits(64) or 1, parent[52:])


def fresh(share: float = 1.0) -> bytes:
    """A new trace with a random id (level 2, section 3.2.2.5.2); so many of them are sampled."""
    # Not secrets: ids need to differ, and `random` costs a tenth of the system's.
    sampled = share >= 1.0 or random.random() < share  # noqa: S311
    some = random.getrandbits
    return (_SAMPLED if sampled else _UNSAMPLED) % (some(128) or 1, some(64) or 1)


def state(value: bytes) -> bytes | None:
    """The `tracestate` to send on; None if it is empty or invalid: section 3.3.

    Several fields are handed over joined by commas, which is how they combine.
    """
    members = [each for each in (part.strip(b" \t") for part in value.split(b",")) if each]
    if not members or len(members) > MOST_MEMBERS:
        return None
    if not all(_MEMBER.fullmatch(each) for each in members):
        return None
    return b",".join(_shortened(_once_each(members))) or None


def _once_each(members: list[bytes]) -> list[bytes]:
    """One member for each key, the newest: whoever says one twice breaks no trace by that."""
    newest: dict[bytes, bytes] = {}
    for each in members:
        newest.setdefault(each.partition(b"=")[0], each)
    return [*newest.values()]


def _shortened(members: list[bytes]) -> list[bytes]:
    """Whole members go while there are too many bytes: large ones first, then the oldest."""
    if sum(map(len, members)) + len(members) - 1 <= LONGEST_STATE:
        return members
    members = [each for each in members if len(each) <= LARGE_MEMBER]
    while sum(map(len, members)) + len(members) - 1 > LONGEST_STATE:
        members.pop()
    return members
