"""Static files: named by their content, so a browser may keep them for ever."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from flask import Flask, Response, request, send_file
from werkzeug.exceptions import NotFound
from werkzeug.security import safe_join

SHARED = Path(__file__).parents[1] / "static"
FOR_EVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "public, no-cache"


class Assets:
    """The folders a service serves under /static, and the address of every file in them."""

    def __init__(self, folders: dict[str, Path]) -> None:
        self.folders = folders
        self._known: dict[tuple[str, int], str] = {}

    def url(self, name: str) -> str:
        """The address of `shared/quintet.css` and the like; it changes when the content does."""
        path = self._path(name)
        if path is None:
            raise LookupError(f"There is no static file {name!r}.")
        return f"/static/{name}?v={self._version(path)}"

    def serve(self, name: str) -> Response:
        """The file itself; kept for ever only under the address that carries its version."""
        path = self._path(name)
        if path is None:
            raise NotFound
        version = self._version(path)
        response = send_file(path, conditional=True, etag=version)
        response.headers["Cache-Control"] = (
            FOR_EVER if request.args.get("v") == version else ASK_AGAIN
        )
        return response

    def _path(self, name: str) -> Path | None:
        prefix, _, rest = name.partition("/")
        folder = self.folders.get(prefix)
        joined = safe_join(str(folder), rest) if folder and rest else None
        path = Path(joined) if joined else None
        return path if path and path.is_file() else None

    def _version(self, path: Path) -> str:
        key = (str(path), path.stat().st_mtime_ns)
        if key not in self._known:
            self._known[key] = sha256(path.read_bytes()).hexdigest()[:12]
        return self._known[key]


def install(app: Flask, name: str, folder: Path) -> Assets:
    """Serve /static/shared/… and /static/<service>/…, and the icon browsers ask for."""
    assets = Assets({"shared": SHARED, name: folder})
    app.add_url_rule("/static/<path:name>", "static", assets.serve)
    app.add_url_rule("/favicon.ico", "favicon", lambda: assets.serve("shared/mark.svg"))
    return assets
