"""Who may see which stored answer: RFC 9111, section 3.5, and our own sessions."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from gateway.proxy.caching.cache import SharedCache
from tests.gateway.caching.conftest import Origin, status_of_cache
from tests.gateway.conftest import Services
from tests.gateway.signing import Auth, bearer
from tests.gateway.test_identity import ASK, knows

MEMBER = {"cookie": "quintet_session=good; other=1"}


@pytest.fixture
def members(services: Services) -> None:
    """Auth knows a session, and publishes its keys."""
    services.auth.on(ASK, knows("good"))
    Auth(services.auth)


@pytest.mark.parametrize(
    ("cache_control", "shared"),
    [
        ("max-age=60", False),
        ("max-age=60, public", True),
        ("max-age=60, must-revalidate", True),
        ("s-maxage=60", True),
        ("max-age=60, private", False),
    ],
)
@pytest.mark.parametrize("credential", ["session", "bearer", "basic"])
def test_an_answer_to_a_credential_is_shared_only_if_that_is_said(
    visitor: httpx.Client, origin: Origin, members: None, cache_control: str, shared: bool,
    credential: str,
) -> None:  # fmt: skip
    origin.says(cache_control)
    who = {"session": MEMBER, "bearer": bearer(), "basic": {"authorization": "Basic YTpi"}}
    visitor.get("/a", headers=who[credential])

    visitor.get("/a")

    assert origin.seen[0].one("authorization")
    assert len(origin.seen) == (1 if shared else 2)


@pytest.mark.parametrize(
    ("cache_control", "shared"), [("max-age=60", False), ("public, max-age=60", True)]
)
def test_a_guests_answer_is_given_to_members_only_if_it_is_for_everybody(
    visitor: httpx.Client, origin: Origin, members: None, cache_control: str, shared: bool
) -> None:
    """A service that forgot `Vary` must not show a member what guests see."""
    origin.says(cache_control)
    visitor.get("/a")

    answer = visitor.get("/a", headers=MEMBER)

    assert len(origin.seen) == (1 if shared else 2)
    assert answer.status_code == 200


def test_members_and_guests_have_their_own_answers_where_the_service_says_so(
    visitor: httpx.Client, origin: Origin, members: None
) -> None:
    origin.says("max-age=60", vary="authorization", body="for guests")
    origin.says("private", body="for one member")

    texts = [visitor.get("/a", headers=who).text for who in ({}, MEMBER, {}, MEMBER)]

    assert texts == ["for guests", "for one member"] * 2
    assert len(origin.seen) == 3


def test_the_session_cookie_is_no_part_of_what_an_answer_varies_by(
    visitor: httpx.Client, origin: Origin, members: None
) -> None:
    """It never reaches the service."""
    origin.says("public, max-age=60", vary="cookie")
    visitor.get("/a", headers={"cookie": "other=1"})

    visitor.get("/a", headers=MEMBER)

    assert len(origin.seen) == 1


@pytest.mark.parametrize("claim", [{"permissions": ["catalog.view_product"]}, {"superuser": True}])
def test_staff_are_answered_by_the_service_and_leave_nothing_behind(
    visitor: httpx.Client, origin: Origin, members: None, cache: SharedCache,
    claim: dict[str, Any],
) -> None:  # fmt: skip
    origin.says("public, max-age=60")
    visitor.get("/a")

    staff = [visitor.get("/a", headers=bearer(**claim)) for _ in range(2)]

    assert len(origin.seen) == 3
    assert {status_of_cache(each) for each in staff} == {"quintet; fwd=bypass"}
    assert visitor.get("/a").text == "answer 0"


def test_no_cookie_is_ever_given_to_another(visitor: httpx.Client, origin: Origin) -> None:
    origin.says("public, max-age=60", set_cookie="basket=1")

    visitor.get("/a")
    visitor.get("/a")

    assert len(origin.seen) == 2


@pytest.mark.parametrize(
    "name", ["proxy-authenticate", "proxy-authentication-info", "keep-alive", "x-named"]
)
def test_fields_of_one_connection_are_not_stored(
    visitor: httpx.Client, origin: Origin, name: str
) -> None:
    """Section 3.1."""
    origin.says("max-age=60", status=200, **{name: "x", "connection": "x-named"})
    visitor.get("/a")

    assert name not in visitor.get("/a").headers
    assert len(origin.seen) == 1
