"""The operators' page of the gateway: who may see it, what it shows, and what its buttons do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from gateway.operating.parts import Refusing
from gateway.operating.shapes import CacheSeen, IdentitySeen, Limited, LimitsSeen
from tests.gateway.conftest import Open, Services
from tests.gateway.stage import RunningGateway, answer, says
from tests.gateway.test_identity import ASK, knows

ME = "/api/auth/v1/users/me"
PAGE, TWIN = "/admin/gateway/", "/admin/gateway.json"
LOOKS, STEERS = "gateway.view_traffic", "gateway.steer_traffic"


def somebody(services: Services, *permissions: str, superuser: bool = False) -> None:
    """Auth knows the session `boss`, and says what whoever has it may do."""
    services.auth.on(ASK, knows("boss"))
    me = {
        "id": "ada",
        "name": "Ada",
        "is_superuser": superuser,
        "permissions": permissions,
        "email": "a@b.c",
    }
    services.auth.on(ME, says(answer(json.dumps(me).encode(), "content-type: application/json")))


class Desk:
    """What the buttons reach; keeps what was asked of it."""

    def __init__(self) -> None:
        self.done: list[tuple[str, ...]] = []

    def drain(self, replica: str) -> None:
        if replica == "last":
            raise Refusing("last is the only replica of shop.")
        self.done.append(("drain", replica))

    def enable(self, replica: str) -> None:
        self.done.append(("enable", replica))

    def purge(self, group: str | None) -> int:
        self.done.append(("purge", group or "*"))
        return 7


@pytest.fixture
def own(open_gateway: Open) -> RunningGateway:
    """A gateway of one's own, with something to steer."""
    gateway = open_gateway()
    gateway.app.operations.parts.steering = Desk()
    return gateway


@pytest.fixture
def visitor(own: RunningGateway) -> Iterator[httpx.Client]:
    headers = {"cookie": "quintet_session=boss", "accept": "text/html,*/*;q=0.8"}
    with httpx.Client(base_url=own.url, trust_env=False, verify=False, headers=headers) as client:
        yield client


def desk(own: RunningGateway) -> Any:
    return own.app.operations.parts.steering


def press(visitor: httpx.Client, action: str, **fields: str) -> httpx.Response:
    """Load the page and press a button of it, as a browser does."""
    page = visitor.get(PAGE)
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    cookie = page.headers["set-cookie"].split(";")[0]
    return visitor.post(
        PAGE + action,
        data={"csrf_token": found[1] if found else "", **fields},
        headers={
            "cookie": f"quintet_session=boss; {cookie}",
            "origin": str(visitor.base_url),
            "sec-fetch-site": "same-origin",
        },
    )


def test_a_stranger_is_sent_to_sign_in(visitor: httpx.Client, services: Services) -> None:
    services.auth.on(ASK, says(answer(b"{}", status="404 Not Found")))

    page = visitor.get(PAGE)

    assert page.status_code == 303
    assert page.headers["location"] == "/account/sign-in?next=/admin/gateway/"
    assert visitor.get(TWIN).status_code == 401


def test_only_the_permission_opens_it(visitor: httpx.Client, services: Services) -> None:
    somebody(services, "catalog.change_price", STEERS)

    page = visitor.get(PAGE)

    assert (page.status_code, visitor.get(TWIN).status_code) == (403, 403)
    assert LOOKS in page.text


@pytest.mark.parametrize("how", [{"superuser": True}, {"permissions": LOOKS}])
def test_operators_see_the_map_the_plots_and_the_routes(
    visitor: httpx.Client, services: Services, how: dict[str, Any]
) -> None:
    somebody(services, *filter(None, [how.get("permissions")]), superuser="superuser" in how)
    visitor.get("/products/mug")

    page = visitor.get(PAGE)

    assert page.status_code == 200
    assert page.headers["cache-control"] == "private, no-store"
    for name in ("clients", "gateway", "auth", "catalog", "shop"):
        assert f">{name}</text>" in page.text
    assert page.text.count("<svg") >= 6
    assert "Routes in force" in page.text
    assert "/api/shop" in page.text


def test_while_auth_is_silent_nobody_gets_in(visitor: httpx.Client, services: Services) -> None:
    services.auth.on(ASK, knows("boss"))
    services.auth.on(ME, says(answer(b"{}", status="503 Away")))

    assert visitor.get(PAGE).status_code == 503
    assert visitor.get(TWIN).status_code == 503


def test_whoever_was_in_goes_on_looking_but_steers_no_more(
    visitor: httpx.Client, services: Services, own: RunningGateway
) -> None:
    somebody(services, LOOKS, STEERS)
    assert visitor.get(PAGE).status_code == 200
    services.auth.on(ME, says(answer(b"{}", status="503 Away")))

    assert visitor.get(PAGE).status_code == 200
    assert press(visitor, "cache/purge").status_code == 503
    assert desk(own).done == []


def test_an_ended_session_is_out_at_once(
    visitor: httpx.Client, services: Services, own: RunningGateway
) -> None:
    somebody(services, LOOKS)
    assert visitor.get(PAGE).status_code == 200
    services.auth.on(ASK, says(answer(b"{}", status="404 Not Found")))

    ended = own.app.identity.revocations.session_ended
    own.app.clock.loop.call_soon_threadsafe(ended, "id-of-boss")

    assert visitor.get(PAGE).status_code == 303


