"""Which pages the gateway may keep for everybody who is not signed in.

A page that shows nothing of its visitor, not even a token in a form, says which groups it belongs
to. Browsers ask again each time; the gateway keeps it until an event purges a group. Whoever is
signed in sees their name on it, so that theirs is nobody else's.
"""

from __future__ import annotations

from collections.abc import Iterable

from flask import Flask, Response, g, request

from catalog_service.domain.groups import LISTS, ROOMS, product_group
from catalog_service.pages.cards import Card
from shared.http.caching import kept_by_gateway
from shared.http.pages import visitor


def same_for_guests(*shown: Iterable[Card], lists: bool = True) -> None:
    """The page at hand shows these products, and nothing about its visitor.

    `lists`: it also changes with which products there are.
    """
    names = {product_group(card.sku) for cards in shown for card in cards}
    g.groups = [ROOMS, *([LISTS] if lists else []), *sorted(names)]


def install(app: Flask, *, seconds: int) -> None:
    """Tell the gateway of such pages; `seconds` bounds how long it keeps what no event purges."""

    @app.after_request
    def tell(response: Response) -> Response:
        groups = g.get("groups")
        if groups is None or response.status_code != 200 or visitor().signed_in:
            return response
        response.headers["Cache-Control"] = "private, no-cache"
        response.headers.update(kept_by_gateway(groups, seconds=seconds, public=False))
        response.vary.add("Authorization")
        response.add_etag(weak=True)
        response.make_conditional(request)
        return response

    # Nothing is ever flashed here, and to look for it would make every page depend on a cookie.
    app.jinja_env.globals["get_flashed_messages"] = lambda **_: []
