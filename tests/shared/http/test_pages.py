"""What every page promises, and how it says no."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import UUID

import pytest

from shared.identity import Principal
from shared.service import Service
from tests.shared.http.pages import ADA, SECRET, a_client, send, token_in
from tests.shared.http.shelf import a_shelf


def test_no_page_reaches_for_another_host_or_carries_inline_styles(shelf: Service) -> None:
    client = a_client(shelf, ADA)

    pages = [client.get(path).text for path in ("/things", "/gone", "/broken", "/nowhere")]

    ours = shelf.settings.public_url
    for page in pages:
        assert set(re.findall(r"https?://[^\"'\s<]+?(?=[/\"'])", page)) <= {ours}
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=", page.partition("<pre>")[0])


def test_what_people_type_is_shown_as_text(shelf: Service) -> None:
    client = a_client(shelf, ADA)
    nasty = '"><script>alert(1)</script>'

    refused = send(client, name=nasty)
    send(client, name="<b>hi</b>")
    page = client.get("/things")

    assert "<script>alert" not in refused.text
    assert "&#34;&gt;&lt;script&gt;" in refused.text
    assert "Saved &lt;b&gt;hi&lt;/b&gt;" in page.text
    assert "Ada &lt;b&gt;" in page.text


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/gone", 404, "There is no &lt;i&gt;such&lt;/i&gt; thing."),
        ("/nowhere", 404, "This page is not here"),
        ("/busy", 429, "Slow down."),
        ("/staff", 403, "shelf.view_things"),
        ("/broken", 500, "It is our mistake"),
    ],
)
def test_each_no_has_its_page_and_its_status(
    shelf: Service, path: str, status: int, words: str
) -> None:
    client = a_client(shelf, ADA)

    answer = client.get(path)

    assert answer.status_code == status
    assert words in answer.text
    assert "<title>" in answer.text


def test_a_wrong_method_says_which_are_right(shelf: Service) -> None:
    client = a_client(shelf)
    token = token_in(client.get("/things"))

    answer = client.post("/gone", data={"csrf_token": token})

    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]


def test_who_is_too_fast_learns_how_long_to_wait(shelf: Service) -> None:
    client = a_client(shelf)

    answer = client.get("/busy")

    assert answer.headers["retry-after"] == "7"


def test_a_bug_shows_its_insides_on_a_laptop_only(shelf: Service, tmp_path: Path) -> None:
    deployed = a_shelf(tmp_path / "deployed", secret_key=SECRET, debug=False)

    here, there = a_client(shelf).get("/broken"), a_client(deployed).get("/broken")

    assert "the secret inside" in here.text
    assert "the secret inside" not in there.text
    assert "tell us this number" in there.text
    deployed.close()


def test_a_guest_is_sent_to_sign_in_and_back(shelf: Service) -> None:
    guest, ada = a_client(shelf), a_client(shelf, ADA)

    sent, shown = guest.get("/mine?page=2&x=a b"), ada.get("/mine")

    assert sent.status_code == 303
    assert sent.headers["location"] == "/account/sign-in?next=/mine%3Fpage%3D2%26x%3Da%2520b"
    assert shown.text == "These are ada@example.com's."


def test_permissions_open_doors(shelf: Service) -> None:
    clerk = Principal(UUID(int=8), permissions=frozenset({"shelf.view_things"}))

    answers = [a_client(shelf, who).get("/staff").status_code for who in (None, ADA, clerk)]

    assert answers == [303, 403, 200]


def test_static_files_are_kept_for_ever_under_the_address_of_their_content(
    shelf: Service,
) -> None:
    client = a_client(shelf)
    address = re.search(r'href="(/static/shared/quintet.css\?v=\w+)"', client.get("/things").text)
    assert address is not None

    file = client.get(address[1])
    plain = client.get("/static/shelf/shelf.css")
    again = client.get("/static/shelf/shelf.css", headers={"If-None-Match": plain.headers["etag"]})

    assert file.headers["content-type"].startswith("text/css")
    assert "immutable" in file.headers["cache-control"]
    assert plain.headers["cache-control"] == "public, no-cache"
    assert again.status_code == 304


@pytest.mark.parametrize(
    "path",
    [
        "/static/shared/../csrf.py",
        "/static/shelf/..%2f..%2fconftest.py",
        "/static/auth/x",
        "/static/shared/",
    ],
)
def test_nothing_beside_the_static_folders_is_served(shelf: Service, path: str) -> None:
    client = a_client(shelf)

    answer = client.get(path)

    assert answer.status_code == 404


def test_browsers_find_an_icon_and_the_admin_its_slash(shelf: Service) -> None:
    client = a_client(shelf)

    icon, admin = client.get("/favicon.ico"), client.get("/admin/shelf")

    assert icon.headers["content-type"].startswith("image/svg+xml")
    assert admin.headers["location"] == "/admin/shelf/"
