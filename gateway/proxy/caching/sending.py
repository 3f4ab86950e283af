"""From a stored answer to the one that goes out: whole, a part, or `not modified`."""

from __future__ import annotations

from math import floor

from gateway.proxy.caching import status
from gateway.proxy.caching.conditions import PLAIN, Asked, not_modified
from gateway.proxy.caching.ranges import part_of
from gateway.proxy.caching.stored import Ready, Stored


def ready(asked: Asked, stored: Stored, more: bytes, *, head_only: bool) -> Ready:
    """The answer, by the precedence of RFC 9110, section 13.2.2: conditions, then the range.

    `more` are lines about this very answer.
    """
    if asked is not PLAIN:
        if asked.conditional and not_modified(asked, stored):
            return Ready(304, stored.not_modified + more, b"")
        if not head_only:
            part = part_of(asked, stored)
            if part is not None:
                return Ready(part.status, part.head + more, part.body)
    return Ready(stored.status, stored.head + more, b"" if head_only else stored.body)


def hit(stored: Stored, now: float) -> Ready | None:
    """The whole answer, if it is fresh: made anew only when its age or its time to live changes."""
    if stored.hit_from <= now < stored.hit_until:
        return stored.hit
    if stored.fresh_until <= now:
        return None
    stored.hit = ready(PLAIN, stored, status.hit(stored, now), head_only=False)
    older = stored.born + stored.age(now) + 1
    shorter = stored.fresh_until - floor(stored.fresh_until - now)
    stored.hit_from, stored.hit_until = now, min(older, shorter)
    return stored.hit
