"""Whether a stored answer may be used for a request, now: RFC 9111, sections 4 and 5.2.1."""

from __future__ import annotations

from gateway.proxy.caching.directives import NOTHING_WANTED, Wanted
from gateway.proxy.caching.stored import Stored


def fresh_enough(stored: Stored, wanted: Wanted, now: float) -> bool:
    """Whether it is fresh, and as fresh as the request wants it; or as stale as it allows."""
    remaining = stored.fresh_until - now
    if wanted is NOTHING_WANTED:
        return remaining > 0
    if wanted.no_cache:
        return False
    if wanted.max_age is not None and now - stored.born > wanted.max_age:
        return False
    if remaining > 0:
        return remaining >= wanted.min_fresh
    if wanted.max_stale is None or wanted.min_fresh or stored.policy.said.never_stale:
        return False
    return -remaining <= wanted.max_stale


def while_revalidating(stored: Stored, wanted: Wanted, now: float) -> bool:
    """Whether it may be used once more while we ask for a newer one: RFC 5861, section 3."""
    said = stored.policy.said
    if not said.stale_while_revalidate or wanted is not NOTHING_WANTED or said.never_stale:
        return False
    return now - stored.fresh_until <= said.stale_while_revalidate


def if_error(stored: Stored, now: float) -> bool:
    """Whether it may stand in for an answer that failed: RFC 5861, section 4."""
    said = stored.policy.said
    if not said.stale_if_error or said.never_stale:
        return False
    return now - stored.fresh_until <= said.stale_if_error


def for_credentials(stored: Stored) -> bool:
    """Whether it may answer requests that say who asks: what may be stored of them may."""
    said = stored.policy.said
    return said.public or said.must_revalidate or said.s_maxage is not None
