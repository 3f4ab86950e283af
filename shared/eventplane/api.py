"""`/v1/bus/…` of every service: for the gateway's page of events, and for anybody's monitoring."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi import Path as InPath

from shared.eventplane.overview import overview
from shared.eventplane.paths import Resolve, path_of
from shared.eventplane.permissions import VIEW
from shared.eventplane.queue_watch import QueueWatch
from shared.eventplane.shapes import Overview, Path
from shared.http.deps import ReadDep, ServiceDep, needs

Asked = Annotated[
    str,
    InPath(
        max_length=1500,
        description="A correlation id (the X-Request-ID of the request that began it), several by "
        "commas, or whatever else this service resolves to one.",
    ),
]


def bus_router(service: str, resolve: Resolve | None = None) -> APIRouter:
    """The two questions; both need the permission `<service>.view_bus`."""
    router = APIRouter(prefix="/v1/bus", tags=["bus"], dependencies=[needs(f"{service}.{VIEW}")])

    @router.get("/overview")
    def bus_overview(request: Request, service: ServiceDep, work: ReadDep) -> Overview:
        """What waits, is stuck, parked or given up here, and who listens."""
        return overview(service, work, _watch(request, service).look())

    @router.get("/path/{asked}")
    def bus_path(asked: Asked, service: ServiceDep, work: ReadDep) -> Path:
        """What one request set off, as far as this service knows."""
        return path_of(service, work, asked, resolve)

    return router


def _watch(request: Request, service: ServiceDep) -> QueueWatch:
    state = request.app.state
    if not hasattr(state, "queue_watch"):
        state.queue_watch = QueueWatch(service)
    watch: QueueWatch = state.queue_watch
    return watch
