"""The Flask application that every service builds its pages on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from a2wsgi import WSGIMiddleware
from flask import Blueprint, Flask, redirect

from shared.http.pages import assets, guard, refusals, rendering
from shared.http.pages.current import EXTENSION

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from shared.service import Service


def create_pages(
    service: Service,
    import_name: str,
    blueprints: Iterable[Blueprint],
    *,
    static_folder: str = "static",
    template_folder: str = "templates",
) -> Flask:
    """The pages of `service`: its blueprints behind our guard, in our look.

    `import_name` is the package that holds the folders, usually `<service>.pages`.
    """
    settings = service.settings
    app = Flask(import_name, static_folder=None, template_folder=template_folder)
    app.debug = settings.debug
    app.extensions[EXTENSION] = service
    app.config.update(_configuration(service))
    guard.install(app)
    refusals.install(app)
    files = assets.install(app, settings.name, Path(app.root_path) / static_folder)
    rendering.install(app, files, service=settings.name)
    admin = f"/admin/{settings.name}"
    app.add_url_rule(admin, "admin", lambda: redirect(f"{admin}/", 308))
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
    return app


def as_asgi(pages: Flask, *, threads: int) -> ASGIApp:
    """The pages as `create_root` takes them, rendered in so many threads."""
    return cast("ASGIApp", WSGIMiddleware(cast(Any, pages), workers=threads))


def _configuration(service: Service) -> dict[str, object]:
    """The session cookie holds flash messages only; it is signed, and named per service."""
    settings = service.settings
    https = settings.secure
    return {
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "SESSION_COOKIE_NAME": f"{'__Host-' if https else ''}quintet_{settings.name}",
        "SESSION_COOKIE_PATH": "/",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": https,
        "PREFERRED_URL_SCHEME": "https" if https else "http",
        "PROPAGATE_EXCEPTIONS": False,
    }