def test_the_twin_tells_programs_the_same(visitor: httpx.Client, services: Services) -> None:
    somebody(services, LOOKS)

    told = visitor.get(TWIN).json()

    assert {each["name"] for each in told["services"]} == {"auth", "catalog", "shop"}
    assert {"/", "/api/shop", "/admin/gateway"} <= {each["prefix"] for each in told["routes"]}
    assert told["cache"]["entries"] == 0
    assert told["process"]["memory"] > 0
    assert told["hears_events"] is None


def test_the_twin_says_no_number_more_exactly_than_anybody_needs(
    visitor: httpx.Client, services: Services, own: RunningGateway
) -> None:
    somebody(services, LOOKS)
    own.app.operations.parts.identity = lambda: IdentitySeen(keys_age=20 / 3)

    assert visitor.get(TWIN).json()["identity"]["keys_age"] == 6.6667


def test_the_page_runs_only_our_scripts_and_shows_names_as_text(
    visitor: httpx.Client, services: Services, own: RunningGateway
) -> None:
    somebody(services, LOOKS)
    evil = '"><script>alert(1)</script>'
    own.app.operations.parts.limits = lambda: LimitsSeen(
        policies=(evil,), now=(Limited(who=evil, policy=evil),)
    )

    page = visitor.get(PAGE, params={"did": evil, "notice": evil})

    assert "<script>" not in page.text
    assert "style=" not in page.text
    assert not re.search(r"\son[a-z]+=", page.text)
    assert "&lt;script&gt;" in page.text
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy


def test_buttons_need_a_permission_of_their_own(
    visitor: httpx.Client, services: Services, own: RunningGateway
) -> None:
    somebody(services, LOOKS)

    page = visitor.get(PAGE)

    assert "csrf_token" not in page.text
    assert "formaction" not in page.text


def test_buttons_drain_enable_and_purge(
    visitor: httpx.Client, services: Services, own: RunningGateway
) -> None:
    somebody(services, LOOKS, STEERS)
    own.app.operations.parts.cache = lambda: CacheSeen(entries=3, bytes=4096)

    for action, fields in (
        ("replicas/drain", {"replica": "http://10.0.0.1:8003"}),
        ("replicas/enable", {"replica": "http://10.0.0.1:8003"}),
        ("cache/purge", {}),
        ("cache/purge-group", {"group": "product-mug"}),
    ):
        done = press(visitor, action, **fields)
        assert (done.status_code, done.headers["location"]) == (303, PAGE)

    assert desk(own).done == [
        ("drain", "http://10.0.0.1:8003"),
        ("enable", "http://10.0.0.1:8003"),
        ("purge", "*"),
        ("purge", "product-mug"),
    ]
    assert "Forgot the group product-mug: 7 cached answers." in visitor.get(PAGE).text
    assert 'role="status"' not in visitor.get(PAGE).text  # said once


def test_enter_in_the_field_of_a_group_forgets_that_group(
    visitor: httpx.Client, services: Services
) -> None:
    """HTML, section 4.10.21.2: Enter presses the first button of the form that the field is in."""
    somebody(services, LOOKS, STEERS)

    page = visitor.get(PAGE).text

    (form,) = [each for each in re.findall(r"<form.*?</form>", page, re.S) if 'id="group"' in each]
    assert 'action="/admin/gateway/cache/purge-group"' in form
    assert 'name="csrf_token"' in form
    (button,) = re.findall(r"<button[^>]*>", form)
    assert "formaction" not in button
    assert "<input" not in re.sub(r"<form.*?</form>", "", page, flags=re.S), "no field of another"


def test_only_what_would_be_done_is_offered(visitor: httpx.Client, services: Services) -> None:
    somebody(services, LOOKS, STEERS)

    page = visitor.get(PAGE).text

    assert "cache/purge" in page
    assert "replicas/drain" not in page, "each service has one replica"


def test_what_cannot_be_done_is_said(visitor: httpx.Client, services: Services) -> None:
    somebody(services, LOOKS, STEERS)

    done = press(visitor, "replicas/drain", replica="last")

    assert done.status_code == 303
    assert "Not done: last is the only replica" in visitor.get(PAGE).text
    assert press(visitor, "everything/destroy").status_code == 404


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {}],
    ids=["origin", "site", "no token"],
)
def test_a_foreign_page_cannot_press_them(
    visitor: httpx.Client, services: Services, own: RunningGateway, headers: dict[str, str]
) -> None:
    somebody(services, LOOKS, STEERS)

    done = visitor.post(f"{PAGE}cache/purge", data={"csrf_token": "x"}, headers=headers)

    assert done.status_code == 403
    assert desk(own).done == []


def test_addresses_around_the_page_are_answered(visitor: httpx.Client) -> None:
    assert visitor.get("/admin/gateway").headers["location"] == PAGE
    assert visitor.get(f"{PAGE}static/gateway.css").status_code == 200
    assert visitor.get(f"{PAGE}static/pages.py").status_code == 404
