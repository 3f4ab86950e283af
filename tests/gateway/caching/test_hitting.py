"""Answering from memory: RFC 9111, sections 4 and 5.2."""

from __future__ import annotations

import httpx
import pytest

from gateway.proxy.caching.cache import SharedCache
from tests.gateway.caching.conftest import Origin, Watch, status_of_cache


def test_a_fresh_answer_is_given_without_asking_again(
    visitor: httpx.Client, origin: Origin
) -> None:
    origin.says("max-age=60", etag='"a"', content_type="text/plain")

    first, second = visitor.get("/a"), visitor.get("/a")

    assert len(origin.seen) == 1
    assert first.text == second.text == "answer 0"
    assert status_of_cache(first) == "quintet; fwd=uri-miss; fwd-status=200; stored"
    assert status_of_cache(second).startswith("quintet; hit; ttl=")
    assert second.headers["content-type"] == "text/plain"
    assert second.headers["etag"] == '"a"'


def test_a_stored_answer_says_its_age_and_when_it_was_made(
    visitor: httpx.Client, origin: Origin, watch: Watch
) -> None:
    """Section 5.1, and the Date of RFC 9110, section 6.6.1, stays that of the service."""
    origin.says("max-age=60")
    made = visitor.get("/a").headers["date"]
    watch.pass_by(10)

    again = visitor.get("/a")

    assert 10 <= int(again.headers["age"]) <= 12
    assert again.headers["date"] == made


def test_every_answer_has_the_id_of_its_own_request(visitor: httpx.Client, origin: Origin) -> None:
    origin.says("max-age=60", x_request_id="of-the-service")
    ids = [
        visitor.get("/a", headers={"x-request-id": f"request-{n}"}).headers["x-request-id"]
        for n in range(2)
    ]

    assert ids == ["request-0", "request-1"]


@pytest.mark.parametrize(
    ("cache_control", "later", "asked"),
    [
        ("max-age=60", 50, 1),
        ("max-age=60", 61, 2),
        ("s-maxage=60, max-age=1", 50, 1),
        ("s-maxage=1, max-age=60", 50, 2),
        ("max-age=60, no-cache", 0, 2),
        ("no-store, max-age=60", 0, 2),
        ("private, max-age=60", 0, 2),
        ("max-age=x", 0, 2),
        ("max-age=60, immutable", 61, 2),
        ("max-age=60, must-revalidate", 50, 1),
    ],
)
def test_an_answer_is_used_as_long_as_it_is_fresh(
    visitor: httpx.Client, origin: Origin, watch: Watch, cache_control: str, later: int, asked: int
) -> None:
    """Section 4.2."""
    origin.says(cache_control, etag='"a"')
    visitor.get("/a")
    watch.pass_by(later)

    response = visitor.get("/a")

    assert response.status_code == 200
    assert len(origin.seen) == asked


@pytest.mark.parametrize(("age", "asked"), [("30", 1), ("100", 2), ("-1", 1), ("100, 1", 2)])
def test_the_time_in_other_caches_counts(
    visitor: httpx.Client, origin: Origin, age: str, asked: int
) -> None:
    """Section 4.2.3."""
    origin.says("max-age=60", age=age)

    visitor.get("/a")
    visitor.get("/a")

    assert len(origin.seen) == asked


def test_a_query_is_part_of_the_key(visitor: httpx.Client, origin: Origin) -> None:
    """Section 2: the target URI."""
    origin.says("max-age=60")

    for query in ("?q=1", "?q=2", "", "?q=1"):
        visitor.get(f"/a{query}")

    assert [seen.target for seen in origin.seen] == ["/a?q=1", "/a?q=2", "/a"]


def test_two_ways_to_write_an_address_are_one_key(visitor: httpx.Client, origin: Origin) -> None:
    """RFC 3986, section 6.2.2."""
    for path in ("/%61b", "/a%62", "/ab", "/a%c3%a9", "/a%C3%A9"):
        origin.says("max-age=60", path=path)

    for path in ("/%61b", "/a%62", "/ab", "/a%c3%a9", "/a%C3%A9"):
        visitor.get(path)

    assert len(origin.seen) == 2


def test_another_host_is_another_answer(visitor: httpx.Client, origin: Origin) -> None:
    origin.says("max-age=60")

    for host in ("one.example", "two.example", "ONE.example:80"):
        visitor.get("/a", headers={"host": host})

    assert len(origin.seen) == 2


