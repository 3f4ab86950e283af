"""The control plane: a small FastAPI application for what the gateway says about itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.exceptions import HTTPException

from gateway.api import documents
from gateway.api.collecting import Collected, readiness
from gateway.api.contracts import Document, merge_openapi
from gateway.api.event_contracts import merge_asyncapi
from gateway.pages.errors import problem
from gateway.proxy.upstream.pool import Pool
from gateway.refusals import Refused, no_such_address

GET = ["GET", "HEAD"]
READY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the control plane may see of the rest."""

    pools: Mapping[str, Pool]
    now: Callable[[], float]
    figures: Callable[[], str]
    hears: Callable[[], bool]
    public_url: str


def create_control(outlook: Outlook) -> FastAPI:
    """Health, figures, and the documents of all services."""
    control = FastAPI(title="Quintet gateway", openapi_url=None, docs_url=None, redoc_url=None)
    _add_health(control, outlook)
    _add_documents(control, outlook)
    control.include_router(documents.router)
    control.add_exception_handler(HTTPException, _refused)
    return control


def _add_health(control: FastAPI, outlook: Outlook) -> None:
    @control.api_route("/healthz", methods=GET)
    async def alive() -> dict[str, str]:
        return {"status": "ok", "service": "gateway"}

    @control.api_route("/readyz", methods=GET)
    async def ready(response: Response) -> dict[str, Any]:
        services = await readiness(outlook.pools, READY_SECONDS)
        fine = all(each["status"] == "ready" for each in services.values())
        response.status_code = 200 if fine else 503
        return {
            "status": "ready" if fine else "not ready",
            "service": "gateway",
            "services": services,
            # Not a reason to be out of service: without events, tokens still expire by themselves.
            "hears_events": outlook.hears(),
        }

    @control.api_route("/metrics", methods=GET)
    async def figures() -> PlainTextResponse:
        return PlainTextResponse(outlook.figures(), media_type="text/plain; version=0.0.4")


def _add_documents(control: FastAPI, outlook: Outlook) -> None:
    contracts = Collected(
        outlook.pools, lambda service: f"/api/{service}/openapi.json", outlook.now
    )
    events = Collected(outlook.pools, lambda _: "/asyncapi.json", outlook.now)

    @control.api_route("/openapi.json", methods=GET)
    async def openapi() -> JSONResponse:
        await contracts.refresh()
        return _document(
            merge_openapi(
                contracts.documents,
                unavailable=contracts.unavailable,
                public_url=outlook.public_url,
            )
        )

    @control.api_route("/asyncapi.json", methods=GET)
    async def asyncapi() -> JSONResponse:
        await events.refresh()
        return _document(merge_asyncapi(events.documents, unavailable=events.unavailable))


def _document(document: Document) -> JSONResponse:
    return JSONResponse(document, headers={"cache-control": "no-cache"})


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    refused = no_such_address()
    if error.status_code != 404:
        refused = Refused(error.status_code, "refused", str(error.detail))
    body = problem(refused, request.state.request_id)
    return Response(
        body, refused.status, dict(error.headers or {}), media_type="application/problem+json"
    )
