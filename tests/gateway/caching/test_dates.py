"""Dates: RFC 9110, section 5.6.7, with what RFC 9111, section 4.2, asks of caches."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.caching.dates import parse_date

THEN = 784111777


@pytest.mark.parametrize(
    "value",
    [
        b"Sun, 06 Nov 1994 08:49:37 GMT",
        b"Sunday, 06-Nov-94 08:49:37 GMT",
        b"Sun Nov  6 08:49:37 1994",
        b"sun, 06 nov 1994 08:49:37 gmt",
        b"SUN, 06 NOV 1994 08:49:37 GMT",
        b"  Sun, 06 Nov 1994 08:49:37 GMT\t",
    ],
)
def test_the_three_forms_are_read_whatever_their_case(value: bytes) -> None:
    assert parse_date(value) == THEN


@pytest.mark.parametrize(
    "value",
    [
        b"", b"0", b"-1", b"now", b"784111777", b"Sun, 06 Nov 1994 08:49:37",
        b"Sun, 06 Nov 1994 08:49:37 UTC", b"Sun, 06 Nov 1994 08:49:37 EST",
        b"Sun, 06 Nov 1994 08:49:37 +0000", b"Sun, 6 Nov 1994 08:49:37 GMT",
        b"Sun 06 Nov 1994 08:49:37 GMT", b"06 Nov 1994 08:49:37 GMT",
        b"Sun, 31 Feb 1994 08:49:37 GMT", b"Sun, 06 Nov 1994 24:00:00 GMT",
        b"Sun, 06 Nov 1994 08:60:37 GMT", b"Sun, 06 Nov 1994 08:49:61 GMT",
        b"Sun, 06-Nov-1994 08:49:37 GMT", b"Sun, 06 Nov 94 08:49:37 GMT",
        b"Sun, 06 Nov 1994 8:49:37 GMT", b"Sun, 06 Nov 1994 08.49.37 GMT",
        b"Sun,  06 Nov 1994 08:49:37 GMT", b"Sun, 00 Nov 1994 08:49:37 GMT",
        b"Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
    ],
)  # fmt: skip
def test_anything_else_is_no_date(value: bytes) -> None:
    assert parse_date(value) is None


def test_a_leap_second_is_a_time() -> None:
    assert parse_date(b"Sat, 31 Dec 2016 23:59:60 GMT") == parse_date(
        b"Sun, 01 Jan 2017 00:00:00 GMT"
    )


def test_two_digits_mean_the_past_if_they_would_be_far_in_the_future() -> None:
    assert parse_date(b"Saturday, 06-Nov-99 08:49:37 GMT") == parse_date(
        b"Sat, 06 Nov 1999 08:49:37 GMT"
    )


@given(st.integers(0, 4102444800))
def test_what_we_write_we_read(moment: int) -> None:
    assert parse_date(formatdate(moment, usegmt=True).encode()) == moment


@given(st.binary(max_size=40))
def test_no_bytes_break_it(value: bytes) -> None:
    parse_date(value)
