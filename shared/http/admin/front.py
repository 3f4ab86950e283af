"""The first page of an admin: what there is, how much of it, and what may be added."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette_admin.views import BaseModelView, CustomView
from starlette_admin.widgets import BaseWidget, HtmlWidget


class Front(CustomView):
    """Cards for every view the caller may see."""

    def __init__(self) -> None:
        super().__init__(menu_label="", route_name="index", add_to_menu=False, widget=self._cards)

    async def _cards(self, request: Request) -> BaseWidget:
        panel: Any = self._admin
        seen = [view for view in panel._model_views if view.is_accessible(request)]
        cards = [await _card(view, request) for view in seen]
        template = panel.templates.env.get_template("front.html")
        return HtmlWidget(html=template.render(cards=cards, app_title=panel.title))


async def _card(view: BaseModelView, request: Request) -> dict[str, Any]:
    return {
        "title": view.menu_label,
        "icon": view.icon,
        "count": await view.count(request),
        "list": request.url_for("admin:list", key=view.key),
        "create": request.url_for("admin:create", key=view.key)
        if view.can_create(request)
        else None,
    }
