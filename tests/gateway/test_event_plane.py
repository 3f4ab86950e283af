"""The operators' page of events: it shows what services tell whoever asks, and nothing more."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.gateway.conftest import Services
from tests.gateway.signing import Auth, bearer
from tests.gateway.stage import answer, says
from tests.gateway.test_identity import ASK, knows

NOW = datetime.now(UTC)
OVERVIEW = "/api/{}/v1/bus/overview"
SIGNED_IN = {"cookie": "quintet_session=boss"}
PLACED, HELD_ = "shop.order.placed.v1", "catalog.stock.held.v1"
SAYS = {"auth": [], "catalog": [HELD_], "shop": [PLACED]}
HEARS = {"auth": [], "catalog": [PLACED], "shop": [HELD_]}


def an_overview(name: str, **more: Any) -> dict[str, Any]:
    none = {"count": 0, "since": None}
    piles = dict.fromkeys(("waiting", "replaying", "stuck", "parked", "dead"), none)
    queue = {"messages": 0, "unacked": 0, "consumers": 1, "dead": 0, "problem": ""}
    return {
        "service": name, "at": NOW.isoformat(), **piles, "queue": queue, "says": SAYS[name],
        "hears": HEARS[name], "last_said": NOW.isoformat(), "last_heard": None, "attention": [],
        **more,
    }  # fmt: skip


def a_path(name: str, correlation: str = "corr-1", **more: Any) -> dict[str, Any]:
    return {
        "service": name, "correlations": [correlation], "said": [], "heard": [], "held": [], **more
    }  # fmt: skip


def said(type_: str, **more: Any) -> dict[str, Any]:
    return {
        "seq": 4, "id": f"id-{type_}", "type": type_, "aggregate": "/shop/1", "version": 1,
        "correlation": "corr-1", "said_at": (NOW - timedelta(seconds=60)).isoformat(),
        "sent_at": (NOW - timedelta(seconds=59)).isoformat(), "stuck_at": None, "attempts": 0,
        "round": 0, "error": "", **more,
    }  # fmt: skip


def tells(services: Services, path: str, **told: Mapping[str, Any] | int) -> None:
    """Each named service answers `path` with this document, or only with this status."""
    for name, what in told.items():
        raw = answer(json.dumps(what).encode()) if isinstance(what, Mapping) else answer(
            b"{}", status=f"{what} Whatever"
        )  # fmt: skip
        getattr(services, name).on(path.format(name), says(raw))


@pytest.fixture
def operator(client: httpx.Client, services: Services) -> httpx.Client:
    """Somebody whose session auth knows."""
    services.auth.on(ASK, knows("boss"))
    client.headers.update(SIGNED_IN)
    return client


def test_the_page_asks_each_service_in_the_name_of_whoever_looks(
    operator: httpx.Client, services: Services
) -> None:
    tells(services, OVERVIEW, **{name: an_overview(name) for name in SAYS})

    page = operator.get("/admin/events/")

    assert page.status_code == 200
    assert "All is well" in page.text
    assert "shop tells catalog 1 type" in page.text
    for each in (services.auth, services.catalog, services.shop):
        (asked,) = [seen for seen in each.seen if seen.target.endswith("/overview")]
        assert asked.one("authorization").startswith("Bearer ")
        assert asked.all("cookie") == []


def test_a_token_of_ones_own_does_as_well(client: httpx.Client, services: Services) -> None:
    tells(services, OVERVIEW, **{name: an_overview(name) for name in SAYS})

    Auth(services.auth)
    mine = bearer()

    page = client.get("/admin/events/", headers=mine)

    assert page.status_code == 200
    assert services.shop.seen[-1].one("authorization") == mine["authorization"]


def test_a_stranger_is_sent_to_sign_in_and_no_service_is_asked(
    client: httpx.Client, services: Services
) -> None:
    page = client.get("/admin/events/path?of=Q7F3-K2MD-9")

    assert page.status_code == 303
    back = "/account/sign-in?next=/admin/events/path%3Fof%3DQ7F3-K2MD-9"
    assert page.headers["location"] == back
    assert services.shop.seen == []


def test_who_may_see_nothing_is_told_so(operator: httpx.Client, services: Services) -> None:
    tells(services, OVERVIEW, auth=403, catalog=403, shop=403)

    page = operator.get("/admin/events/")

    assert page.status_code == 403
    assert "view_bus" in page.text


def test_a_service_that_is_away_or_refuses_leaves_a_gap_and_no_more(
    operator: httpx.Client, services: Services
) -> None:
    tells(services, OVERVIEW, auth=403, catalog=500, shop=an_overview("shop"))

    page = operator.get("/admin/events/")

    assert page.status_code == 200
    assert "<strong>catalog</strong> does not answer" in page.text
    assert "needs the permission auth.view_bus" in page.text


def test_an_answer_that_makes_no_sense_counts_as_none(
    operator: httpx.Client, services: Services
) -> None:
    tells(services, OVERVIEW, auth={"hello": 1}, catalog=an_overview("catalog"), shop=404)

    page = operator.get("/admin/events/")

    assert page.status_code == 200
    assert page.text.count("does not answer") == 2


def test_nobody_at_home_is_a_page_too(operator: httpx.Client, services: Services) -> None:
    tells(services, OVERVIEW, auth=500, catalog=502, shop=503)

    assert operator.get("/admin/events/").status_code == 503


def test_trouble_is_named_with_what_to_do_and_leads_to_the_owning_admin(
    operator: httpx.Client, services: Services
) -> None:
    trouble = {"what": "2 dead letters", "do": "python -m shop_service bus dead list"}
    dead = {"count": 2, "since": (NOW - timedelta(hours=3)).isoformat()}
    tells(services, OVERVIEW, **{name: an_overview(name) for name in SAYS})
    tells(services, OVERVIEW, shop=an_overview("shop", dead=dead, attention=[trouble]))

    page = operator.get("/admin/events/").text

    assert "python -m shop_service bus dead list" in page
    assert 'href="/admin/shop/dead/list"' in page
    assert "oldest 3 h" in page
    assert "All is well" not in page


def test_what_services_tell_is_text_and_the_page_runs_only_our_script(
    operator: httpx.Client, services: Services
) -> None:
    evil = '<img src=x onerror="alert(1)"><script>alert(2)</script>'
    trouble = {"what": evil, "do": evil}
    tells(services, OVERVIEW, **{name: an_overview(name) for name in SAYS})
    tells(services, OVERVIEW, shop=an_overview("shop", attention=[trouble], says=[evil]))
    held = {
        "seq": 1, "id": "x", "type": evil, "aggregate": evil, "version": 1, "attempts": 3,
        "correlation": "corr-1", "error": evil, "parked_at": NOW.isoformat(), "failed_at": None,
        "next_try_at": NOW.isoformat(), "dead_at": NOW.isoformat(), "settled_at": None,
        "settled_by": "", "settled_how": "",
    }  # fmt: skip
    tells(services, "/api/{}/v1/bus/path/corr-1", **{name: a_path(name) for name in SAYS})
    tells(services, "/api/{}/v1/bus/path/corr-1", catalog=a_path("catalog", held=[held]))

    for page in (operator.get("/admin/events/"), operator.get("/admin/events/path?of=corr-1")):
        assert page.status_code == 200
        assert "<img" not in page.text
        assert "<script>" not in page.text
        assert "style=" not in page.text
        policy = page.headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy


def test_an_order_number_becomes_the_path_of_its_correlation(
    operator: httpx.Client, services: Services
) -> None:
    tells(services, OVERVIEW, **{name: an_overview(name) for name in SAYS})
    number = "/api/{}/v1/bus/path/Q7F3-K2MD-9"
    tells(services, number, **{name: a_path(name, "Q7F3-K2MD-9") for name in SAYS})
    tells(services, number, shop=a_path("shop"))
    told = "/api/{}/v1/bus/path/corr-1"
    later = said(HELD_, said_at=(NOW - timedelta(seconds=58)).isoformat())
    heard = {
        "id": f"id-{PLACED}", "type": PLACED, "aggregate": "/shop/1", "version": 1,
        "heard_at": (NOW - timedelta(seconds=58)).isoformat(),
    }  # fmt: skip
    tells(services, told, auth=a_path("auth"))
    tells(services, told, shop=a_path("shop", said=[said(PLACED)]))
    tells(services, told, catalog=a_path("catalog", heard=[heard], said=[later]))

    page = operator.get("/admin/events/path", params={"of": "Q7F3-K2MD-9"}).text

    assert "<code>corr-1</code>" in page
    assert page.index(f"<h2>{PLACED}") < page.index(f"<h2>{HELD_}")
    assert "sent +1.00 s" in page
    assert "heard it" in page
    assert "has not heard it" in page  # the shop listens to stock.held, and told nothing of it


def test_a_path_is_shown_in_part_while_a_service_is_away(
    operator: httpx.Client, services: Services
) -> None:
    told = "/api/{}/v1/bus/path/corr-1"
    tells(services, OVERVIEW, auth=500, catalog=500, shop=an_overview("shop"))
    tells(services, told, auth=403, catalog=500, shop=a_path("shop", said=[said(PLACED)]))

    page = operator.get("/admin/events/path?of=corr-1")

    assert page.status_code == 200
    assert "<strong>catalog</strong> does not answer" in page.text
    assert PLACED in page.text


@pytest.mark.parametrize("word", ["../../x", "a/b?c=d#e", "%00", "ünï", "x" * 5000])
def test_whatever_is_typed_stays_inside_its_address(
    operator: httpx.Client, services: Services, word: str
) -> None:
    page = operator.get("/admin/events/path", params={"of": word})

    asked = [seen.target for seen in services.shop.seen if "/bus/" in seen.target]
    assert page.status_code in (200, 414, 503)
    assert all(target.count("/") == 6 and "?" not in target for target in asked)


def test_the_address_without_a_slash_and_unknown_files_are_answered(client: httpx.Client) -> None:
    assert client.get("/admin/events").headers["location"] == "/admin/events/"
    assert client.get("/admin/events/static/events.css").status_code == 200
    assert client.get("/admin/events/static/pages.py").status_code == 404
    assert client.post("/admin/events/").status_code == 405
