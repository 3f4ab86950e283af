"""Fields say what is wrong, where, and what to do about it."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.service import Service
from tests.shared.http.pages import GOOD, a_client, send
from tests.shared.http.shelf import things


@pytest.fixture
def client(shelf: Service) -> TestClient:
    return a_client(shelf)


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("name", "", "Enter the name."),
        ("name", "   ", "Enter the name."),
        ("name", "x" * 21, "Name is too long: at most 20 characters, these are 21."),
        ("price", "", "Enter the price."),
        ("price", "lots", "Price must be an amount in EUR, such as 12.50."),
        ("price", "1.005", "Price must be an amount in EUR, such as 12.50."),
        ("price", "NaN", "Price must be an amount in EUR, such as 12.50."),
        ("price", "1e999999999", "Price must be an amount in EUR, such as 12.50."),
        ("price", "-1", "Price must not be negative."),
        ("number", "two", "Number must be a whole number, such as 3."),
        ("number", "0", "Number must be at least 1."),
        ("number", "10", "Number must be at most 9."),
        ("email", "ada", "E-mail address: it looks like name@example.com."),
        ("room", "cellar", "Room: choose one from the list."),
        ("way", "fly", "Way: choose one of these."),
    ],
)
def test_each_error_names_its_field_and_the_fix(
    client: TestClient, shelf: Service, field: str, typed: str, words: str
) -> None:
    answer = send(client, **{field: typed})

    assert answer.status_code == 200
    assert words in answer.text.replace("&#39;", "'")
    assert f'id="{field}-error"' in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert things(shelf) == {}


@pytest.mark.parametrize("typed", ["12.50", "12,50", "€12.50", " 12.5 ", "0", "1000000"])
def test_amounts_are_read_as_people_write_them(client: TestClient, typed: str) -> None:
    answer = send(client, price=typed)

    assert answer.status_code == 303


def test_text_is_trimmed_and_cannot_hold_control_characters(
    client: TestClient, shelf: Service
) -> None:
    send(client, name="  Mug\x00\x1b  ")

    assert things(shelf) == {"Mug": "Mug"}


def test_what_was_typed_is_still_there_after_an_error_but_never_a_password(
    client: TestClient,
) -> None:
    answer = send(client, name="", email="ada@example.com", price="lots", password="hunter22")

    assert 'value="ada@example.com"' in answer.text
    assert 'value="lots"' in answer.text
    assert "hunter22" not in answer.text


def test_a_refusal_lands_at_its_fields_and_above_the_form(
    client: TestClient, shelf: Service
) -> None:
    dear, late = send(client, name="dear"), send(client, name="late")

    assert "At most 1,000.00." in dear.text
    assert "Nobody pays that." in dear.text
    assert "Somebody was faster." in late.text
    assert things(shelf) == {}


def test_a_file_that_was_not_chosen_is_none(client: TestClient) -> None:
    empty: dict[str, Any] = {"file": ("", b"")}
    page = client.get("/things")

    answer = client.post("/things", data={**GOOD, "csrf_token": _token(page.text)}, files=empty)

    assert answer.status_code == 303


def test_labels_and_help_belong_to_their_inputs(client: TestClient) -> None:
    page = client.get("/things").text

    assert '<label class="field__label" for="name">Name</label>' in page
    assert 'aria-describedby="email-help"' in page
    assert 'autocomplete="email"' in page
    assert "(optional)" in page


def _token(page: str) -> str:
    return page.partition('name="csrf_token" value="')[2].partition('"')[0]
