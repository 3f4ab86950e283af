"""Who may send forms, what browsers are told, where people are sent."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared.http.pages import safe_next
from shared.service import Service
from tests.shared.http.pages import GOOD, SECRET, a_client, send, token_in
from tests.shared.http.shelf import a_shelf, events, things


def test_a_form_of_our_own_is_accepted_and_answered_with_a_message(shelf: Service) -> None:
    client = a_client(shelf)

    answer = send(client)

    assert (answer.status_code, answer.headers["location"]) == (303, "/things")
    assert things(shelf) == {"Mug": "Mug"}
    assert events(shelf) == 1
    assert "Saved Mug" in client.get("/things").text
    assert "Saved Mug" not in client.get("/things").text


@pytest.mark.parametrize("token", ["", "forged", "A" * 86])
def test_a_form_without_our_token_changes_nothing_and_says_what_to_do(
    shelf: Service, token: str
) -> None:
    client = a_client(shelf)
    client.get("/things")

    answer = client.post("/things", data={**GOOD, "csrf_token": token})

    assert answer.status_code == 403
    assert "reload the page" in answer.text
    assert things(shelf) == {}


def test_a_token_without_its_cookie_is_refused(shelf: Service) -> None:
    client = a_client(shelf)
    token = token_in(client.get("/things"))
    client.cookies.clear()

    answer = client.post("/things", data={**GOOD, "csrf_token": token})

    assert answer.status_code == 403
    assert things(shelf) == {}


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_site_is_refused_even_with_a_good_token(
    shelf: Service, headers: dict[str, str]
) -> None:
    client = a_client(shelf)
    token = token_in(client.get("/things"))

    answer = client.post("/things", data={**GOOD, "csrf_token": token}, headers=headers)

    assert answer.status_code == 403
    assert things(shelf) == {}


def test_scripts_may_send_the_token_as_a_header(shelf: Service) -> None:
    client = a_client(shelf)
    token = token_in(client.get("/things"))

    answer = client.post("/things", data=GOOD, headers={"X-CSRF-Token": token})

    assert answer.status_code == 303


def test_cookies_are_guarded(shelf: Service) -> None:
    client = a_client(shelf)

    cookie = client.get("/things").headers["set-cookie"]

    assert cookie.startswith("quintet_csrf=")
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))


def test_on_https_cookies_are_secure_and_the_browser_must_stay_there(tmp_path: Path) -> None:
    shelf = a_shelf(tmp_path, public_url="https://shop.example", secret_key=SECRET, debug=False)
    client = a_client(shelf)

    page = client.get("/things")
    saved = send(client)

    assert page.headers["set-cookie"].startswith("__Host-quintet_csrf=")
    assert "Secure" in page.headers["set-cookie"]
    assert "max-age=31536000" in page.headers["strict-transport-security"]
    assert saved.status_code == 303
    assert saved.headers["set-cookie"].startswith("__Host-quintet_shelf=")
    assert "Secure; HttpOnly" in saved.headers["set-cookie"]
    shelf.close()


def test_pages_tell_browsers_to_run_nothing_that_is_not_ours(shelf: Service) -> None:
    client = a_client(shelf)

    first, second = client.get("/things"), client.get("/things")

    policy = first.headers["content-security-policy"]
    nonce = re.search(r"'nonce-([^']+)'", policy)
    assert nonce is not None
    assert f'<script nonce="{nonce[1]}">' in first.text
    assert nonce[1] not in second.headers["content-security-policy"]
    assert "unsafe" not in policy
    for directive in ("default-src 'self'", "frame-ancestors 'none'", "form-action 'self'"):
        assert directive in policy
    assert first.headers["x-content-type-options"] == "nosniff"
    assert first.headers["cache-control"] == "private, no-cache"
    assert "strict-transport-security" not in first.headers


def test_one_answer_may_widen_the_policy_for_itself(shelf: Service) -> None:
    client = a_client(shelf)

    widened, usual = client.get("/consent"), client.get("/things")

    assert (
        "form-action 'self' https://client.example;" in widened.headers["content-security-policy"]
    )
    assert "client.example" not in usual.headers["content-security-policy"]


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        "https://evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        " /evil",
        "/ /evil.example",
        "javascript:alert(1)",
        "evil.example/path",
        "/a//evil.example",
        "/\x00",
    ],
)
def test_nobody_is_sent_to_another_site(target: str | None) -> None:
    default = "/account"

    found = safe_next(target, default)

    assert found == default


@pytest.mark.parametrize("target", ["/", "/orders/1", "/search?q=a%20b&u=http://x", "/a#b"])
def test_paths_of_our_own_are_followed(target: str) -> None:
    default = "/account"

    found = safe_next(target, default)

    assert found == target


def test_next_leads_back_after_a_form(shelf: Service) -> None:
    client = a_client(shelf)

    good = send(client, "/things?next=/mine")
    evil = send(client, "/things?next=//evil.example", name="Bowl")

    assert good.headers["location"] == "/mine"
    assert evil.headers["location"] == "/things"
