"""An answer from memory is put together once a moment, and says what one made anew would say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.caching import status
from gateway.proxy.caching.conditions import PLAIN
from gateway.proxy.caching.directives import NOTHING_SAID
from gateway.proxy.caching.freshness import Times
from gateway.proxy.caching.sending import hit, ready
from gateway.proxy.caching.storable import Policy
from gateway.proxy.caching.stored import Answer, Stored

# Quarters of a second can be added and taken away without rounding.
QUARTERS = st.integers(0, 60).map(lambda number: number / 4)


def kept(received_at: float, age: float, lifetime: int) -> Stored:
    answer = Answer(200, [(b"etag", b'"a"')], b"a mug", received_at, received_at)
    policy = Policy(NOTHING_SAID, lifetime, False)
    return Stored(b"http://a/", answer, policy, Times(None, None, None, 0), age)


@given(QUARTERS, QUARTERS, st.integers(0, 12), st.lists(QUARTERS, max_size=30))
def test_it_says_the_age_of_this_moment_whatever_was_said_before(
    received_at: float, age: float, lifetime: int, moments: list[float]
) -> None:
    """The clock may go back."""
    stored = kept(received_at, age, lifetime)
    for now in moments:
        found = hit(stored, now)
        if now >= stored.fresh_until:
            assert found is None
        else:
            assert found == ready(PLAIN, stored, status.hit(stored, now), head_only=False)


def test_between_two_changes_it_is_the_same_object() -> None:
    stored = kept(100.0, 0.0, 60)

    first, later, older = hit(stored, 100.25), hit(stored, 100.75), hit(stored, 101.5)

    assert first is later
    assert older is not first
    assert older is not None
    assert b"age: 1\r\ncache-status: quintet; hit; ttl=58\r\n" in older.head
