"""One admin per service: the panel library behind our door, in our colours."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette_admin.base import BaseAdmin
from starlette_admin.i18n import TimezoneConfig
from starlette_admin.theme import ClassMap, DefaultTheme, TablerSettings
from starlette_admin.views import BaseView

from shared import context
from shared.http.admin.front import Front
from shared.http.admin.nonces import WithNonces
from shared.http.admin.staff import Door, StaffOnly
from shared.service import Service

TEMPLATES = Path(__file__).parents[1] / "templates" / "admin"
STATIC = Path(__file__).parents[1] / "static"
# The admins of the platform, as every admin's header links them.
NEIGHBOURS = (
    ("People", "/admin/auth/"),
    ("Catalog", "/admin/catalog/"),
    ("Orders", "/admin/shop/"),
    ("Events", "/admin/events/"),
    ("Gateway", "/admin/gateway/"),
)


def create_admin(service: Service, views: Iterable[BaseView], *, title: str = "") -> ASGIApp:
    """The admin of `service` under /admin/<service>/, ready to be mounted there."""
    logging.getLogger("starlette_admin").setLevel(logging.ERROR)  # it tells its life story
    panel = Panel(service, title or service.name.capitalize())
    for view in views:
        panel.add_view(view)
    site = Starlette()
    panel.mount_to(site)
    panel.app.add_exception_handler(Exception, panel.explain_bug)
    return Rerooted(Door(site, service, panel.base_url, panel.templates.env), service)


class Rerooted:
    """Gives the panel the whole path and the public scheme, wherever it was mounted."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._scheme = "https" if service.settings.secure else "http"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        hidden = ("router", "app", "endpoint", "path_params", "route")
        inner = {name: value for name, value in scope.items() if name not in hidden}
        inner |= {"root_path": "", "scheme": self._scheme}
        await self._app(inner, receive, send)


class Classes(ClassMap):
    """Buttons whose colour would say the wrong thing."""

    classes: ClassVar[dict[str, str]] = {"form.cancel_button": "btn btn-link"}


class Theme(DefaultTheme):
    """The library's theme; our colours are in admin.css."""

    def get_class_map(self) -> ClassMap:
        """Our few changes to it."""
        return Classes()


class Panel(BaseAdmin):
    """The library's admin with our theme; reads through the session that `Door` opens."""

    def __init__(self, service: Service, title: str) -> None:
        self.service = service
        super().__init__(
            title=title,
            base_url=f"/admin/{service.name}",
            templates_dir=str(TEMPLATES),
            static_dir=str(STATIC),
            index_view=Front(),
            auth_provider=StaffOnly(),
            secret_key=service.settings.secret_key.get_secret_value(),
            theme=Theme(TablerSettings(base="stone", primary="teal", radius=1.5)),
            timezone_config=TimezoneConfig(use_user_locale_timezone=False),
        )

    def _setup_templates(self) -> None:
        super()._setup_templates()
        env = self.templates.env
        assert env.loader is not None
        env.loader = WithNonces(env.loader)
        env.globals.update(neighbours=NEIGHBOURS, base_url=self.base_url, version=_version)

    def explain_bug(self, request: Request, error: Exception) -> Response:
        """A page for what is our fault; it is logged further out, with the same number."""
        words = f"It is our mistake. It is written down as {context.current().correlation}."
        page = self.templates.env.get_template("stop.html")
        html = page.render(status=500, title="Something went wrong", words=words)
        return HTMLResponse(html, 500)

    async def _inlines_context(
        self, request: Request, view: Any, parent: Any = None, inline_data: Any = None
    ) -> list[dict[str, Any]]:
        """Rows below are shown on a row's page, not edited with it: see `RowsBelow`."""
        return []

    async def _parse_inline_forms(self, request: Request, view: Any, form: Any) -> Any:
        """So nothing of them is taken from a form either."""
        return {}, {}


@cache
def _version(name: str) -> str:
    """Changes with the content of a static file, so that browsers may keep it."""
    return sha256((STATIC / name).read_bytes()).hexdigest()[:12]
