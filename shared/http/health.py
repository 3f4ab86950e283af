"""How a service is: alive, ready (and if not, why), and its figures for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CONTENT_TYPE_LATEST, Histogram, generate_latest
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.asyncapi import describe
from shared.service import Service
from shared.telemetry.gauges import TableGauges
from shared.telemetry.readiness import problems_of

PATHS = ("/healthz", "/readyz", "/metrics")

DURATION = Histogram(
    "http_server_request_duration_seconds",
    "Time to answer.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


def observe(method: str, route: str, status: int, seconds: float) -> None:
    """Count one answered request."""
    DURATION.labels(method, route, str(status)).observe(seconds)


def routes(service: Service) -> Iterator[Route]:
    """`/healthz`, `/readyz`, `/metrics` and `/asyncapi.json` of a service."""

    async def alive(_: Request) -> Response:
        return JSONResponse({"status": "ok", "service": service.name})

    async def ready(_: Request) -> Response:
        problems = await run_in_threadpool(problems_of, service)
        status = "ready" if not problems else "not ready"
        body = {"status": status, "service": service.name, "problems": problems}
        return JSONResponse(body, 503 if problems else 200)

    gauges = TableGauges(service)

    async def metrics(_: Request) -> Response:
        await run_in_threadpool(gauges.refresh)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    async def events(_: Request) -> Response:
        return JSONResponse(describe(service))

    endpoints: dict[str, Callable[[Request], object]] = {
        "/healthz": alive,
        "/readyz": ready,
        "/metrics": metrics,
        "/asyncapi.json": events,
    }
    for path, endpoint in endpoints.items():
        yield Route(path, endpoint)
