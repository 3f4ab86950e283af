"""The gateway's page of all events: found, drawn, marked, escaped, and without a script."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from gateway.api.event_catalogue import entries_of, flows_of
from gateway.api.event_contracts import merge_asyncapi
from gateway.pages.event_picture import draw
from gateway.pages.events import events_page
from shared.asyncapi import described
from shared.events import Event
from tests.gateway.conftest import Services
from tests.gateway.stage import RunningGateway, answer, get, says

Open = Callable[..., RunningGateway]


class Shelved(Event, type="catalog.book.shelved.v1", key="isbn"):
    """A book <b>stands</b> on its `shelf` now."""

    isbn: str
    shelf: str
    authors: list[str] = []


class ShelvedAgain(Event, type="catalog.book.shelved.v2", key="isbn"):
    """A book stands on its shelf now."""

    isbn: str


class HeardShelved(Event, type="catalog.book.shelved.v1", key="isbn"):
    """A book can be borrowed."""

    isbn: str


CATALOG = described("catalog", [Shelved, ShelvedAgain], [])
SHOP = described("shop", [], [HeardShelved])


@pytest.fixture
def document() -> dict[str, Any]:
    return merge_asyncapi({"catalog": CATALOG, "shop": SHOP}, away={})


def test_an_event_tells_who_says_it_who_hears_it_and_which_fields_they_read(
    document: dict[str, Any],
) -> None:
    [shelved] = [each for each in entries_of(document) if each.type == "catalog.book.shelved.v1"]

    assert (shelved.said_by, shelved.heard_by, shelved.key) == (("catalog",), ("shop",), "isbn")
    assert shelved.versions == ("catalog.book.shelved.v1", "catalog.book.shelved.v2")
    fields = {each.path: each for each in shelved.fields}
    assert fields["isbn"].read_by == ("shop",)
    assert fields["shelf"].read_by == ()
    assert fields["shelf"].always
    assert not fields["authors"].always
    assert fields["authors"].kind == "array of string"
    assert json.loads(shelved.example)["isbn"]
    assert 'class Shelved(Event, type="catalog.book.shelved.v1", key="isbn"):' in shelved.snippet
    assert "    authors: list[str]" in shelved.snippet


def test_the_snippet_of_an_event_is_a_program(document: dict[str, Any]) -> None:
    for entry in entries_of(document):
        compile(entry.snippet, entry.type, "exec")


def test_the_picture_has_a_line_from_each_speaker_to_each_hearer(document: dict[str, Any]) -> None:
    flows = flows_of(entries_of(document))

    picture = draw({"catalog": 2, "auth": 0}, flows)

    drawn = {(flow.speaker, flow.hearer): flow.count for flow in picture.flows}
    assert drawn[("catalog", "shop")] == 1
    assert [(box.name, box.words) for box in picture.boxes] == [
        ("catalog", "says 2"),
        ("auth", "says 0"),
        ("shop", "hears 1"),
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"v1", "v2"}),
        ("BOOK shelved.v2", {"v2"}),
        ("authors", {"v1"}),
        ("from:catalog to:shop", {"v1"}),
        ("to:nobody", set()),
    ],
)
def test_events_are_found_by_words_of_any_kind(
    document: dict[str, Any], query: str, found: set[str]
) -> None:
    page = events_page(document, query)

    articles = re.findall(r'<article id="catalog\.book\.shelved\.(v\d)"', page)
    assert set(articles) == found


def test_what_others_wrote_is_shown_as_text(document: dict[str, Any]) -> None:
    page = events_page(document, "\"'><script>shelved")

    assert "<script" not in page
    assert "A book &lt;b&gt;stands&lt;/b&gt; on its <code>shelf</code> now." in events_page(
        document, ""
    )


def test_what_a_service_said_before_it_went_away_is_marked() -> None:
    document = merge_asyncapi(
        {"catalog": CATALOG, "shop": SHOP}, away={"catalog": "2026-11-21T08:00:00Z"}
    )

    page = events_page(document, "")

    assert "catalog does not answer right now" in page
    assert "as last heard of" in page


def test_a_page_without_any_service_says_so() -> None:
    page = events_page(
        merge_asyncapi({}, away={"auth": "2026-11-21T08:00:00Z", "shop": "2026-11-21T09:30:00Z"}),
        "",
    )

    assert "auth and shop do not answer right now" in page


def test_the_gateway_serves_the_page_under_a_strict_policy(
    open_gateway: Open, services: Services
) -> None:
    for service, document in ((services.catalog, CATALOG), (services.shop, SHOP)):
        raw = answer(json.dumps(document).encode(), "content-type: application/json")
        service.on("/asyncapi.json", says(raw))
    services.auth.on("/asyncapi.json", says(answer(b"", status="404 Not Found")))
    gateway = open_gateway()

    page = get(f"{gateway.url}/docs/events?q=shelved")
    merged = get(f"{gateway.url}/asyncapi.json").json()

    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "script-src" not in page.headers["content-security-policy"]
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "auth does not answer right now" in page.text
    assert not re.search(r"<script|style=|https?://", page.text)
    links = set(re.findall(r'(?:src|href)="(/[^"#]+)"', page.text)) - {"/asyncapi.json"}
    assert all(get(f"{gateway.url}{link}").status_code == 200 for link in links)
    assert merged["x-unavailable"] == ["auth"]
    assert merged["operations"]["shop.receive.catalog.book.shelved.v1"]["action"] == "receive"
