"""The internal port: figures, readiness and the overview for machines and people on the inside.

Whoever reaches it needs no permission: it must be reachable from inside only, as the ports of
services and workers are. With no port of its own (a laptop), `/metrics` and `/readyz` are answered
on the public port, to callers on this very machine only; `/internal/…` is not.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from gateway.operating.forms import form_of
from gateway.operating.overview import twin
from gateway.operating.parts import Parts
from gateway.operating.steer import failed, steer
from gateway.proxy.records.rendering import OPENMETRICS, TEXT
from shared.logging import get

GET = ["GET", "HEAD"]
TWIN = "/internal/gateway.json"
Ready = Callable[[], Awaitable[tuple[bool, dict[str, Any]]]]

log = get("gateway.operating")


def internal_routes(parts: Parts, ready: Ready) -> APIRouter:
    """What the internal port answers."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/readyz", methods=GET)
    async def is_ready() -> Response:
        fine, said = await ready()
        return JSONResponse(said, 200 if fine else 503)

    @router.api_route("/metrics", methods=GET)
    async def figures(request: Request) -> Response:
        openmetrics = "application/openmetrics-text" in request.headers.get("accept", "")
        text = parts.metrics.text(openmetrics=openmetrics)
        return PlainTextResponse(text, media_type=OPENMETRICS if openmetrics else TEXT)

    @router.api_route(TWIN, methods=GET)
    async def read_twin() -> Response:
        return JSONResponse(twin(parts))

    _add_steering(router, parts)
    return router


def _add_steering(router: APIRouter, parts: Parts) -> None:
    @router.post("/internal/gateway/{action:path}")
    async def act(request: Request, action: str) -> Response:
        if "origin" in request.headers or "sec-fetch-site" in request.headers:
            # A foreign page could make a browser on this machine send this.
            raise HTTPException(403, "Browsers have /admin/gateway/.")
        sent = {**request.query_params, **await form_of(request)}
        done = steer(parts.steering, action, sent)
        if done is None:
            raise HTTPException(404)
        group = sent.get("group", "")
        log.info("operator acted", action=action, group=group, by="internal port", did=done)
        return JSONResponse({"did": done}, 409 if failed(done) else 200)


def only_this_machine(request: Request) -> None:
    """For the public port: whoever is not on this machine finds nothing there."""
    client = request.client.host if request.client else ""
    try:
        near = ip_address(client).is_loopback
    except ValueError:
        near = False
    # Somebody else's request, handed on by a proxy on this machine that we were not told about.
    passed_on = "x-forwarded-for" in request.headers or "forwarded" in request.headers
    if passed_on or not near:
        raise HTTPException(404)


async def _alive() -> dict[str, str]:
    return {"status": "ok", "service": "gateway"}


class InternalServer:
    """A small server of its own for the internal port, on the loop of the gateway."""

    def __init__(self, router: APIRouter, host: str, port: int) -> None:
        app = FastAPI(title="Quintet gateway", openapi_url=None, docs_url=None, redoc_url=None)
        app.include_router(router)
        app.add_api_route("/healthz", _alive, methods=GET)
        self._address = host, port
        self._server = uvicorn.Server(
            uvicorn.Config(
                app, lifespan="off", ws="none", log_config=None, access_log=False,
                server_header=False, limit_concurrency=64, timeout_graceful_shutdown=1,
            )
        )  # fmt: skip
        self._ticking: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """Where it listens, once it does."""
        return int(self._server.servers[0].sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Begin to answer; raises OSError if the port is taken.

        Signals stay the affair of the gateway's own server.
        """
        config = self._server.config
        if not config.loaded:
            config.load()
        self._server.lifespan = config.lifespan_class(config)
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        await self._server.startup([socket.create_server(self._address, family=family)])
        self._ticking = asyncio.get_running_loop().create_task(self._server.main_loop())

    async def stop(self) -> None:
        """Stop answering."""
        self._server.should_exit = True
        if self._ticking is not None:
            with suppress(asyncio.CancelledError):
                await self._ticking
            await self._server.shutdown()
