"""A browser at the admin, and what one does there."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from httpx2 import Response
from starlette.routing import Mount, Router
from starlette.testclient import TestClient

from shared.http.admin import create_admin
from shared.http.lazy import LazyAdmin
from shared.identity import Principal
from shared.service import Service
from tests.shared.http.pages import As
from tests.shared.http.shelf import (
    Room,
    RoomView,
    Thing,
    ThingView,
)

VIEW, ADD = "shelf.view_things", "shelf.add_thing"
CHANGE, REMOVE = "shelf.change_thing", "shelf.remove_thing"
BOSS = Principal(UUID(int=1), "Boss", staff=True, superuser=True)


def staff(*permissions: str) -> Principal:
    return Principal(UUID(int=2), "Cleo", staff=True, permissions=frozenset(permissions))


def a_desk(service: Service, caller: Principal = BOSS, **more: Any) -> TestClient:
    """A browser at the admin, mounted as the front of a service mounts it."""
    lazy = LazyAdmin(
        lambda: create_admin(service, [ThingView(Thing), RoomView(Room)], title="Shelf")
    )
    front = Router([Mount("/admin/shelf", app=lazy)])
    origin = service.settings.public_url
    return TestClient(As(front, caller), base_url=origin, follow_redirects=False, **more)


def send(desk: TestClient, path: str, **fields: str) -> Response:
    """Fill in the form at `path` and send it."""
    return desk.post(path, data={"csrftoken": token_of(desk), **fields})


def press(desk: TestClient, kind: str, name: str, pk: object, **answers: str) -> Response:
    """Press a button on a row, or over the list."""
    key = "pks" if kind == "action" else "pk"
    path = f"/admin/shelf/_api/thing/{kind}?name={name}&{key}={pk}"
    return desk.post(path, data=answers, headers={"X-CSRFToken": token_of(desk)})


def token_of(desk: TestClient) -> str:
    desk.get("/admin/shelf/")
    return desk.cookies["starlette_admin_csrftoken"]


def edit_path(pk: UUID) -> str:
    return f"/admin/shelf/thing/edit?pk={pk}"
