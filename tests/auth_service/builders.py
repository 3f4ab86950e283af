"""People, and the ways they come in."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select
from starlette.testclient import TestClient

from auth_service.db.models import Permission, User
from auth_service.usecases.hashing import Hasher
from shared import clock
from shared.service import Service

R = TypeVar("R")

EMAIL = "ada@quintet.example"
PASSWORD = "kettle moss lantern"
COOKIE = "quintet_session"
HASH_MEMORY_KIB = 256  # hundreds of sign-ins: the real 19 MiB would only warm the room


@functools.cache
def hash_of(password: str) -> str:
    """Its hash; computed once for all tests."""
    return Hasher(at_once=1, waiting=1, memory_kib=HASH_MEMORY_KIB).hash(password)


def a_user(
    service: Service, email: str = EMAIL, *, permissions: Iterable[str] = (), **more: Any
) -> UUID:
    """Somebody with an account, whose password is PASSWORD."""
    with service.transactions.begin() as work:
        for name in permissions:
            if work.session.get(Permission, name) is None:
                service_name = name.partition(".")[0]
                permission = Permission(name=name, service=service_name, description=name)
                work.session.add(permission)
        work.session.flush()
        rights = work.session.scalars(select(Permission).where(Permission.name.in_(permissions)))
        user = User(
            email=email,
            name=more.pop("name", "Ada Lovelace"),
            password_hash=hash_of(PASSWORD),
            created_at=clock.now(),
            permissions=list(rights),
            **more,
        )
        work.session.add(user)
        work.session.flush()
        return user.id


def credentials(email: str = EMAIL, password: str = PASSWORD) -> dict[str, str]:
    """What one signs in with."""
    return {"email": email, "password": password}


def newcomer(**more: str) -> dict[str, str]:
    """What one registers with."""
    return {"email": EMAIL, "password": PASSWORD, "name": "Ada Lovelace", **more}


def tokens_of(client: TestClient, email: str = EMAIL) -> dict[str, Any]:
    """The tokens of an API client that signs in."""
    answer = client.post("/api/auth/v1/tokens", json=credentials(email))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def signed_in(client: TestClient, email: str = EMAIL) -> dict[str, str]:
    """The Authorization header of somebody who signs in as an API client."""
    return {"authorization": f"Bearer {tokens_of(client, email)['access_token']}"}


def signed_in_browser(client: TestClient, email: str = EMAIL) -> str:
    """Let the client hold a session cookie like a browser; returns the session key."""
    answer = client.post("/api/auth/v1/sessions", json=credentials(email))
    assert answer.status_code == 201, answer.text
    return str(client.cookies[COOKIE])


def another(client: TestClient, *, key: str = "", **options: Any) -> TestClient:
    """Another browser at the same address; with a session key, it holds that in its cookie."""
    cookies = {COOKIE: key} if key else None
    options = {"base_url": client.base_url, "follow_redirects": False, **options}
    return TestClient(client.app, cookies=cookies, **options)


def form_token(page: str) -> str:
    """The CSRF token in a page."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found, "the page has no form"
    return found.group(1)


def fill_in(client: TestClient, path: str, **fields: str) -> Any:
    """Open a page and send its form."""
    page = client.get(path)
    assert page.status_code == 200, page.text
    return client.post(path, data={**fields, "csrf_token": form_token(page.text)})


def at_once(times: int, act: Callable[[int], R]) -> list[R]:
    """Do the same thing in many threads."""
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(act, range(times)))


def counted(service: Service, row: type[Any]) -> int:
    """How many rows a table has."""
    with service.transactions.read() as work:
        return len(work.session.scalars(select(row)).all())
