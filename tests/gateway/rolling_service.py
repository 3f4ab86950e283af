"""A service as a process, for tests that restart it: answers every address with its process id."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import uvicorn


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer after a moment, so that there is always something under way."""
    more = True
    while more:
        message = await receive()
        more = message.get("more_body", False)
    await asyncio.sleep(0.005)
    body = str(os.getpid()).encode()
    head = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    uvicorn.run(
        application,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="critical",
        timeout_keep_alive=1,  # shorter than the gateway's patience: connections die of old age
        timeout_graceful_shutdown=5,
    )
