"""The control plane: a small FastAPI application for what the gateway says about itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.exceptions import HTTPException

from gateway.api import documents
from gateway.api.collecting import readiness
from gateway.api.published import Published, own_document
from gateway.eventplane.asking import Asking
from gateway.eventplane.routes import event_plane
from gateway.pages.errors import problem
from gateway.proxy.upstream.cluster import Cluster
from gateway.refusals import Refused, no_such_address
from gateway.views.asker import Asker
from gateway.views.router import add_views

GET = ["GET", "HEAD"]
READY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the control plane may see of the rest."""

    pools: Mapping[str, Cluster]
    described: Mapping[str, Cluster]  # whose API is shown; more than those that tell of events
    now: Callable[[], float]
    public_url: str
    asking: Asking
    views: Asker
    operators: tuple[APIRouter, ...] = ()  # what operators and machines on the inside are shown


def create_control(outlook: Outlook) -> FastAPI:
    """Health, the documents of all services, and what operators see."""
    control = FastAPI(title="Quintet gateway", openapi_url=None, docs_url=None, redoc_url=None)
    _add_health(control)
    control.include_router(documents.router)
    published = Published(outlook.pools, outlook.described, outlook.now, outlook.public_url)
    control.include_router(published.router)
    control.include_router(event_plane(outlook.asking))
    add_views(control, outlook.views)
    for router in outlook.operators:
        control.include_router(router)
    control.add_exception_handler(HTTPException, _refused)
    published.own = own_document(control)
    return control


def _add_health(control: FastAPI) -> None:
    @control.head("/healthz", include_in_schema=False)
    @control.get("/healthz", tags=["health"], operation_id="healthz")
    async def alive() -> dict[str, str]:
        """Whether the gateway itself lives."""
        return {"status": "ok", "service": "gateway"}


async def ready(
    pools: Mapping[str, Cluster], needed: Collection[str], *, hears: bool, draining: bool
) -> tuple[bool, dict[str, Any]]:
    """Whether we take requests and every service of `needed` is ready, and what all of them say.

    A guest that joined by itself is told of and not waited for: if it could take the gateway out
    of service, it would take the shop with it.
    """
    if draining:
        return False, {"status": "draining", "service": "gateway"}
    services = await readiness(pools, READY_SECONDS)
    fine = all(said["status"] == "ready" for name, said in services.items() if name in needed)
    return fine, {
        "status": "ready" if fine else "not ready",
        "service": "gateway",
        "services": services,
        # Not a reason to be out of service: without events, tokens still expire by themselves.
        "hears_events": hears,
    }


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    refused = no_such_address()
    if error.status_code != 404:
        refused = Refused(error.status_code, "refused", str(error.detail))
    body = problem(refused, request.state.request_id)
    return Response(
        body, refused.status, dict(error.headers or {}), media_type="application/problem+json"
    )
