"""The pages under /account, as a browser without scripts uses them."""

from __future__ import annotations

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from auth_service.db.models import User
from shared.service import Service
from shared.testing import sent_by
from tests.auth_service.builders import (
    COOKIE,
    EMAIL,
    PASSWORD,
    a_user,
    another,
    counted,
    credentials,
    fill_in,
    form_token,
    newcomer,
    signed_in_browser,
)

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/150.0"


def test_who_registers_is_signed_in(service: Service, client: TestClient) -> None:
    answer = fill_in(client, "/account/register", **newcomer())

    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    page = client.get("/account").text
    assert "Hello, Ada Lovelace" in page
    assert "Welcome, Ada Lovelace" in page
    assert [event.type for event in sent_by(service)] == ["auth.user.registered.v1"]


def test_a_registration_that_will_not_do_says_why_and_keeps_what_was_typed(
    service: Service, client: TestClient
) -> None:
    answer = fill_in(client, "/account/register", **newcomer(password="password1"))

    assert answer.status_code == 422
    assert "easy to guess" in answer.text
    assert EMAIL in answer.text
    assert "password1" not in answer.text
    assert counted(service, User) == 0


def test_an_address_that_is_taken_is_said_at_its_field(
    service: Service, client: TestClient
) -> None:
    a_user(service)

    answer = fill_in(client, "/account/register", **newcomer())

    assert answer.status_code == 409
    assert "already an account" in answer.text
    assert COOKIE not in client.cookies


def test_signing_in_leads_to_where_the_visitor_was_heading(
    service: Service, client: TestClient
) -> None:
    a_user(service)
    turned_away = client.get("/account/password")

    answer = fill_in(client, turned_away.headers["location"], **credentials())

    assert turned_away.status_code == 303
    assert answer.headers["location"] == "/account/password"
    assert client.get("/account/password").status_code == 200


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/%09/evil.example",
        "http:evil.example",
        "/account\r\nset-cookie: x=1",
        "evil.example",
    ],
)
def test_nobody_is_sent_to_another_site(service: Service, client: TestClient, target: str) -> None:
    a_user(service)
    page = client.get("/account/sign-in", params={"next": target})

    answer = client.post(
        "/account/sign-in",
        params={"next": target},
        data={**credentials(), "csrf_token": form_token(page.text)},
    )

    assert answer.status_code == 303
    assert answer.headers["location"] in ("/account", "/%09/evil.example")
    assert "evil" not in answer.headers["location"] or answer.headers["location"][1] == "%"


def test_a_wrong_password_and_an_unknown_address_look_the_same(
    service: Service, client: TestClient
) -> None:
    a_user(service)
    a_user(service, "closed@quintet.example", is_active=False)
    tries = [
        credentials(password="wrong words"),
        credentials("nobody@quintet.example"),
        credentials("closed@quintet.example"),
    ]

    pages = [fill_in(client, "/account/sign-in", **each) for each in tries]

    assert {page.status_code for page in pages} == {401}
    texts = {_without(page.text, each["email"]) for page, each in zip(pages, tries, strict=True)}
    assert len(texts) == 1


@pytest.mark.parametrize(
    "path",
    ["/account/sign-in", "/account/register", "/account/sign-out", "/account/name",
     "/account/password", "/account/leave", "/account/sessions/end-others"],
)  # fmt: skip
def test_no_form_acts_without_its_token(service: Service, client: TestClient, path: str) -> None:
    a_user(service)
    signed_in_browser(client)
    fields = {**newcomer(email="new@quintet.example"), "current": PASSWORD}

    without = client.post(path, data=fields)
    guessed = client.post(path, data={**fields, "csrf_token": "guess"})
    foreign = client.post(
        path,
        data={**fields, "csrf_token": form_token(client.get("/account/name").text)},
        headers={"sec-fetch-site": "cross-site"},
    )

    assert [without.status_code, guessed.status_code, foreign.status_code] == [403] * 3
    assert counted(service, User) == 1
    assert client.get("/account").status_code == 200


def test_signing_out_needs_no_second_click_and_may_be_repeated(
    service: Service, client: TestClient
) -> None:
    a_user(service)
    key = signed_in_browser(client)

    first = fill_in_at(client, "/account", "/account/sign-out")
    second = fill_in_at(client, "/account/sign-in", "/account/sign-out")

    assert (first.status_code, second.status_code) == (303, 303)
    assert client.get("/account").status_code == 303
    assert another(client, key=key).get("/account").status_code == 303
    assert [event.type for event in sent_by(service)] == ["auth.session.revoked.v1"]


