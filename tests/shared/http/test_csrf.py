"""Tokens of forms: only our own pages can make them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.http import csrf


def test_a_masked_token_matches_its_own_cookie_and_no_other() -> None:
    token, other = csrf.new_token(), csrf.new_token()

    masked = csrf.mask(token)

    assert csrf.matches(token, masked)
    assert not csrf.matches(other, masked)


def test_a_token_never_looks_the_same_twice() -> None:
    token = csrf.new_token()

    seen = {csrf.mask(token) for _ in range(100)}

    assert len(seen) == 100
    assert not any(token in masked for masked in seen)


@pytest.mark.parametrize("submitted", [None, "", "é", "A", "====", "no base64!", "A" * 9999])
def test_nonsense_never_matches(submitted: str | None) -> None:
    token = csrf.new_token()

    verdict = csrf.matches(token, submitted)

    assert not verdict


@given(st.text())
def test_whatever_is_submitted_is_answered_with_no(submitted: str) -> None:
    token = csrf.new_token()

    verdict = csrf.matches(token, submitted)

    assert verdict is False


@pytest.mark.parametrize("missing", [None, ""])
def test_no_cookie_matches_nothing(missing: str | None) -> None:
    masked = csrf.mask("")

    verdict = csrf.matches(missing, masked)

    assert not verdict


@pytest.mark.parametrize(
    ("headers", "verdict"),
    [
        ({}, None),
        ({"Sec-Fetch-Site": "none"}, None),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Origin": "https://shop.example"}, True),
        ({"origin": "https://shop.example:443"}, True),
        ({"Origin": "https://shop.example:444"}, False),
        ({"Origin": "https://shop.example.evil.example"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "file://"}, False),
        ({"Origin": "https://[broken"}, False),
        ({"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}, False),
    ],
)
def test_the_browsers_word_on_where_a_request_comes_from_counts(
    headers: dict[str, str], verdict: bool | None
) -> None:
    host = "shop.example"

    found = csrf.same_origin(headers, host)

    assert found is verdict


def test_the_cookie_is_bound_to_its_host_on_https() -> None:
    names = (csrf.cookie_name(secure=True), csrf.cookie_name(secure=False))

    assert names == ("__Host-quintet_csrf", "quintet_csrf")
