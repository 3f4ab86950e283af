"""What machines read: where everything is, what they may visit, and what is new."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, Response, make_response, render_template

from catalog_service.db.categories import categories_in_order
from catalog_service.db.offers import count_on_sale, places_on_sale
from catalog_service.domain.errors import MapNotFound
from catalog_service.domain.listing import Listing, Sort
from catalog_service.pages.cards import card_of
from catalog_service.usecases.browsing import leaf_through
from shared import clock
from shared.http.pages import absolute_url, read
from shared.work import Work

feeds = Blueprint("feeds", __name__)

ON_ONE_MAP = 20_000  # the protocol allows 50,000
IN_THE_FEED = 30
CLOSED = ("/admin", "/api/", "/account", "/cart", "/checkout", "/orders", "/search?")

Place = tuple[str, datetime | None]


@feeds.get("/robots.txt")
def robots_page() -> Response:
    """Where programs need not go."""
    closed = "".join(f"Disallow: {path}\n" for path in CLOSED)
    text = f"User-agent: *\n{closed}\nSitemap: {absolute_url('/sitemap.xml')}\n"
    return _said(text, "text/plain; charset=utf-8")


@feeds.get("/sitemap.xml")
def sitemap_page() -> Response:
    """All places of the shop; a list of maps, if there are too many for one."""
    with read() as work:
        maps = -(-count_on_sale(work) // ON_ONE_MAP)
        if maps > 1:
            paths = [f"/sitemaps/{number}.xml" for number in range(maps + 1)]
            return _said(render_template("catalog/sitemaps.xml", maps=paths), "application/xml")
        return _map([*_rooms(work), *_goods(work, 1)])


@feeds.get("/sitemaps/<int:number>.xml")
def one_map_page(number: int) -> Response:
    """One of the maps: number 0 holds the rooms, the others hold goods."""
    with read() as work:
        places = _goods(work, number) if number else _rooms(work)
    if not places:
        raise MapNotFound("There is no such map.")
    return _map(places)


@feeds.get("/products.atom")
def feed_page() -> Response:
    """What came in last."""
    with read() as work:
        rows = leaf_through(work, Listing(sort=Sort.NEWEST, limit=IN_THE_FEED)).rows
    entries = [(card_of(row), row.sort_key) for row in rows]
    updated = entries[0][1] if entries else clock.now()
    feed = render_template("catalog/products.atom.xml", entries=entries, updated=updated)
    return _said(feed, "application/atom+xml")


def _rooms(work: Work) -> list[Place]:
    rooms = categories_in_order(work)
    return [("/", None), *((f"/categories/{room.slug}", None) for room in rooms)]


def _goods(work: Work, number: int) -> list[Place]:
    found = places_on_sale(work, skip=(number - 1) * ON_ONE_MAP, limit=ON_ONE_MAP)
    return [(f"/products/{slug}", updated_at) for slug, updated_at in found]


def _map(places: list[Place]) -> Response:
    return _said(render_template("catalog/sitemap.xml", places=places), "application/xml")


def _said(text: str, kind: str) -> Response:
    response = make_response(text)
    response.headers["Content-Type"] = kind
    response.headers["Cache-Control"] = "public, max-age=600"
    return response
