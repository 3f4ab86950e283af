"""Pictures as they are served: for ever, and as nothing but pictures."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from shared.uploads import Files

TYPES = {
    "webp": "image/webp",
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpg": "image/jpeg",
    "gif": "image/gif",
}
# A drawing that somebody opens by itself may neither run scripts nor fetch anything.
SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
HEADERS = {
    "cache-control": "public, max-age=31536000, immutable",  # the key changes with the content
    "x-content-type-options": "nosniff",
    "content-security-policy": SANDBOX,
    "cross-origin-resource-policy": "same-origin",
}


def create_media(files: Files) -> Starlette:
    """The application that serves `files` by their key."""

    def picture(request: Request) -> Response:
        path = files.path_of(request.path_params["key"])
        kind = TYPES.get(path.suffix[1:]) if path else None
        if path is None or kind is None:
            return PlainTextResponse("There is no such picture.", 404)
        return FileResponse(path, headers=HEADERS, media_type=kind)

    return Starlette(routes=[Route("/{key}", picture, methods=["GET", "HEAD"])])
