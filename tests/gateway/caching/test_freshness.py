"""Freshness and age: RFC 9111, section 4.2."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.caching.directives import FOR_EVER
from gateway.proxy.caching.freshness import LONGEST_GUESS, Times, age_of, initial_age
from gateway.proxy.caching.storable import joined, policy_of

NOW = 1_700_000_000


def date(offset: int = 0) -> str:
    return formatdate(NOW + offset, usegmt=True)


def lifetime(*fields: tuple[str, str], status: int = 200, hears: bool = True) -> int:
    by_name = joined([(name.encode(), value.encode()) for name, value in fields])
    return policy_of(status, by_name, Times.of(by_name), NOW, hears=hears).lifetime


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ([("cache-control", "max-age=60")], 60),
        ([("cache-control", "max-age=60, s-maxage=30")], 30),
        ([("cache-control", "max-age=0, s-maxage=30")], 30),
        ([("cache-control", "s-maxage=nonsense, max-age=60")], 0),
        ([("cache-control", "max-age=60"), ("cache-control", "s-maxage=7")], 7),
        ([("cache-control", "max-age=60, no-cache")], 0),
        ([("cache-control", "max-age=60"), ("expires", date(-60))], 60),
        ([("cache-control", "max-age=0"), ("expires", date(60))], 0),
        ([("date", date()), ("expires", date(60))], 60),
        ([("date", date(-30)), ("expires", date(30))], 60),
        ([("expires", date(60))], 60),
        ([("date", date()), ("expires", date())], 0),
        ([("date", date()), ("expires", date(-60))], 0),
        ([("date", date()), ("expires", "0")], 0),
        ([("date", date()), ("expires", "-1")], 0),
        ([("date", date()), ("expires", date(60).replace("GMT", "UTC"))], 0),
        ([("date", date()), ("expires", date(60)), ("expires", date(90))], 0),
        ([("date", date()), ("expires", date(60).upper())], 60),
        ([], 0),
    ],
)
def test_the_most_specific_word_decides(fields: list[tuple[str, str]], seconds: int) -> None:
    """Section 4.2.1: s-maxage, then max-age, then Expires less Date."""
    assert lifetime(*fields) == seconds


@pytest.mark.parametrize(
    ("status", "cache_control", "seconds"),
    [
        (200, "", 100),
        (203, "", 100),
        (204, "", 100),
        (300, "", 100),
        (301, "", 100),
        (308, "", 100),
        (404, "", 100),
        (405, "", 100),
        (410, "", 100),
        (414, "", 100),
        (501, "", 100),
        (201, "", 0),
        (302, "", 0),
        (307, "", 0),
        (403, "", 0),
        (500, "", 0),
        (503, "", 0),
        (599, "", 0),
        (201, "public", 100),
        (503, "public", 100),
        (200, "no-cache", 0),
    ],
)
def test_a_guess_is_a_tenth_of_the_time_since_the_last_change(
    status: int, cache_control: str, seconds: int
) -> None:
    """Section 4.2.2; which statuses: RFC 9110, section 15.1."""
    fields = [("date", date()), ("last-modified", date(-1000)), ("cache-control", cache_control)]

    assert lifetime(*fields, status=status) == seconds


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ([("last-modified", date(-1000)), ("expires", date(5)), ("date", date())], 5),
        ([("last-modified", date(-1000)), ("expires", "0"), ("date", date())], 0),
        ([("last-modified", date(1000)), ("date", date())], 0),
        ([("last-modified", "yesterday"), ("date", date())], 0),
        ([("last-modified", date(-(10**9))), ("date", date())], LONGEST_GUESS),
    ],
)
def test_a_guess_is_careful(fields: list[tuple[str, str]], seconds: int) -> None:
    assert lifetime(*fields) == seconds


@pytest.mark.parametrize(
    ("fields", "hears", "seconds"),
    [
        ([("cdn-cache-control", "max-age=5"), ("cache-control", "max-age=60")], True, 5),
        ([("cdn-cache-control", "max-age=5"), ("cache-control", "no-store")], True, 5),
        ([("cdn-cache-control", "public"), ("expires", date(60)), ("date", date())], True, 0),
        ([("cdn-cache-control", "max-age=5,"), ("cache-control", "max-age=60")], True, 60),
        ([("cdn-cache-control", ""), ("cache-control", "max-age=60")], True, 60),
        ([("quintet-cache-control", "max-age=90"), ("cdn-cache-control", "max-age=5")], True, 90),
        ([("quintet-cache-control", "max-age=90"), ("cdn-cache-control", "max-age=5")], False, 5),
        ([("quintet-cache-control", "max-age=90"), ("cache-control", "max-age=2")], False, 2),
    ],
)
def test_a_field_meant_for_us_silences_the_others(
    fields: list[tuple[str, str]], hears: bool, seconds: int
) -> None:
    """RFC 9213, section 2.2; our own field counts only while we hear of changes."""
    assert lifetime(*fields, hears=hears) == seconds


@pytest.mark.parametrize(
    ("value", "age"),
    [
        (None, 0), (b"10", 10), (b"010", 10), (b"10, 20", 10), (b" 10 ", 10), (b"-1", 0),
        (b"1.5", 0), (b"ten", 0), (b"10s", 0), (b"", 0), (b"ten, 10", 0), (b"9" * 30, FOR_EVER),
    ],
)  # fmt: skip
def test_of_several_ages_the_first_counts_and_nonsense_does_not(
    value: bytes | None, age: int
) -> None:
    """Section 5.1."""
    assert age_of(value) == age


@pytest.mark.parametrize(
    ("times", "asked_at", "age"),
    [
        (Times(NOW, None, None, 0), NOW, 0.0),
        (Times(NOW - 10, None, None, 0), NOW, 10.0),
        (Times(NOW + 10, None, None, 0), NOW, 0.0),
        (Times(NOW, None, None, 7), NOW, 7.0),
        (Times(NOW - 10, None, None, 7), NOW, 10.0),
        (Times(NOW - 5, None, None, 7), NOW - 2, 9.0),
        (Times(None, None, None, 0), NOW - 3, 3.0),
    ],
)
def test_the_age_at_arrival_is_the_larger_of_two_estimates(
    times: Times, asked_at: float, age: float
) -> None:
    """Section 4.2.3: by the clocks, and by what caches on the way say plus the time it took."""
    assert initial_age(times, asked_at, NOW) == age


@given(
    date=st.integers(NOW - 10**6, NOW + 10**6),
    age=st.integers(0, FOR_EVER),
    delay=st.floats(0, 1000),
)
def test_an_answer_is_never_younger_than_it_says(date: int, age: int, delay: float) -> None:
    times = Times(date, None, None, age)

    estimate = initial_age(times, NOW - delay, NOW)

    assert estimate >= age
    assert estimate >= NOW - date
    assert estimate >= delay * 0.999


@given(
    s_maxage=st.none() | st.integers(0, 10**6),
    max_age=st.none() | st.integers(0, 10**6),
    expires=st.none() | st.integers(-(10**6), 10**6),
)
def test_the_order_of_the_words_holds_for_any_numbers(
    s_maxage: int | None, max_age: int | None, expires: int | None
) -> None:
    fields = [("date", date())]
    if s_maxage is not None:
        fields.append(("cache-control", f"s-maxage={s_maxage}"))
    if max_age is not None:
        fields.append(("cache-control", f"max-age={max_age}"))
    if expires is not None:
        fields.append(("expires", date(expires)))

    found = lifetime(*fields)

    given_numbers = [each for each in (s_maxage, max_age, expires) if each is not None]
    assert found == max(0, given_numbers[0] if given_numbers else 0)
