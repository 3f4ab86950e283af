"""The JSON door: every error is a problem document, and an answer is never sent before its commit."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, Response
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from starlette.testclient import TestClient

from shared.database import in_trouble
from shared.errors import Conflict, TooMany
from shared.http.api import create_api
from shared.http.deps import Caller, KeyedDep, SignedIn, WorkDep, needs
from shared.http.root import Root, create_root
from shared.http.schemas import In, Out
from shared.identity import Principal
from shared.service import Service
from shared.testing import bearer, client_of
from tests.shared.conftest import count_of, count_up


class SheepFull(Conflict):
    """The meadow is full."""


class CountIn(In):
    """How many more."""

    by: int


class CountOut(Out):
    """How many there are."""

    count: int


router = APIRouter(prefix="/v1")


@router.post("/sheep", status_code=201)
def add_sheep(work: WorkDep, keyed: KeyedDep, body: CountIn, caller: Caller) -> Response:
    """Count sheep."""
    if body.by > 1000:
        raise SheepFull("The meadow is full.", fields={"by": "at most 1000"})
    who = str(caller.user_id or "guest")
    return keyed.once(work, who, lambda: CountOut(count=count_up(work, "sheep", body.by)))


@router.post("/goats")
def add_goat(work: WorkDep) -> CountOut:
    """Count one more goat, and leave it to the framework to make the answer."""
    return CountOut(count=count_up(work, "goats", 1))


@router.post("/broken-commit", status_code=201)
def break_at_commit(work: WorkDep) -> dict[str, str]:
    """Write what the database refuses only at the end."""
    count_up(work, "doomed", 1)
    work.session.flush()
    work.session.execute(text("INSERT INTO tallies (name, count) VALUES ('doomed', 1)"))
    return {"said": "created"}


@router.get("/me")
def read_me(caller: SignedIn) -> dict[str, str]:
    """Who I am."""
    return {"name": caller.name}


@router.get("/secret")
def read_secret(caller: Annotated[Principal, needs("tally.view_secret")]) -> dict[str, str]:
    """For those who may."""
    return {"to": caller.name}


@router.get("/later")
def come_back_later() -> None:
    """Too many."""
    raise TooMany("Slow down.", retry_after=7)


@router.get("/bug")
def have_a_bug() -> None:
    """A fault of ours."""
    raise RuntimeError("password=hunter2")


def create_app(service: Service) -> Root:
    api = create_api(service, [router], title="Tally", prefix="/api/tally")
    return create_root(service, apis={"/api/tally": api})


@pytest.fixture
def client(service: Service) -> Iterator[TestClient]:
    service.create_app = create_app
    with client_of(service) as client:
        yield client


def test_an_answer_says_the_request_id_it_was_asked_with(client: TestClient) -> None:
    answer = client.post(
        "/api/tally/v1/sheep", json={"by": 2}, headers={"x-request-id": "my-request-0001"}
    )

    assert answer.status_code == 201
    assert answer.headers["x-request-id"] == "my-request-0001"


def test_a_request_id_that_could_break_a_log_is_replaced(client: TestClient) -> None:
    answer = client.get("/api/tally/v1/nothing", headers={"x-request-id": "a b<script>"})

    assert "<" not in answer.headers["x-request-id"]


def test_a_failure_at_commit_is_never_announced_as_created(
    client: TestClient, service: Service
) -> None:
    answer = client.post("/api/tally/v1/broken-commit")

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert count_of(service, "doomed") == 0


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "word"),
    [
        ("GET", "/api/tally/v1/nothing", None, 404, "nothing"),
        ("DELETE", "/api/tally/v1/sheep", None, 405, "method"),
        ("POST", "/api/tally/v1/sheep", b"{", 400, "JSON"),
        ("POST", "/api/tally/v1/sheep", b'{"by": "many"}', 422, "by"),
        ("POST", "/api/tally/v1/sheep", b'{"by": 1, "price": 0}', 422, "price"),
        ("POST", "/api/tally/v1/sheep", b'{"by": 2000}', 409, "meadow"),
        ("GET", "/api/tally/v1/me", None, 401, "Sign in"),
        ("GET", "/api/tally/v1/later", None, 429, "Slow"),
        ("GET", "/api/tally/v1/bug", None, 500, "fault of ours"),
    ],
)
def test_every_error_is_a_problem_document_rfc_9457(
    client: TestClient, method: str, path: str, body: bytes | None, status: int, word: str
) -> None:
    headers = {"content-type": "application/json"}

    answer = client.request(method, path, content=body, headers=headers)

    problem = answer.json()
    assert answer.status_code == problem["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert word in problem["detail"]
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert "hunter2" not in answer.text


def test_a_permission_is_checked_and_named(client: TestClient, service: Service) -> None:
    without = client.get("/api/tally/v1/secret", headers=bearer(service))
    with_it = client.get(
        "/api/tally/v1/secret", headers=bearer(service, permissions=["tally.view_secret"])
    )

    assert (without.status_code, with_it.status_code) == (403, 200)
    assert "tally.view_secret" in without.json()["detail"]


@pytest.mark.parametrize(
    "claims",
    [{"aud": ["elsewhere"]}, {"iss": "https://evil.example"}, {"exp": 1}, {"sub": "not-a-uuid"}],
)
def test_a_token_that_is_not_for_us_is_refused(
    client: TestClient, service: Service, claims: dict[str, object]
) -> None:
    answer = client.get("/api/tally/v1/me", headers=bearer(service, **claims))

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_repeated_key_gets_the_first_answer_and_no_second_effect(
    client: TestClient, service: Service
) -> None:
    headers = {"idempotency-key": "one"}

    answers = [client.post("/api/tally/v1/sheep", json={"by": 3}, headers=headers) for _ in "123"]

    assert {(answer.status_code, answer.text) for answer in answers} == {(201, '{"count":3}')}
    assert answers[1].headers["idempotency-replayed"] == "true"
    assert count_of(service, "sheep") == 3


def test_a_key_that_comes_back_with_another_request_is_refused(
    client: TestClient, service: Service
) -> None:
    headers = {"idempotency-key": "one"}
    client.post("/api/tally/v1/sheep", json={"by": 3}, headers=headers)

    answer = client.post("/api/tally/v1/sheep", json={"by": 4}, headers=headers)

    assert answer.status_code == 422
    assert count_of(service, "sheep") == 3


def test_a_key_of_somebody_else_is_not_my_key(client: TestClient, service: Service) -> None:
    key = {"idempotency-key": "one"}

    for _ in range(2):
        client.post("/api/tally/v1/sheep", json={"by": 3}, headers=key | bearer(service))

    assert count_of(service, "sheep") == 6


def test_twenty_twins_at_once_take_effect_once(client: TestClient, service: Service) -> None:
    def post(_: int) -> str:
        headers = {"idempotency-key": "twins"}
        return client.post("/api/tally/v1/sheep", json={"by": 1}, headers=headers).text

    with ThreadPoolExecutor(20) as pool:
        answers = set(pool.map(post, range(20)))

    assert answers == {'{"count":1}'}
    assert count_of(service, "sheep") == 1


def test_a_request_that_failed_leaves_its_key_free(client: TestClient, service: Service) -> None:
    headers = {"idempotency-key": "one"}
    client.post("/api/tally/v1/sheep", json={"by": 2000}, headers=headers)

    answer = client.post("/api/tally/v1/sheep", json={"by": 2000}, headers=headers)

    assert answer.status_code == 409


def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(
    client: TestClient,
) -> None:
    def drip() -> Iterator[bytes]:
        for _ in range(40):
            yield b"x" * 65_536

    declared = client.post("/api/tally/v1/sheep", content=b"x" * 2_000_000)
    streamed = client.post("/api/tally/v1/sheep", content=drip())

    assert (declared.status_code, streamed.status_code) == (413, 413)


def test_health_is_answered_without_a_token(client: TestClient) -> None:
    answers = [client.get(path).status_code for path in ("/healthz", "/readyz", "/metrics")]

    assert answers == [200, 200, 200]


def test_more_requests_than_threads_do_not_wait_for_each_other_for_ever(service: Service) -> None:
    async def add_many_at_once(many: int) -> set[int]:
        transport = httpx.ASGITransport(create_app(service), raise_app_exceptions=False)
        address = "http://127.0.0.1/api/tally/v1/goats"
        async with httpx.AsyncClient(transport=transport) as clients:
            answers = await asyncio.gather(*(clients.post(address) for _ in range(many)))
        return {answer.status_code for answer in answers}

    with service.transactions.begin() as work:
        count_up(work, "goats", 0)

    statuses = asyncio.run(add_many_at_once(100))

    assert statuses == {200}


def test_a_database_that_cannot_write_is_in_trouble_and_a_wrong_statement_is_not(
    service: Service,
) -> None:
    found = []

    for statement in ("SELECT nothing FROM nowhere", "INSERT INTO tallies VALUES ('x', 1)"):
        with service.database.engine.connect() as connection:
            _forbid_writing(connection)
            with pytest.raises(DBAPIError) as caught:
                connection.exec_driver_sql(statement)
            found.append(in_trouble(caught.value))
            connection.invalidate()

    assert found == [False, True]


def _forbid_writing(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA query_only = ON")
    else:
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")
