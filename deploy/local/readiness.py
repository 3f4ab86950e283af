"""Is it ready to serve? Asked over HTTP, as a load balancer would."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from deploy.local.plan import Part

PAUSE = 0.05
ANSWER_LIMIT = 2.0


async def until_ready(part: Part) -> None:
    """Return as soon as the part answers 200 on /readyz."""
    while not (await readiness(part)).startswith(str(HTTPStatus.OK.value)):
        await asyncio.sleep(PAUSE)


async def readiness(part: Part) -> str:
    """The status and body of its /readyz, or why there is no answer."""
    try:
        return await asyncio.wait_for(_ask(part.inner_port), ANSWER_LIMIT)
    except TimeoutError:
        return "no answer yet"
    except OSError:
        return "not listening yet"


async def _ask(port: int) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        request = f"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
        writer.write(request.encode())
        answer = (await reader.read()).decode(errors="replace")
    finally:
        writer.close()
    head, _, body = answer.partition("\r\n\r\n")
    return f"{head.split(' ', 2)[1] if ' ' in head else 'odd answer'} {body.strip()}"
