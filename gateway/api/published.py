"""The documents of all services as one: OpenAPI, AsyncAPI, and the page of events."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Annotated

from fastapi import APIRouter, FastAPI, Header
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, Response

from gateway.api.additions import SCHEMAS, Document, operations_of
from gateway.api.collecting import Collected
from gateway.api.contracts import GATEWAY, merge_openapi
from gateway.api.event_contracts import merge_asyncapi
from gateway.proxy.upstream.cluster import Cluster

GET = ["GET", "HEAD"]
IfNoneMatch = Annotated[str, Header(alias="if-none-match")]


def own_document(control: FastAPI) -> Document:
    """What the gateway itself offers to the public, as an OpenAPI document."""
    document: Document = get_openapi(title=GATEWAY, version="1", routes=control.routes)
    for item in document["paths"].values():
        for operation in operations_of(item):
            if all(map(_takes_anything, operation.get("parameters", ()))):
                operation["responses"].pop("422", None)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    if '"422"' not in json.dumps(document["paths"]):
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
    schemas |= SCHEMAS
    return document


def _takes_anything(parameter: Document) -> bool:
    """Whether no request can have this parameter wrong: a piece of the path, whatever it is."""
    schema: Document = parameter["schema"]
    plain = schema.keys() <= {"type", "title"} and schema.get("type") == "string"
    return plain and bool(parameter["in"] == "path")


@dataclass(slots=True)
class Kept:
    """A merged document, ready to send, for as long as nothing changes."""

    changes: int = -1
    document: Document | None = None
    body: bytes = b""
    etag: str = ""

    def keep(self, changes: int, document: Document) -> None:
        """Have a new one."""
        self.changes, self.document = changes, document
        self.body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        self.etag = f'"{blake2b(self.body, digest_size=9).hexdigest()}"'

    def answer(self, seen: str) -> Response:
        """The document, or 304 to whoever has it already: RFC 9110, section 13.1.2."""
        headers = {"etag": self.etag, "cache-control": "no-cache"}
        if seen.strip() == "*" or self.etag in [
            each.strip().removeprefix("W/") for each in seen.split(",")
        ]:
            return Response(None, 304, headers)
        return Response(self.body, 200, headers, media_type="application/json")


class Published:
    """The addresses of the documents; `own` is the gateway's own part of the API.

    `pools` are asked for their events, `described` for their API.
    """

    def __init__(
        self,
        pools: Mapping[str, Cluster],
        described: Mapping[str, Cluster],
        now: Callable[[], float],
        public_url: str,
    ) -> None:
        self.own: Document = {}
        self.router = APIRouter(include_in_schema=False)
        self._public_url = public_url
        self._contracts = Collected(described, lambda name: f"/api/{name}/openapi.json", now)
        self._events = Collected(pools, lambda _: "/asyncapi.json", now)
        self._openapi = Kept()
        self._asyncapi = Kept()
        self.router.add_api_route("/openapi.json", self._send_openapi, methods=GET)
        self.router.add_api_route("/asyncapi.json", self._send_asyncapi, methods=GET)
        self.router.add_api_route("/docs/events", self._send_page, methods=GET)

    async def _send_openapi(self, if_none_match: IfNoneMatch = "") -> Response:
        collected, kept = self._contracts, self._openapi
        await collected.ready()
        if kept.changes != collected.changes:
            documents = {**collected.documents, GATEWAY: self.own}
            kept.keep(
                collected.changes,
                merge_openapi(documents, away=collected.away, public_url=self._public_url),
            )
        return kept.answer(if_none_match)

    async def _send_asyncapi(self, if_none_match: IfNoneMatch = "") -> Response:
        await self._all_events()
        return self._asyncapi.answer(if_none_match)

    async def _send_page(self, q: str = "") -> HTMLResponse:
        from gateway.pages import events as page  # a template engine, when first looked at

        text = page.events_page(await self._all_events(), q)
        return HTMLResponse(text, headers={"content-security-policy": page.POLICY})

    async def _all_events(self) -> Document:
        collected, kept = self._events, self._asyncapi
        await collected.ready()
        if kept.document is None or kept.changes != collected.changes:
            kept.keep(collected.changes, merge_asyncapi(collected.documents, away=collected.away))
        assert kept.document is not None
        return kept.document
