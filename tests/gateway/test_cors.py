"""Sharing with other origins, by route: the Fetch standard, section 3.2."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from gateway.proxy.routing.file import PACKAGED
from tests.gateway.conftest import Open, Services
from tests.gateway.stage import answer, says
from tests.gateway.test_identity import ASK, knows

PARTNER = "https://partner.example"
STRANGER = "https://stranger.example"
SHARED = f"""
[[routes]]
name = "shared"
prefix = "/api/shared"
service = "shop"
cors = "partners"

[[routes]]
name = "open"
prefix = "/api/open"
service = "shop"
cors = "everybody"

[[routes]]
name = "kept"
prefix = "/api/kept"
service = "shop"
cors = "partners"
cache = true

[cors.partners]
origins = ["{PARTNER}"]
methods = ["GET", "PUT"]
headers = ["content-type", "x-cart-token"]
exposed = ["etag"]
credentials = true
max_age = 60

[cors.everybody]
origins = ["*"]
"""


@pytest.fixture
def site(open_gateway: Open, services: Services, tmp_path: Path) -> str:
    """A gateway that shares parts of the API; returns where it is."""
    file = tmp_path / "routes.toml"
    file.write_text(PACKAGED.read_text() + SHARED)
    services.auth.on(ASK, knows("abc"))
    theirs = ("access-control-allow-origin: *", "access-control-allow-credentials: true")
    for path in ("/api/shared", "/api/open"):
        services.shop.on(path, says(answer(b"{}", *theirs, "vary: Accept")))
    return open_gateway(routes_file=str(file)).url


def ask(method: str, url: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.request(method, url, headers=named, trust_env=False, verify=False)


def preflight(url: str, origin: str, method: str = "PUT") -> httpx.Response:
    return ask("OPTIONS", url, origin=origin, access_control_request_method=method)


def about_sharing(response: httpx.Response) -> dict[str, list[str]]:
    said = response.headers
    return {name: said.get_list(name) for name in said if name.startswith("access-control-")}


def test_a_partner_may_read_and_the_policy_speaks_once(site: str) -> None:
    response = ask("GET", f"{site}/api/shared", origin=PARTNER)

    assert about_sharing(response) == {
        "access-control-allow-origin": [PARTNER],
        "access-control-allow-credentials": ["true"],
        "access-control-expose-headers": ["etag"],
    }
    assert response.headers.get_list("vary") == ["Accept", "Origin"]


@pytest.mark.parametrize(
    "origin", [STRANGER, "null", PARTNER + ".evil", PARTNER.upper(), "http://partner.example"]
)
def test_a_stranger_learns_only_that_the_answer_depends_on_it(site: str, origin: str) -> None:
    response = ask("GET", f"{site}/api/shared", origin=origin)

    assert about_sharing(response) == {}
    assert "Origin" in response.headers.get_list("vary")


def test_an_answer_without_an_origin_varies_too(site: str) -> None:
    """Or a cache would give it to a partner without the words that make it readable."""
    response = ask("GET", f"{site}/api/shared")

    assert about_sharing(response) == {}
    assert "Origin" in response.headers.get_list("vary")


def test_what_everybody_may_read_comes_without_credentials(site: str) -> None:
    response = ask("GET", f"{site}/api/open", origin=STRANGER)

    assert about_sharing(response) == {"access-control-allow-origin": ["*"]}


def test_a_route_without_a_policy_shares_nothing(site: str) -> None:
    response = ask("GET", f"{site}/api/catalog/v1/products", origin=PARTNER)

    assert about_sharing(response) == {}


def test_a_preflight_is_answered_at_the_door(site: str, services: Services) -> None:
    response = preflight(f"{site}/api/shared", PARTNER)

    assert response.status_code == 204
    assert response.content == b""
    assert about_sharing(response) == {
        "access-control-allow-origin": [PARTNER],
        "access-control-allow-credentials": ["true"],
        "access-control-expose-headers": ["etag"],
        "access-control-allow-methods": ["GET, PUT"],
        "access-control-allow-headers": ["content-type, x-cart-token"],
        "access-control-max-age": ["60"],
    }
    assert "Origin, Access-Control-Request-Method" in response.headers["vary"]
    assert services.shop.seen == services.auth.seen == []


@pytest.mark.parametrize("origin", [STRANGER, "null"])
def test_the_preflight_of_a_stranger_is_refused_at_the_door(
    site: str, services: Services, origin: str
) -> None:
    response = preflight(f"{site}/api/shared", origin)

    assert response.status_code == 403
    assert about_sharing(response) == {}
    assert response.json()["type"].endswith("cross-origin")
    assert services.shop.seen == services.auth.seen == []


def test_refusals_are_readable_for_partners(site: str, services: Services) -> None:
    services.shop.on("/api/shared", says(b"no HTTP"))

    response = ask("GET", f"{site}/api/shared", origin=PARTNER)

    assert response.status_code == 502
    assert response.headers["access-control-allow-origin"] == PARTNER


def test_options_that_ask_no_browsers_question_go_to_the_service(
    site: str, services: Services
) -> None:
    response = ask("OPTIONS", f"{site}/api/shared", origin=PARTNER)

    assert response.status_code == 200
    assert [each.method for each in services.shop.seen] == ["OPTIONS"]


@pytest.mark.parametrize(
    ("path", "origin", "status"),
    [
        ("/api/shared", PARTNER, 200),
        ("/api/shared", STRANGER, 403),
        ("/api/shared", "null", 403),
        ("/api/open", PARTNER, 403),
        ("/cart", PARTNER, 403),
    ],
)
def test_a_change_with_our_cookies_may_come_from_a_trusted_partner_only(
    site: str, path: str, origin: str, status: int
) -> None:
    cookie = "quintet_session=abc"

    response = ask("PUT", site + path, origin=origin, cookie=cookie, sec_fetch_site="cross-site")

    assert response.status_code == status


@pytest.mark.parametrize("size", [2, 200_000])
def test_an_answer_kept_for_all_says_to_each_origin_what_it_may_read(
    site: str, services: Services, size: int
) -> None:
    kept = answer(
        b"x" * size, "cache-control: public, max-age=60", "access-control-allow-origin: *"
    )
    services.shop.on("/api/kept", says(kept))

    said = [
        about_sharing(ask("GET", f"{site}/api/kept", origin=origin)).get(
            "access-control-allow-origin"
        )
        for origin in (PARTNER, STRANGER, PARTNER)
    ]

    assert said == [[PARTNER], None, [PARTNER]]
    assert len(services.shop.seen) == 1


def test_a_bad_policy_is_refused_with_its_line(open_gateway: Open, tmp_path: Path) -> None:
    file = tmp_path / "routes.toml"
    wrong = '\n[cors.wrong]\norigins = ["*"]\ncredentials = true\n'
    file.write_text(PACKAGED.read_text() + wrong)

    with pytest.raises(Exception, match="exclude each other"):
        open_gateway(routes_file=str(file))
