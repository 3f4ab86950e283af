"""Conditions of clients, judged by the stored answer: RFC 9110, section 13; RFC 9111, 4.3.2."""

from __future__ import annotations

from email.utils import formatdate

import httpx
import pytest

from tests.gateway.caching.conftest import Origin, Watch, status_of_cache

MODIFIED = 1_600_000_000


def date(offset: int = 0) -> str:
    return formatdate(MODIFIED + offset, usegmt=True)


@pytest.mark.parametrize(
    ("etag", "none_match", "status"),
    [
        ('"a"', '"a"', 304),
        ('"a"', 'W/"a"', 304),
        ('W/"a"', '"a"', 304),
        ('"a"', '"b", "a"', 304),
        ('"a"', '"b","a"', 304),
        ('"a"', "*", 304),
        ('"a,b"', '"a,b"', 304),
        ("a", "a", 304),
        ('"a"', '"b"', 200),
        ('"a"', '"A"', 200),
        ('"a"', '"ab", "ba"', 200),
        ('"a"', "a", 200),
        ('"a,b"', '"a", "b"', 200),
        ("", '"a"', 200),
    ],
)
def test_if_none_match_compares_weakly(
    visitor: httpx.Client, origin: Origin, etag: str, none_match: str, status: int
) -> None:
    """RFC 9110, sections 8.8.3.2 and 13.1.2."""
    origin.says("max-age=60", etag=etag)
    visitor.get("/a")

    response = visitor.get("/a", headers={"if-none-match": none_match})

    assert response.status_code == status
    assert len(origin.seen) == 1


@pytest.mark.parametrize(
    ("since", "status"),
    [(date(), 304), (date(1), 304), (date(-1), 200), ("yesterday", 200), (date().lower(), 304)],
)
def test_if_modified_since_compares_with_the_last_change(
    visitor: httpx.Client, origin: Origin, since: str, status: int
) -> None:
    """RFC 9110, section 13.1.3."""
    origin.says("max-age=60", last_modified=date())
    visitor.get("/a")

    assert visitor.get("/a", headers={"if-modified-since": since}).status_code == status
    assert len(origin.seen) == 1


def test_without_a_last_change_the_date_of_the_answer_counts(
    visitor: httpx.Client, origin: Origin, watch: Watch
) -> None:
    """RFC 9111, section 4.3.2."""
    origin.says("max-age=60", date=formatdate(watch.now() - 20, usegmt=True))
    visitor.get("/a")

    later = formatdate(watch.now() - 10, usegmt=True)
    earlier = formatdate(watch.now() - 30, usegmt=True)

    assert visitor.get("/a", headers={"if-modified-since": later}).status_code == 304
    assert visitor.get("/a", headers={"if-modified-since": earlier}).status_code == 200


def test_if_none_match_goes_before_if_modified_since(visitor: httpx.Client, origin: Origin) -> None:
    """RFC 9110, section 13.2.2."""
    origin.says("max-age=60", etag='"a"', last_modified=date())
    visitor.get("/a")

    both = {"if-none-match": '"b"', "if-modified-since": date()}

    assert visitor.get("/a", headers=both).status_code == 200


def test_not_modified_repeats_what_guides_caches_and_no_more(
    visitor: httpx.Client, origin: Origin
) -> None:
    """RFC 9110, section 15.4.5."""
    origin.says(
        "max-age=60", etag='"a"', vary="accept", content_location="/b", expires=date(),
        content_type="text/plain", content_language="en", x_other="1",
    )  # fmt: skip
    visitor.get("/a")

    response = visitor.get("/a", headers={"if-none-match": '"a"'})

    expected = {"cache-control", "etag", "vary", "content-location", "expires", "date"}
    ours = {"age", "cache-status", "x-request-id", "ratelimit", "ratelimit-policy"}
    assert expected <= set(response.headers) <= expected | ours
    assert response.content == b""
    assert status_of_cache(response).startswith("quintet; hit")


def test_head_can_be_not_modified_too(visitor: httpx.Client, origin: Origin) -> None:
    origin.says("max-age=60", etag='"a"')
    visitor.get("/a")

    assert visitor.head("/a", headers={"if-none-match": '"a"'}).status_code == 304


@pytest.mark.parametrize("status", [404, 410, 301])
def test_conditions_are_for_good_answers_only(
    visitor: httpx.Client, origin: Origin, status: int
) -> None:
    """RFC 9110, section 13.2.1: not for what would not be a 2xx without them."""
    origin.says("max-age=60", status=status, etag='"a"', location="/b")
    visitor.get("/a")

    response = visitor.get("/a", headers={"if-none-match": '"a"'})

    assert response.status_code == status
    assert len(origin.seen) == 1


@pytest.mark.parametrize("name", ["if-match", "if-unmodified-since"])
def test_conditions_that_guard_changes_are_judged_by_the_service(
    visitor: httpx.Client, origin: Origin, name: str
) -> None:
    """RFC 9110, sections 13.1.1 and 13.1.4."""
    origin.says("max-age=60", etag='"a"')
    visitor.get("/a")

    response = visitor.get("/a", headers={name: '"a"'})

    assert origin.seen[1].all(name) == ['"a"']
    assert status_of_cache(response) == "quintet; fwd=bypass"


def test_a_condition_meets_an_empty_cache_and_fills_it(
    visitor: httpx.Client, origin: Origin
) -> None:
    """The whole is asked for, kept, and only then compared."""
    origin.says("max-age=60", etag='"a"')

    first = visitor.get("/a", headers={"if-none-match": '"a"'})
    second = visitor.get("/a")

    assert (first.status_code, second.status_code) == (304, 200)
    assert origin.seen[0].all("if-none-match") == []
    assert len(origin.seen) == 1


def test_where_nothing_is_kept_the_service_judges_the_condition(
    visitor: httpx.Client, origin: Origin
) -> None:
    origin.says("private", etag='"a"')
    visitor.get("/a")

    visitor.get("/a", headers={"if-none-match": '"a"'})

    assert origin.seen[1].all("if-none-match") == ['"a"']
