"""The page that shows the API. Everything on it comes from here: no outside host is asked."""

from __future__ import annotations

import gzip
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Header, HTTPException
from fastapi.responses import HTMLResponse, Response

router = APIRouter(include_in_schema=False)

# Swagger UI draws its icons from data: addresses and sizes some elements with style attributes.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; font-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
STATIC = {
    "swagger-ui.css": ("swagger-ui/swagger-ui.css", "text/css"),
    "swagger-ui-bundle.js": ("swagger-ui/swagger-ui-bundle.js", "text/javascript"),
    "start.js": ("start.js", "text/javascript"),
    "theme.js": ("theme.js", "text/javascript"),
    "docs.css": ("docs.css", "text/css"),
    "error.css": ("error.css", "text/css"),
    "events.css": ("events.css", "text/css"),
}


@router.api_route("/docs", methods=["GET", "HEAD"])
@router.api_route("/docs/", methods=["GET", "HEAD"])
async def api_page() -> HTMLResponse:
    """The API of all services, to read and to try."""
    page = (files("gateway") / "pages" / "docs.html").read_text("utf-8")
    return HTMLResponse(page, headers={"content-security-policy": POLICY})


@router.api_route("/docs/static/{name}", methods=["GET", "HEAD"])
async def static_file(name: str, accept_encoding: str = Header("")) -> Response:
    """A file of that page."""
    if name not in STATIC:
        raise HTTPException(404)
    headers = {"cache-control": "public, max-age=3600", "vary": "accept-encoding"}
    if "gzip" in accept_encoding:
        headers["content-encoding"] = "gzip"
    body = _content(name, zipped="gzip" in accept_encoding)
    return Response(body, media_type=STATIC[name][1], headers=headers)


@cache
def _content(name: str, *, zipped: bool) -> bytes:
    body = (files("gateway") / "static" / STATIC[name][0]).read_bytes()
    return gzip.compress(body, 6) if zipped else body
