"""Every write in the admin goes through our hooks, or does not happen."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.http.admin import create_admin
from shared.identity import ANONYMOUS, Principal
from shared.service import Service
from tests.shared.http.admin.desk import (
    ADD,
    BOSS,
    CHANGE,
    REMOVE,
    VIEW,
    a_desk,
    edit_path,
    press,
    send,
    staff,
    token_of,
)
from tests.shared.http.pages import As
from tests.shared.http.shelf import (
    Note,
    Room,
    RoomView,
    Thing,
    ThingView,
    a_thing,
    events,
    things,
)


@pytest.mark.parametrize("caller", [ANONYMOUS, staff(VIEW), staff(CHANGE)])
def test_who_may_not_write_cannot(shelf: Service, caller: Principal) -> None:
    pk = a_thing(shelf, "mug")
    boss, desk = a_desk(shelf), a_desk(shelf, caller)
    desk.cookies["starlette_admin_csrftoken"] = token = token_of(boss)
    sent = {"csrftoken": token, "sku": "x", "name": "x", "price": "1"}

    answers = [
        desk.post("/admin/shelf/thing/create", data=sent),
        desk.post(edit_path(pk), data=sent),
        *(
            desk.post(
                f"/admin/shelf/_api/thing/{kind}?name={name}&pk={pk}&pks={pk}",
                headers={"X-CSRFToken": token},
            )
            for kind, name in (("action", "delete"), ("row-action", "delete"), ("action", "hide"))
        ),
        desk.post(f"/admin/shelf/_api/thing/inline-edit?pk={pk}&field=name", data=sent),
    ]

    assert all(answer.status_code in {303, 400, 401, 403} for answer in answers)
    assert things(shelf) == {"mug": "Mug"}
    assert events(shelf) == 0


def test_a_new_row_is_made_by_our_hook_in_one_transaction(shelf: Service) -> None:
    desk = a_desk(shelf, staff(VIEW, ADD))

    answer = send(desk, "/admin/shelf/thing/create", sku="mug", name="Mug", price="12,50")

    assert answer.status_code == 303
    assert things(shelf) == {"mug": "Mug"}
    assert events(shelf) == 1
    listed = desk.get("/admin/shelf/thing/list").text
    assert "€12.50" in listed
    assert "was added successfully" in listed


def test_a_change_goes_through_our_hook_and_nothing_happens_without_one(shelf: Service) -> None:
    pk = a_thing(shelf, "mug", price=100)
    desk = a_desk(shelf, staff(VIEW, CHANGE))

    same = send(desk, edit_path(pk), sku="mug", name="Mug", price="1.00")
    said_before = events(shelf)
    changed = send(desk, edit_path(pk), sku="mug", name="Cup", price="1.00")

    assert (same.status_code, changed.status_code) == (303, 303)
    assert (said_before, events(shelf)) == (0, 1)
    assert things(shelf) == {"mug": "Cup"}


def test_a_relation_is_set_and_taken_away_again(shelf: Service) -> None:
    pk = a_thing(shelf, "mug")
    with shelf.transactions.begin() as work:
        kitchen = Room(name="Kitchen")
        work.session.add(kitchen)
        work.session.flush()
        room = str(kitchen.id)
    desk = a_desk(shelf)

    send(desk, edit_path(pk), sku="mug", name="Mug", price="1", room=room)
    with_room = desk.get("/admin/shelf/thing/list").text
    emptied = send(desk, edit_path(pk), sku="mug", name="Mug", price="1", room="")

    assert "Kitchen" in with_room
    assert emptied.status_code == 303
    assert "Kitchen" not in desk.get("/admin/shelf/thing/list").text


def test_a_refusal_is_shown_at_its_field_and_nothing_is_kept(shelf: Service) -> None:
    pk = a_thing(shelf, "mug", price=100)
    desk = a_desk(shelf)

    answer = send(desk, edit_path(pk), sku="mug", name="Gold", price="2000.50")

    assert answer.status_code == 422
    assert "At most 1,000.00." in answer.text
    assert 'value="2000.50"' in answer.text
    assert things(shelf) == {"mug": "Mug"}
    assert events(shelf) == 0


def test_a_number_that_is_taken_is_an_error_at_its_field(shelf: Service) -> None:
    a_thing(shelf, "mug")
    desk = a_desk(shelf)

    answer = send(desk, "/admin/shelf/thing/create", sku="mug", name="Cup", price="1")

    assert answer.status_code == 422
    assert "This is already taken." in answer.text
    assert (things(shelf), events(shelf)) == ({"mug": "Mug"}, 0)


@pytest.mark.parametrize("typed", ["", "much", "1.005", "1e999999999"])
def test_an_amount_that_cannot_be_read_is_refused(shelf: Service, typed: str) -> None:
    desk = a_desk(shelf)

    answer = send(desk, "/admin/shelf/thing/create", sku="mug", name="Mug", price=typed)

    assert answer.status_code == 422
    assert things(shelf) == {}


def test_a_removal_is_refused_in_words_and_done_otherwise(shelf: Service) -> None:
    teddy, mug = a_thing(shelf, "teddy", "Teddy"), a_thing(shelf, "mug")
    desk = a_desk(shelf, staff(VIEW, REMOVE))

    refused = press(desk, "row-action", "delete", teddy)
    together = desk.post(
        f"/admin/shelf/_api/thing/action?name=delete&pks={mug}&pks={teddy}",
        headers={"X-CSRFToken": token_of(desk)},
    )
    before = things(shelf)
    done = press(desk, "row-action", "delete", mug)

    assert (refused.status_code, refused.json()) == (400, {"msg": "Somebody still loves Teddy."})
    assert together.status_code == 400
    assert set(before) == {"mug", "teddy"}
    assert done.status_code == 200
    assert set(things(shelf)) == {"teddy"}


def test_what_others_refer_to_stays(shelf: Service) -> None:
    pk = a_thing(shelf, "mug")
    with shelf.transactions.begin() as work:
        work.session.add(Note(thing_id=pk, name="Nice."))
    desk = a_desk(shelf)

    answer = press(desk, "row-action", "delete", pk)

    assert answer.status_code == 400
    assert "something else refers to it" in answer.json()["msg"]


def test_buttons_run_in_one_transaction_and_say_what_they_did(shelf: Service) -> None:
    pk = a_thing(shelf, "mug")
    desk = a_desk(shelf, staff(VIEW, CHANGE))

    hidden = press(desk, "action", "hide", pk)
    said = desk.get("/admin/shelf/thing/list").text
    renamed = press(desk, "row-action", "rename", pk, to="Cup")
    unnamed = press(desk, "row-action", "rename", pk, to=" ")

    assert (hidden.status_code, renamed.status_code) == (200, 200)
    assert "1 hidden by Cleo." in said
    assert events(shelf) == 1
    assert things(shelf) == {"mug": "Cup"}
    assert unnamed.json() == {"msg": "A thing needs a name."}


def test_what_has_no_permission_declared_nobody_can_do(shelf: Service) -> None:
    desk = a_desk(shelf, BOSS)

    listed = desk.get("/admin/shelf/room/list")
    created = send(desk, "/admin/shelf/room/create", name="Attic")

    assert listed.status_code == 200
    assert "/admin/shelf/room/create" not in listed.text
    assert created.status_code == 403


def test_a_bug_in_a_hook_is_a_page_and_undoes_everything(shelf: Service) -> None:
    class Broken(ThingView):
        def add(self, work: Any, values: Any, by: Any) -> Any:
            super().add(work, values, by)
            raise RuntimeError("the secret inside")

    admin = create_admin(shelf, [Broken(Thing), RoomView(Room)])
    desk = TestClient(As(admin, BOSS), raise_server_exceptions=False)

    answer = send(desk, "/admin/shelf/thing/create", sku="mug", name="Mug", price="1")

    assert answer.status_code == 500
    assert "It is our mistake." in answer.text
    assert "the secret inside" not in answer.text
    assert things(shelf) == {}
