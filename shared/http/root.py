"""A service's front: one ASGI application over its JSON, its pages and its admin.

It gives every request an id, a trace, a deadline, a log line, a verified caller and a limit on its
body, and answers for the health of the service. Doors behind it rely on `scope["state"]["caller"]`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.routing import Mount, Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import context, deadline
from shared.errors import Refusal
from shared.http import health
from shared.http.limits import TooLarge, counted, declared_size
from shared.http.problems import MEDIA_TYPE, encoded, headers_of, problem, problem_of, status_of
from shared.identity import ANONYMOUS, Principal
from shared.logging import get
from shared.service import Service
from shared.telemetry import tracing
from shared.tokens import KeySource, TokenRefused, TokenVerifier

log = get(__name__)

JSON_LIMIT = 1024 * 1024
UPLOAD_LIMIT = 12 * 1024 * 1024


class Root:
    """The outermost application of a service."""

    def __init__(self, service: Service, router: ASGIApp, json_paths: tuple[str, ...]) -> None:
        settings = service.settings
        self._service = service
        self._router = router
        self._json_paths = json_paths
        self.verifier = TokenVerifier(
            service.key_source or KeySource.at(settings.jwks_url),
            issuer=settings.public_url,
            audience=service.name,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._router(scope, receive, send)
            return
        headers = Headers(scope=scope)
        at_hand = context.opened(headers.get("x-request-id"), headers.get("traceparent"))
        with (
            tracing.answering(at_hand, headers.get("traceparent"), scope),
            deadline.within(_seconds_for(headers)),
        ):
            await Answering(self, scope, receive, send, at_hand.correlation).run(headers)

    def limit_for(self, path: str, content_type: str) -> int:
        """How many bytes a body sent to `path` may have; files may be larger than JSON."""
        json = path.startswith(self._json_paths) and not content_type.startswith("multipart/")
        return JSON_LIMIT if json else UPLOAD_LIMIT

    async def caller_of(self, headers: Headers) -> Principal:
        """Whoever the bearer token says, verified; ANONYMOUS without one."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if not token:
            return ANONYMOUS
        if scheme.lower() != "bearer":
            raise TokenRefused("Only Bearer tokens are accepted here.")
        known = self.verifier.recall(token)
        if known is None:
            known = await run_in_threadpool(self.verifier.verify, token.strip())
        return known

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request to the door that it is for."""
        await self._router(scope, receive, send)


def _seconds_for(headers: Headers) -> float | None:
    """What the caller gives us; a stream of events may go on for as long as there is news."""
    seconds = deadline.said(headers.get(deadline.FIELD))
    follows = "text/event-stream" in headers.get("accept", "")
    return None if seconds and follows else seconds


class Answering:
    """One request on its way through the front."""

    def __init__(
        self, root: Root, scope: Scope, receive: Receive, send: Send, request_id: str
    ) -> None:
        self._root, self._scope, self._receive, self._send = root, scope, receive, send
        self._request_id = request_id.encode()
        self._status = 0
        self._started = time.perf_counter()

    async def run(self, headers: Headers) -> None:
        """Check, pass on, and turn whatever goes wrong into an answer."""
        scope = self._scope
        try:
            deadline.must_not_be_spent()
            limit = self._root.limit_for(scope["path"], headers.get("content-type", ""))
            declared_size(headers.get("content-length"), limit)
            scope.setdefault("state", {})["caller"] = await self._root.caller_of(headers)
            await self._root.handle(scope, counted(self._receive, limit), self._note_and_send)
        except TooLarge as error:
            await self._say(413, problem(413, error.detail, code="body-too-large"))
        except Refusal as refusal:
            await self._say(status_of(refusal), problem_of(refusal), headers_of(refusal))
        except Exception:
            log.exception("request failed", method=scope["method"], path=scope["path"])
            detail = "This is a fault of ours; it has been logged with the request id."
            await self._say(500, problem(500, detail, code="internal-error"))
        finally:
            self._report()

    async def _note_and_send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            message["headers"] = [*message.get("headers", ()), (b"x-request-id", self._request_id)]
        await self._send(message)

    async def _say(
        self, status: int, body: Mapping[str, Any], more: Mapping[str, str] | None = None
    ) -> None:
        if self._status:
            return  # the answer has begun: the server closes the connection, which says enough
        raw = encoded(body)
        fields = {"content-type": MEDIA_TYPE, "content-length": str(len(raw)), **(more or {})}
        head = [(name.encode(), value.encode()) for name, value in fields.items()]
        start = {"type": "http.response.start", "status": status, "headers": head}
        await self._note_and_send(start)
        await self._send({"type": "http.response.body", "body": raw})

    def _report(self) -> None:
        seconds = time.perf_counter() - self._started
        route = self._scope.get("route")
        health.observe(self._scope["method"], getattr(route, "path", "-"), self._status, seconds)
        if self._scope["path"] not in health.PATHS:
            log.debug(
                "answered",
                method=self._scope["method"],
                path=self._scope["path"],
                status=self._status,
                ms=round(seconds * 1000, 1),
            )


def create_root(
    service: Service,
    *,
    apis: Mapping[str, ASGIApp],
    pages: ASGIApp | None = None,
    admin: ASGIApp | None = None,
) -> Root:
    """Put a service's doors together: JSON under the prefixes in `apis`, admin, pages elsewhere."""
    routes: list[Mount | Route] = list(health.routes(service))
    routes += [Mount(prefix, app=app) for prefix, app in apis.items()]
    if admin is not None:
        routes.append(Mount(f"/admin/{service.name}", app=admin))
    if pages is not None:
        routes.append(Mount("/", app=pages))
    router = Router(routes, redirect_slashes=False)
    return Root(service, router, tuple(apis))