def test_the_key_from_before_signing_in_is_worth_nothing_after(
    service: Service, client: TestClient
) -> None:
    a_user(service)
    client.cookies.set(COOKIE, "planted", domain="127.0.0.1", path="/")

    fill_in(client, "/account/sign-in", **credentials())

    assert client.cookies[COOKIE] != "planted"
    assert another(client, key="planted").get("/account").status_code == 303


def test_people_change_their_name(service: Service, client: TestClient) -> None:
    a_user(service)
    signed_in_browser(client)

    answer = fill_in(client, "/account/name", name="<b>Ada</b> L.")
    empty = fill_in(client, "/account/name", name="  ")

    assert (answer.status_code, empty.status_code) == (303, 422)
    assert "Hello, &lt;b&gt;Ada&lt;/b&gt; L." in client.get("/account").text


def test_a_new_password_signs_out_the_other_devices(service: Service, client: TestClient) -> None:
    a_user(service)
    other = another(client)
    signed_in_browser(other)
    signed_in_browser(client)

    wrong = fill_in(client, "/account/password", current="nope", password="two red herons")
    weak = fill_in(client, "/account/password", current=PASSWORD, password="password1")
    right = fill_in(client, "/account/password", current=PASSWORD, password="two red herons")

    assert "not your present password" in wrong.text
    assert "easy to guess" in weak.text
    assert right.status_code == 303
    assert client.get("/account").status_code == 200
    assert other.get("/account").status_code == 303
    fresh = another(client)
    assert fill_in(fresh, "/account/sign-in", **credentials()).status_code == 401
    done = fill_in(fresh, "/account/sign-in", **credentials(password="two red herons"))
    assert done.status_code == 303


def test_people_see_their_devices_and_sign_one_out(service: Service, client: TestClient) -> None:
    a_user(service)
    other = another(client, headers={"user-agent": FIREFOX})
    signed_in_browser(other)
    signed_in_browser(client)

    page = client.get("/account").text
    path = page.split('action="/account/sessions/')[1].split('"')[0]
    answer = client.post(f"/account/sessions/{path}", data={"csrf_token": form_token(page)})

    assert "Firefox on Linux" in page
    assert "This device" in page
    assert answer.status_code == 303
    assert other.get("/account").status_code == 303
    assert client.get("/account").status_code == 200


def test_signing_out_everywhere_else_leaves_this_device(
    service: Service, client: TestClient
) -> None:
    a_user(service)
    others = [another(client) for _ in range(3)]
    for each in [*others, client]:
        signed_in_browser(each)

    fill_in_at(client, "/account", "/account/sessions/end-others")

    assert client.get("/account").status_code == 200
    assert [each.get("/account").status_code for each in others] == [303] * 3


def test_who_leaves_gives_the_password_once_more(service: Service, client: TestClient) -> None:
    a_user(service)
    signed_in_browser(client)

    refused = fill_in(client, "/account/leave", current="nope")
    done = fill_in(client, "/account/leave", current=PASSWORD)

    assert (refused.status_code, done.status_code) == (422, 303)
    assert counted(service, User) == 0
    assert client.get("/account").status_code == 303


def test_the_staff_page_is_for_staff(service: Service, client: TestClient) -> None:
    a_user(service)
    a_user(service, "clerk@quintet.example", is_staff=True)
    guest, clerk = another(client), another(client)
    signed_in_browser(client)
    signed_in_browser(clerk, "clerk@quintet.example")

    assert guest.get("/admin/").headers["location"].startswith("/account/sign-in?next=/admin")
    assert client.get("/admin/").status_code == 403
    for path in ("/admin", "/admin/"):
        page = clerk.get(path)
        assert page.status_code == 200
        for name in ("auth", "catalog", "shop"):
            assert f'href="/admin/{name}/"' in page.text


def test_pages_with_secrets_are_kept_by_nobody_and_framed_nowhere(
    service: Service, client: TestClient
) -> None:
    a_user(service)
    signed_in_browser(client)

    answer = client.get("/account")

    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def fill_in_at(client: TestClient, page: str, path: str) -> Response:
    """Press a button on a page."""
    return client.post(path, data={"csrf_token": form_token(client.get(page).text)})


def _without(text: str, email: str) -> str:
    lines = [line for line in text.replace(email, "").splitlines() if "csrf_token" not in line]
    return "\n".join(lines)
