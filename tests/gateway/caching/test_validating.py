"""Asking whether a stored answer is still good: RFC 9111, sections 4.3 and 3.2."""

from __future__ import annotations

from email.utils import formatdate

import httpx
import pytest

from tests.gateway.caching.conftest import Origin, Watch, status_of_cache

MODIFIED = formatdate(1_600_000_000, usegmt=True)


def test_a_stale_answer_is_validated_and_used_again(
    visitor: httpx.Client, origin: Origin, watch: Watch
) -> None:
    origin.says("max-age=60", etag='"a"', last_modified=MODIFIED)
    origin.says("max-age=60", status=304, etag='"a"')
    first = visitor.get("/a")
    watch.pass_by(100)

    second, third = visitor.get("/a"), visitor.get("/a")

    assert origin.seen[1].one("if-none-match") == '"a"'
    assert origin.seen[1].one("if-modified-since") == MODIFIED
    assert first.text == second.text == third.text
    assert second.status_code == 200
    assert status_of_cache(second) == "quintet; fwd=stale; fwd-status=304; stored"
    assert status_of_cache(third).startswith("quintet; hit")
    assert len(origin.seen) == 2


def test_a_new_answer_takes_the_place_of_the_old(
    visitor: httpx.Client, origin: Origin, watch: Watch
) -> None:
    origin.says("max-age=60", etag='"a"')
    origin.says("max-age=60", etag='"b"')
    visitor.get("/a")
    watch.pass_by(100)

    second, third = visitor.get("/a"), visitor.get("/a")

    assert second.text == third.text == "answer 1"
    assert third.headers["etag"] == '"b"'


def test_a_validation_updates_the_stored_fields(
    visitor: httpx.Client, origin: Origin, watch: Watch
) -> None:
    """Section 3.2: all fields but those about the stored body itself."""
    origin.says("max-age=60", etag='"a"', x_old="1", x_kept="1", content_type="text/plain")
    origin.says(
        "max-age=600", status=304, etag='"a"', x_old="2", x_new="2", content_encoding="gzip",
        content_length="999", content_digest="sha-256=:AAAA:",
    )  # fmt: skip
    visitor.get("/a")
    watch.pass_by(100)
    visitor.get("/a")
    watch.pass_by(500)

    response = visitor.get("/a")

    assert response.headers["x-old"] == "2"
    assert response.headers["x-new"] == "2"
    assert response.headers["x-kept"] == "1"
    assert response.headers["content-type"] == "text/plain"
    assert response.headers["content-length"] == "8"
    assert "content-encoding" not in response.headers
    assert "content-digest" not in response.headers
    assert len(origin.seen) == 2


def test_a_validation_begins_a_new_life(
    visitor: httpx.Client, origin: Origin, watch: Watch
) -> None:
    """Section 4.3.4: Date and Age are those of the 304."""
    origin.says("max-age=60", etag='"a"', age="50")
    origin.says("max-age=60", status=304, etag='"a"')
    visitor.get("/a")
    watch.pass_by(100)
    visitor.get("/a")

    response = visitor.get("/a")

    assert int(response.headers["age"]) < 50
    assert len(origin.seen) == 2


def test_a_304_about_another_copy_is_not_believed(
    visitor: httpx.Client, origin: Origin, watch: Watch
) -> None:
    """Section 4.3.4: it must not update ours; the whole is asked for."""
    origin.says("max-age=60", etag='"a"')
    origin.says("max-age=60", status=304, etag='"z"')
    origin.says("max-age=60", etag='"z"')
    visitor.get("/a")
    watch.pass_by(100)

    response = visitor.get("/a")

    assert (response.status_code, response.text) == (200, "answer 2")
    assert origin.seen[2].all("if-none-match") == []


