"""A proxy as most would write it: FastAPI in front, httpx behind."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import uvicorn
from fastapi import FastAPI, Request, Response

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "host"}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


def create(upstream: str) -> FastAPI:
    """The application."""

    @asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[None]:
        limits = httpx.Limits(max_connections=300, max_keepalive_connections=300)
        async with httpx.AsyncClient(base_url=upstream, limits=limits, trust_env=False) as client:
            app.state.client = client
            yield

    app = FastAPI(lifespan=living)

    @app.api_route("/{path:path}", methods=METHODS)
    async def forward(request: Request, path: str) -> Response:
        headers = [each for each in request.headers.items() if each[0] not in HOP_BY_HOP]
        answer = await app.state.client.request(
            request.method, f"/{path}", headers=headers, content=await request.body()
        )
        fields = {name: value for name, value in answer.headers.items() if name not in HOP_BY_HOP}
        return Response(answer.content, answer.status_code, fields)

    return app


if __name__ == "__main__":
    port, upstream = int(sys.argv[1]), sys.argv[2]
    uvicorn.run(create(upstream), port=port, log_level="error", access_log=False)
