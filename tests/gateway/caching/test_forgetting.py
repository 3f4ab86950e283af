"""Changes end what is stored: RFC 9111, section 4.4; RFC 9875; purges by hand."""

from __future__ import annotations

import httpx
import pytest

from gateway.proxy.caching.cache import SharedCache
from tests.gateway.caching.conftest import Origin


def asked(origin: Origin, path: str) -> int:
    return len([seen for seen in origin.seen if seen.method == "GET" and seen.target == path])


@pytest.mark.parametrize(
    ("method", "status", "forgotten"),
    [
        ("POST", 200, True),
        ("PUT", 201, True),
        ("PATCH", 204, True),
        ("DELETE", 204, True),
        ("POST", 303, True),
        ("PUT", 400, False),
        ("DELETE", 404, False),
        ("POST", 500, False),
    ],
)
def test_a_change_that_worked_ends_the_stored_answer(
    visitor: httpx.Client, origin: Origin, method: str, status: int, forgotten: bool
) -> None:
    origin.says("max-age=60", path="/a")
    origin.says("", path="/a", status=status)
    origin.says("max-age=60", path="/a")
    visitor.get("/a")
    visitor.request(method, "/a")

    visitor.get("/a")

    assert asked(origin, "/a") == (2 if forgotten else 1)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_safe_methods_end_nothing(visitor: httpx.Client, origin: Origin, method: str) -> None:
    origin.says("max-age=60", path="/a")
    origin.says("max-age=60", path="/b", location="/a", cache_group_invalidation='"x"')
    visitor.get("/a")
    visitor.request(method, "/b")

    visitor.get("/a")

    assert asked(origin, "/a") == 1


@pytest.mark.parametrize(
    ("fields", "forgotten"),
    [
        ({"location": "/a"}, True),
        ({"content_location": "/a"}, True),
        ({"location": "a"}, True),
        ({"location": "http://{host}/a"}, True),
        ({"location": "http://other.example/a"}, False),
        ({"location": "//other.example/a"}, False),
        ({"content_location": "https://{host}/a"}, False),
        ({"location": "http://[broken/a"}, False),
        ({}, False),
    ],
)
def test_a_change_ends_what_its_answer_points_to_on_the_same_origin(
    visitor: httpx.Client, origin: Origin, fields: dict[str, str], forgotten: bool
) -> None:
    host = f"{visitor.base_url.host}:{visitor.base_url.port}"
    named = {
        name: value.format(host=host) if "{" in value else value for name, value in fields.items()
    }
    origin.says("max-age=60", path="/a")
    origin.says("", path="/b", status=201, **named)
    visitor.get("/a")
    visitor.post("/b")

    visitor.get("/a")

    assert asked(origin, "/a") == (2 if forgotten else 1)


@pytest.mark.parametrize(
    ("groups", "invalidated", "forgotten"),
    [
        ('"x"', '"x"', True),
        ('"y", "x"', '"z", "x"', True),
        ('"x";q=1', '"x";w=2', True),
        ('"x"', '"X"', False),
        ('"x"', "x", False),
        ("x", '"x"', False),
        ('"x"', '"x",', False),
    ],
)
def test_a_change_ends_the_groups_that_it_names(
    visitor: httpx.Client, origin: Origin, groups: str, invalidated: str, forgotten: bool
) -> None:
    """RFC 9875, section 3."""
    origin.says("max-age=60", path="/a", cache_groups=groups)
    origin.says("", path="/b", cache_group_invalidation=invalidated)
    visitor.get("/a")
    visitor.post("/b")

    visitor.get("/a")

    assert asked(origin, "/a") == (2 if forgotten else 1)


def test_a_change_speaks_for_its_own_origin_only(visitor: httpx.Client, origin: Origin) -> None:
    """RFC 9875, section 2: groups are scoped to an origin."""
    origin.says("max-age=60", path="/a", cache_groups='"x"')
    origin.says("", path="/b", cache_group_invalidation='"x"')
    visitor.get("/a", headers={"host": "one.example"})
    visitor.post("/b", headers={"host": "two.example"})

    visitor.get("/a", headers={"host": "one.example"})

    assert asked(origin, "/a") == 1


def test_a_failed_change_ends_no_group(visitor: httpx.Client, origin: Origin) -> None:
    origin.says("max-age=60", path="/a", cache_groups='"x"')
    origin.says("", path="/b", status=409, cache_group_invalidation='"x"')
    visitor.get("/a")
    visitor.post("/b")

    visitor.get("/a")

    assert asked(origin, "/a") == 1


def test_a_purge_by_hand_takes_groups_paths_or_everything(
    visitor: httpx.Client, origin: Origin, cache: SharedCache
) -> None:
    for path in ("/a/1", "/a/2", "/b"):
        origin.says("max-age=60", path=path, cache_groups=f'"{path}"')
        visitor.get(path)

    counts = [
        cache.purge(groups=[b"/b", b"nothing"]),
        cache.purge(prefix=b"/a/1"),
        cache.purge(prefix=b"/c"),
        cache.purge(everything=True),
    ]

    assert counts == [1, 1, 0, 1]
    assert (len(cache.memory.store), cache.memory.store.used) == (0, 0)


def test_every_variant_is_forgotten(visitor: httpx.Client, origin: Origin) -> None:
    origin.says("max-age=60", vary="foo")
    for foo in "12":
        visitor.get("/a", headers={"foo": foo})
    visitor.delete("/a")

    for foo in "12":
        visitor.get("/a", headers={"foo": foo})

    assert asked(origin, "/a") == 4