def test_a_304_may_end_what_is_stored(visitor: httpx.Client, origin: Origin, watch: Watch) -> None:
    origin.says("max-age=60", etag='"a"')
    origin.says("no-store", status=304, etag='"a"')
    origin.says("max-age=60", etag='"b"')
    visitor.get("/a")
    watch.pass_by(100)

    second, third = visitor.get("/a"), visitor.get("/a")

    assert (second.status_code, second.text) == (200, "answer 0")
    assert third.text == "answer 2"
    assert origin.seen[2].all("if-none-match") == []


def test_the_client_gets_its_own_condition_judged_after_the_validation(
    visitor: httpx.Client, origin: Origin, watch: Watch
) -> None:
    origin.says("max-age=60", etag='"a"')
    origin.says("max-age=60", etag='"b"')
    visitor.get("/a")
    watch.pass_by(100)

    response = visitor.get("/a", headers={"if-none-match": '"b"'})

    assert origin.seen[1].all("if-none-match") == ['"a"']
    assert response.status_code == 304


@pytest.mark.parametrize("wants", [{"cache-control": "no-cache"}, {"cache-control": "max-age=0"}])
def test_whoever_insists_makes_us_ask_with_our_own_validator(
    visitor: httpx.Client, origin: Origin, wants: dict[str, str]
) -> None:
    origin.says("max-age=60", etag='"a"')
    origin.says("max-age=60", status=304, etag='"a"')
    visitor.get("/a")

    response = visitor.get("/a", headers=wants)

    assert response.status_code == 200
    assert origin.seen[1].one("if-none-match") == '"a"'
    assert status_of_cache(response).startswith("quintet; fwd=request; fwd-status=304")


def test_without_a_validator_the_whole_is_asked_for(
    visitor: httpx.Client, origin: Origin, watch: Watch
) -> None:
    origin.says("max-age=60")
    visitor.get("/a")
    watch.pass_by(100)

    visitor.get("/a")

    assert origin.seen[1].all("if-none-match") == []
    assert origin.seen[1].all("if-modified-since") == []


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_an_error_of_the_service_is_told_as_it_is(
    visitor: httpx.Client, origin: Origin, watch: Watch, status: int
) -> None:
    """Section 4.3.3: the cache may forward it."""
    origin.says("max-age=60, must-revalidate", etag='"a"')
    origin.says("", status=status, body="broken")
    visitor.get("/a")
    watch.pass_by(100)

    response = visitor.get("/a")

    assert (response.status_code, response.text) == (status, "broken")


def test_what_must_be_revalidated_is_not_used_when_nobody_answers(
    visitor: httpx.Client, origin: Origin, watch: Watch
) -> None:
    """Section 5.2.2.2."""
    origin.says("max-age=60, must-revalidate, stale-if-error=600", etag='"a"')
    visitor.get("/a")
    watch.pass_by(100)

    async def hang_up(_: object, __: object, writer: object) -> None:
        writer.transport.abort()  # type: ignore[attr-defined]

    origin.upstream.on("/a", hang_up)

    assert visitor.get("/a").status_code == 502


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        ({"etag": '"a"'}, 2),
        ({"etag": '"a"', "x_seen": "head"}, 2),
        ({"etag": '"b"'}, 3),
        ({"last_modified": MODIFIED}, 2),
        ({"last_modified": formatdate(1_700_000_000, usegmt=True)}, 3),
        ({"etag": '"a"', "content_length": "999"}, 3),
    ],
)
def test_an_answer_to_head_updates_the_stored_one_or_ends_it(
    visitor: httpx.Client, origin: Origin, watch: Watch, fields: dict[str, str], asked: int
) -> None:
    """Section 4.3.5."""
    origin.says("max-age=60", etag='"a"', last_modified=MODIFIED)
    origin.says("max-age=600", status=200, **({"content_length": "8"} | fields))
    origin.says("max-age=60")
    visitor.get("/a")
    watch.pass_by(100)
    visitor.head("/a")

    response = visitor.get("/a")

    assert len(origin.seen) == asked
    if asked == 2:
        assert response.headers.get("x-seen") == fields.get("x_seen")