@pytest.mark.parametrize(
    ("wants", "asked"),
    [
        ({"cache-control": "no-cache"}, 2),
        ({"cache-control": "max-age=0"}, 2),
        ({"cache-control": "max-age=5"}, 2),
        ({"cache-control": "max-age=30"}, 1),
        ({"cache-control": "min-fresh=10"}, 1),
        ({"cache-control": "min-fresh=55"}, 2),
        ({"cache-control": "no-store"}, 2),
        ({"cache-control": "only-if-cached"}, 1),
        ({"pragma": "no-cache"}, 2),
        ({"pragma": "no-cache", "cache-control": "foo"}, 1),
        ({"pragma": "foo"}, 1),
    ],
)
def test_a_request_may_want_something_fresher(
    visitor: httpx.Client, origin: Origin, watch: Watch, wants: dict[str, str], asked: int
) -> None:
    """Section 5.2.1; Pragma: section 5.4."""
    origin.says("max-age=60")
    visitor.get("/a")
    watch.pass_by(10)

    response = visitor.get("/a", headers=wants)

    assert response.status_code == 200
    assert len(origin.seen) == asked


@pytest.mark.parametrize(
    ("cache_control", "wants", "asked"),
    [
        ("max-age=60", "max-stale", 1),
        ("max-age=60", "max-stale=20", 1),
        ("max-age=60", "max-stale=5", 2),
        ("max-age=60, must-revalidate", "max-stale", 2),
        ("max-age=60, proxy-revalidate", "max-stale", 2),
        ("s-maxage=60", "max-stale", 2),
        ("no-cache", "max-stale", 2),
    ],
)
def test_a_request_may_do_with_something_stale(
    visitor: httpx.Client, origin: Origin, watch: Watch, cache_control: str, wants: str, asked: int
) -> None:
    """Sections 4.2.4 and 5.2.1.2."""
    origin.says(cache_control, etag='"a"')
    visitor.get("/a")
    watch.pass_by(70)

    visitor.get("/a", headers={"cache-control": wants})

    assert len(origin.seen) == asked


def test_only_if_cached_is_never_forwarded(visitor: httpx.Client, origin: Origin) -> None:
    """Section 5.2.1.7."""
    origin.says("max-age=60")

    response = visitor.get("/a", headers={"cache-control": "only-if-cached"})

    assert response.status_code == 504
    assert origin.seen == []


def test_head_is_answered_from_the_stored_answer_to_get(
    visitor: httpx.Client, origin: Origin
) -> None:
    """Section 4: a response to GET can be used for HEAD."""
    origin.says("max-age=60")
    visitor.get("/a")

    response = visitor.head("/a")

    assert (response.content, response.headers["content-length"]) == (b"", "8")
    assert len(origin.seen) == 1


def test_the_answer_to_head_is_no_answer_to_get(visitor: httpx.Client, origin: Origin) -> None:
    origin.says("max-age=60")

    visitor.head("/a")
    response = visitor.get("/a")

    assert response.text == "answer 0"
    assert [seen.method for seen in origin.seen] == ["HEAD", "GET"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_are_neither_kept_nor_answered(
    visitor: httpx.Client, origin: Origin, method: str
) -> None:
    origin.says("max-age=60")

    for _ in range(2):
        visitor.request(method, "/a")

    assert len(origin.seen) == 2


def test_nothing_of_the_gateways_own_is_told_to_clients(
    visitor: httpx.Client, origin: Origin
) -> None:
    origin.says("max-age=60", cache_groups='"a"', quintet_cache_control="max-age=9")
    origin.says("no-store", path="/b", cache_groups='"a"', quintet_cache_control="max-age=9")

    answers = [visitor.get(path) for path in ("/a", "/a", "/b", "/b")]

    assert {"cache-groups", "quintet-cache-control"}.isdisjoint(
        name for each in answers for name in each.headers
    )


def test_a_cache_in_front_of_the_service_keeps_its_line(
    visitor: httpx.Client, origin: Origin
) -> None:
    """RFC 9211, section 2: each cache appends its own member."""
    origin.says("max-age=60", cache_status="other; hit")
    visitor.get("/a")

    lines = visitor.get("/a").headers.get_list("cache-status", split_commas=True)

    assert lines[0] == "other; hit"
    assert lines[1].startswith("quintet; hit")


def test_figures_tell_how_requests_were_answered(
    visitor: httpx.Client, origin: Origin, cache: SharedCache
) -> None:
    before = {(name, *labels.values()): value for name, _, _, labels, value in cache.samples()}
    origin.says("max-age=60")
    for _ in range(3):
        visitor.get("/a")

    after = {(name, *labels.values()): value for name, _, _, labels, value in cache.samples()}

    key = "cache_requests_total"
    assert after[key, "hits"] - before[key, "hits"] == 2
    assert after[key, "asked"] - before[key, "asked"] == 1
    assert after["cache_entries",] == 1
