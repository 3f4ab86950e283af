"""The JSON door: a FastAPI application whose every error is a problem document."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError, TimeoutError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from shared import deadline
from shared.database import in_trouble
from shared.errors import Refusal
from shared.http.access import Api, describe_access
from shared.http.problems import MEDIA_TYPE, encoded, headers_of, problem, problem_of, status_of
from shared.idempotency import Answer
from shared.logging import get
from shared.service import Service

log = get(__name__)


class Replayed(Exception):
    """This request was answered before; the kept answer ends the transaction untouched."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("replayed")
        self.answer = answer


class FieldProblem(BaseModel):
    """One input at fault."""

    field: str
    message: str


class Problem(BaseModel):
    """Problem details, RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[FieldProblem] = []


def create_api(
    service: Service, routers: Sequence[APIRouter], *, title: str, prefix: str, about: str = ""
) -> FastAPI:
    """One service's API, to be mounted at `prefix`; paths in its OpenAPI are relative to it."""
    api = Api(
        title=title,
        description=about,
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        servers=[{"url": prefix}],
        root_path_in_servers=False,
        generate_unique_id_function=_operation_name,
        responses={"4XX": {"model": Problem, "content": {MEDIA_TYPE: {}}}},
        redirect_slashes=False,
    )
    api.state.service = service
    for router in routers:
        _prepare(router)
        api.include_router(router)
    api.add_exception_handler(Refusal, _refused)
    api.add_exception_handler(Replayed, _replayed)
    api.add_exception_handler(HTTPException, _http_error)
    api.add_exception_handler(RequestValidationError, _invalid)
    api.add_exception_handler(DBAPIError, _database_error)
    api.add_exception_handler(TimeoutError, _database_error)
    api.add_exception_handler(Exception, _fault)
    return api


def kept_answer(answer: Answer) -> Response:
    """An answer that is stored under an Idempotency-Key, as a response."""
    headers = {"location": answer.location} if answer.location else {}
    if answer.replayed:
        headers["idempotency-replayed"] = "true"
    return Response(answer.body, answer.status, headers, media_type="application/json")


def _prepare(router: APIRouter) -> None:
    for route in router.routes:
        if isinstance(route, APIRoute):
            describe_access(route)
            _answer_in_one_thread(route)


def _answer_in_one_thread(route: APIRoute) -> None:
    # FastAPI wants a second thread to check what an endpoint returned, while the request still
    # holds its transaction. Once every thread waits for that very transaction, nobody gets on.
    if not iscoroutinefunction(route.endpoint):
        route.endpoint = _in_thread(route.endpoint)


def _in_thread(endpoint: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    @wraps(endpoint)
    async def run(**asked: Any) -> Any:
        return await run_in_threadpool(endpoint, **asked)

    return run


def _operation_name(route: APIRoute) -> str:
    return route.name


def _respond(status: int, body: dict[str, object], headers: dict[str, str]) -> Response:
    return Response(encoded(body), status, headers, media_type=MEDIA_TYPE)


def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return _respond(status_of(error), problem_of(error), headers_of(error))


def _replayed(_: Request, error: Exception) -> Response:
    assert isinstance(error, Replayed)
    return kept_answer(error.answer)


def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    said = {404: "There is nothing at this address.", 405: "This address has no such method."}
    detail = said.get(error.status_code, str(error.detail))
    return _respond(
        error.status_code, problem(error.status_code, detail), dict(error.headers or {})
    )


def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(each["type"] == "json_invalid" for each in found):
        body = problem(400, "The body is not valid JSON.", code="json-invalid")
        return _respond(400, body, {})
    fields = [{"field": _path(each["loc"]), "message": str(each["msg"])} for each in found]
    names = ", ".join(each["field"] for each in fields)
    body = problem(422, f"Please correct: {names}.", code="invalid-input", errors=fields)
    return _respond(422, body, {})


def _path(location: Sequence[str | int]) -> str:
    inside = location[1:] if location and location[0] in ("body", "query", "path") else location
    return ".".join(str(part) for part in inside) or "body"


def _fault(_: Request, __: Exception) -> Response:
    # The framework raises it again after this answer; the front logs it with the request id.
    detail = "This is a fault of ours; it has been logged with the request id."
    return _respond(500, problem(500, detail, code="internal-error"), {})


def _database_error(request: Request, error: Exception) -> Response:
    if deadline.spent():  # the statement was ended, or the lock given up, because of that
        return _refused(request, deadline.DeadlineSpent("The time for this was over."))
    service: Service = request.app.state.service
    away = not isinstance(error, DBAPIError) or in_trouble(error)  # else no connection was free
    if not away and service.database.answers():
        log.error("database error", exc_info=error)
        return _fault(request, error)
    log.error("database unavailable", reason=str(getattr(error, "orig", error)))
    body = problem(503, "The database is away for a moment. Try again.", code="database-away")
    return _respond(503, body, {"retry-after": "2"})
