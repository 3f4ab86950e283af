"""Cache-Control: RFC 9111, section 5.2, with the suspicion of section 4.2.1."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.caching.directives import (
    FOR_EVER,
    Wanted,
    parse,
    request_directives,
    response_directives,
    seconds,
    targeted_directives,
)


@pytest.mark.parametrize(
    ("value", "age"),
    [
        (b"max-age=60", 60),
        (b"MAX-AGE=60", 60),
        (b"max-age=060", 60),
        (b'max-age="60"', 60),
        (b",, max-age=60 ,", 60),
        (b"\tmax-age=60", 60),
        (b"foo, max-age=60", 60),
        (b'foo="bar, max-age=1", max-age=60', 60),
        (b'foo="bar\\", max-age=1", max-age=60', 60),
        (b"max-age=60, max-age=60", 60),
        (b"xmax-age=60", None),
        (b"max-agex=60", None),
        (b"foo=max-age=60", None),
        (b'foo="max-age=60"', None),
        (b"max-age", 0),
        (b"max-age=", 0),
        (b"max-age=-60", 0),
        (b"max-age=+60", 0),
        (b"max-age=60.0", 0),
        (b"max-age=6e1", 0),
        (b"max-age=60s", 0),
        (b"max-age='60'", 0),
        (b"max-age= 60", 0),
        (b"max-age =60", 0),
        (b"max-age=60 s", 0),
        (b'max-age="60"s', 0),
        (b'max-age="60', 0),
        (b"max-age=60; foo", 0),
        (b"max-age=60, max-age=61", 0),
        (b"max-age=0, max-age=60", 0),
        ("max-age=٦٠".encode(), 0),
        (b"max-age=2147483648", FOR_EVER),
        (b"max-age=99999999999999999999999", FOR_EVER),
        (b"max-age=00000000000000000000060", 60),
    ],
)
def test_a_number_that_is_doubtful_is_zero(value: bytes, age: int | None) -> None:
    assert response_directives(value).max_age == age


@pytest.mark.parametrize(
    ("value", "flags"),
    [
        (b"no-store", {"no_store"}),
        (b"No-Store, PRIVATE", {"no_store", "private"}),
        (b'private="set-cookie"', {"private"}),
        (b'no-cache="set-cookie, x-y"', {"no_cache"}),
        (b"public,must-revalidate,proxy-revalidate", {"public", "must_revalidate", "proxy_revalidate"}),
        (b"must-understand, no-store", {"must_understand", "no_store"}),
        (b"immutable, unknown=3", set()),
        (b"no-storex, xno-store", set()),
        (b'foo="no-store"', set()),
        (b"no-store=1", {"no_store"}),
    ],
)  # fmt: skip
def test_flags_count_by_their_exact_name(value: bytes, flags: set[str]) -> None:
    said = response_directives(value)

    found = {
        name
        for name in ("no_store", "no_cache", "private", "public", "must_revalidate",
                     "proxy_revalidate", "must_understand")
        if getattr(said, name)
    }  # fmt: skip
    assert found == flags


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (b"no-cache", Wanted(no_cache=True)),
        (b"no-store", Wanted(no_store=True)),
        (b"only-if-cached", Wanted(only_if_cached=True)),
        (b"max-age=0", Wanted(max_age=0)),
        (b"max-age=nonsense", Wanted(max_age=0)),
        (b"min-fresh=5", Wanted(min_fresh=5)),
        (b"max-stale", Wanted(max_stale=FOR_EVER)),
        (b"max-stale=10", Wanted(max_stale=10)),
        (b"max-stale=nonsense", Wanted()),
        (b"foo", Wanted()),
    ],
)
def test_a_request_says_what_it_wants(value: bytes, wanted: Wanted) -> None:
    assert request_directives(value) == wanted


@pytest.mark.parametrize(
    ("value", "age"),
    [
        (b"max-age=60", 60),
        (b"max-age=60;foo=1, public", 60),
        (b"max-age=1, max-age=60", 60),
        (b'max-age="60"', 0),
        (b"max-age=60.0", 0),
        (b"max-age=-1", 0),
        (b"max-age", 0),
        (b"public", None),
    ],
)
def test_a_targeted_field_is_a_dictionary(value: bytes, age: int | None) -> None:
    """RFC 9213, section 2.1."""
    said = targeted_directives(value)

    assert said is not None
    assert said.max_age == age


@pytest.mark.parametrize("value", [b"", b"max-age=60,", b"MAX-AGE=60", b"max-age = 60", b"a b"])
def test_a_targeted_field_that_is_malformed_or_empty_says_nothing(value: bytes) -> None:
    """RFC 9213, section 2.2."""
    assert targeted_directives(value) is None


def test_a_targeted_flag_can_be_off() -> None:
    said = targeted_directives(b"no-store=?0, private=?0, max-age=5")

    assert said is not None
    assert (said.no_store, said.private, said.max_age) == (False, False, 5)


@given(st.integers(0, 10**30))
def test_seconds_never_exceed_what_we_can_represent(number: int) -> None:
    """RFC 9111, section 1.2.2."""
    assert seconds(b"%d" % number) == min(number, FOR_EVER)


@given(st.binary(max_size=80))
def test_no_bytes_break_the_parser(value: bytes) -> None:
    parse(value)
    response_directives(value)
    targeted_directives(value)
    request_directives(value)


NAMES = st.sampled_from(["max-age", "s-maxage", "no-store", "private", "foo", "stale-if-error"])
ARGUMENTS = st.one_of(st.none(), st.integers(0, 99).map(str), st.sampled_from(["x", '"1"', "-1"]))


@given(
    st.lists(st.tuples(NAMES, ARGUMENTS), max_size=6), st.sampled_from([",", ", ", " ,\t", ",,"])
)
def test_no_way_to_write_a_list_makes_an_answer_fresher(
    members: list[tuple[str, str | None]], comma: str
) -> None:
    """Freshness comes only from a number that was given, and never from two that differ."""
    value = comma.join(name if arg is None else f"{name}={arg}" for name, arg in members)

    said = response_directives(value.encode())

    given_ages = {arg and arg.strip('"') for name, arg in members if name == "max-age"}
    if len(given_ages) > 1:
        assert said.max_age == 0
    if any(name == "no-store" for name, _ in members):
        assert said.no_store
