"""Parts of stored wholes: RFC 9110, section 14; RFC 9111, sections 3.3 and 3.4."""

from __future__ import annotations

from email.utils import formatdate

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.caching.ranges import UNSATISFIABLE, span_of
from tests.gateway.caching.conftest import Origin, Watch, status_of_cache

BODY = "0123456789"


@pytest.mark.parametrize(
    ("asked", "status", "body", "content_range"),
    [
        ("bytes=0-3", 206, "0123", "bytes 0-3/10"),
        ("bytes=4-", 206, "456789", "bytes 4-9/10"),
        ("bytes=-2", 206, "89", "bytes 8-9/10"),
        ("bytes=-20", 206, BODY, "bytes 0-9/10"),
        ("bytes=8-99", 206, "89", "bytes 8-9/10"),
        ("BYTES=0-0", 206, "0", "bytes 0-0/10"),
        ("bytes=10-", 416, "", "bytes */10"),
        ("bytes=10-12", 416, "", "bytes */10"),
        ("bytes=-0", 416, "", "bytes */10"),
        ("bytes=3-1", 200, BODY, None),
        ("bytes=0-1,4-5", 200, BODY, None),
        ("bytes=", 200, BODY, None),
        ("bytes=a-b", 200, BODY, None),
        ("bytes 0-3", 200, BODY, None),
        ("lines=0-3", 200, BODY, None),
    ],
)
def test_a_stored_whole_answers_for_its_parts(
    visitor: httpx.Client, origin: Origin, asked: str, status: int, body: str,
    content_range: str | None,
) -> None:  # fmt: skip
    origin.says("max-age=60", body=BODY, etag='"a"', content_type="text/plain")
    visitor.get("/a")

    response = visitor.get("/a", headers={"range": asked})

    assert (response.status_code, response.text) == (status, body)
    assert response.headers.get("content-range") == content_range
    assert response.headers["content-length"] == str(len(body))
    assert response.headers["etag"] == '"a"'
    assert len(origin.seen) == 1


def test_head_has_no_range(visitor: httpx.Client, origin: Origin) -> None:
    """RFC 9110, section 14.2: Range is for GET."""
    origin.says("max-age=60", body=BODY)
    visitor.get("/a")

    response = visitor.head("/a", headers={"range": "bytes=0-1"})

    assert (response.status_code, response.headers["content-length"]) == (200, "10")


@pytest.mark.parametrize(
    ("etag", "if_range", "status"),
    [('"a"', '"a"', 206), ('"a"', '"b"', 200), ('W/"a"', 'W/"a"', 200), ('"a"', 'W/"a"', 200)],
)
def test_if_range_compares_strongly(
    visitor: httpx.Client, origin: Origin, etag: str, if_range: str, status: int
) -> None:
    """RFC 9110, section 13.1.5."""
    origin.says("max-age=60", body=BODY, etag=etag)
    visitor.get("/a")

    headers = {"range": "bytes=0-1", "if-range": if_range}

    assert visitor.get("/a", headers=headers).status_code == status


@pytest.mark.parametrize(("age", "shift", "status"), [(100, 0, 206), (100, 1, 200), (0, 0, 200)])
def test_a_date_is_a_strong_validator_only_when_it_is_old_and_exact(
    visitor: httpx.Client, origin: Origin, watch: Watch, age: int, shift: int, status: int
) -> None:
    """RFC 9110, section 8.8.2.2."""
    now = int(watch.now())
    origin.says(
        "max-age=600", body=BODY, date=formatdate(now, usegmt=True),
        last_modified=formatdate(now - age, usegmt=True),
    )  # fmt: skip
    visitor.get("/a")

    if_range = formatdate(now - age + shift, usegmt=True)

    response = visitor.get("/a", headers={"range": "bytes=0-1", "if-range": if_range})
    assert response.status_code == status


def test_not_modified_goes_before_the_range(visitor: httpx.Client, origin: Origin) -> None:
    """RFC 9110, section 13.2.2."""
    origin.says("max-age=60", body=BODY, etag='"a"')
    visitor.get("/a")

    response = visitor.get("/a", headers={"range": "bytes=0-1", "if-none-match": '"a"'})

    assert response.status_code == 304


def test_a_part_is_passed_on_but_not_kept(visitor: httpx.Client, origin: Origin) -> None:
    """RFC 9111, section 3.3."""
    origin.says("max-age=60", status=206, content_range="bytes 0-3/10", body="0123")
    first = visitor.get("/a", headers={"range": "bytes=0-3"})
    origin.said["/a"] = []
    origin.says("max-age=60", body=BODY)

    second = visitor.get("/a")

    assert (first.status_code, first.text) == (206, "0123")
    assert origin.seen[0].all("range") == ["bytes=0-3"]
    assert (second.status_code, second.text) == (200, BODY)


def test_a_stale_whole_is_renewed_whole_and_then_cut(
    visitor: httpx.Client, origin: Origin, watch: Watch
) -> None:
    origin.says("max-age=60", body=BODY)
    visitor.get("/a")
    watch.pass_by(100)

    response = visitor.get("/a", headers={"range": "bytes=0-1"})

    assert (response.status_code, response.text) == (206, "01")
    assert origin.seen[1].all("range") == []
    assert "fwd=stale" in status_of_cache(response)


@given(st.binary(max_size=30), st.integers(0, 100))
def test_any_range_is_ignored_refused_or_within_the_whole(value: bytes, length: int) -> None:
    span = span_of(b"bytes=" + value, length)

    if span is not None and span != UNSATISFIABLE:
        assert 0 <= span[0] < span[1] <= length


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_a_range_means_what_slices_mean(first: int, last: int, length: int) -> None:
    whole = bytes(range(length))
    span = span_of(b"bytes=%d-%d" % (first, last), length)

    if first > last:
        assert span is None
    elif first >= length:
        assert span == UNSATISFIABLE
    else:
        assert span is not None
        assert whole[slice(*span)] == whole[first : last + 1]
