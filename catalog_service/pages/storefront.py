"""The shop window: start page, rooms, search, products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Blueprint, render_template, request

from catalog_service.db.categories import (
    categories_on_path,
    category_by_slug,
    child_categories,
)
from catalog_service.db.models import Category
from catalog_service.db.offers import pictures_of
from catalog_service.domain.listing import Listing, Sort, start_of
from catalog_service.domain.search import LONGEST_QUERY, query_words
from catalog_service.pages.cards import (
    Card,
    card_of,
    cards_of,
    described_for_machines,
    details_of,
)
from catalog_service.pages.sharing import same_for_guests
from catalog_service.usecases.browsing import (
    count_found,
    find_product,
    leaf_through,
    suggest_words,
)
from shared.http.pages import absolute_url, read
from shared.work import Work

storefront = Blueprint("storefront", __name__)

ON_A_PAGE = 24
IN_A_ROW = 8
SORTS = {
    Sort.RELEVANCE: "Best match",
    Sort.NEWEST: "Newest",
    Sort.NAME: "Name",
    Sort.PRICE: "Price, low to high",
    Sort.PRICE_DOWN: "Price, high to low",
}
SEARCHED = (Sort.RELEVANCE, Sort.NEWEST, Sort.PRICE, Sort.PRICE_DOWN)
LOOKED_THROUGH = (Sort.NEWEST, Sort.NAME, Sort.PRICE, Sort.PRICE_DOWN)


@dataclass(frozen=True, slots=True)
class Shown:
    """A list as a page shows it: one part, and the ways to the others."""

    cards: Sequence[Card]
    count: int
    even_more: bool
    sort: Sort
    sorts: Sequence[tuple[Sort, str]]
    next: str
    first: str

    def sorted_by(self, sort: Sort) -> str:
        """The same list in another order."""
        return _address(sort=sort.value)


@storefront.get("/")
def home_page() -> str:
    """What we would take home, the rooms, and what is new."""
    with read() as work:
        featured = Listing(featured=True, sort=Sort.NEWEST, in_stock=True, limit=IN_A_ROW)
        newest = Listing(sort=Sort.NEWEST, limit=IN_A_ROW)
        liked = cards_of(leaf_through(work, featured).rows)
        new = cards_of(leaf_through(work, newest).rows)
        same_for_guests(liked, new)
        return render_template("catalog/home.html", featured=liked, newest=new, **_frame(work))


@storefront.get("/categories/<slug>")
def category_page(slug: str) -> str:
    """One room, or one shelf of it."""
    with read() as work:
        category = category_by_slug(work, slug)
        trail = categories_on_path(work, category)
        shown = _shown(work, Listing(path=category.path), LOOKED_THROUGH)
        same_for_guests(shown.cards)
        return render_template(
            "catalog/category.html",
            category=category,
            trail=_steps(trail[:-1], category.name),
            children=child_categories(work, category),
            shown=shown,
            **_frame(work, here=trail[0].slug),
        )


@storefront.get("/search")
def search_page() -> str:
    """What the words find; everything, if there are none."""
    q = request.args.get("q", "").strip()[:LONGEST_QUERY]
    words = tuple(query_words(q)) if q else None
    with read() as work:
        shown = _shown(work, Listing(words=words), SEARCHED if q else LOOKED_THROUGH)
        lost = bool(q) and not shown.cards
        featured = Listing(featured=True, sort=Sort.NEWEST, limit=4)
        instead = cards_of(leaf_through(work, featured).rows) if lost else []
        same_for_guests(shown.cards, instead)
        return render_template(
            "catalog/search.html",
            q=q,
            shown=shown,
            suggestions=suggest_words(work, words or ()) if lost else [],
            instead=instead,
            **_frame(work),
        )


@storefront.get("/products/<slug>")
def product_page(slug: str) -> str:
    """All about one product, and a way to buy it."""
    with read() as work:
        row = find_product(work, slug)
        trail = categories_on_path(work, category_by_slug(work, row.category_slug))
        card = card_of(row)
        image = absolute_url(card.picture) if card.picture else ""
        related = _related(work, card, row.category_path)
        if card.sold_out:  # else its form holds a token of the visitor's own
            same_for_guests([card], related, lists=False)
        return render_template(
            "catalog/product.html",
            product=card,
            pictures=pictures_of(work, row.id),
            paragraphs=[each for each in row.description.split("\n\n") if each.strip()],
            details=details_of(row.attributes, row.weight_grams),
            described=described_for_machines(card, row.description, absolute_url(card.path), image),
            trail=_steps(trail, card.name),
            related=related,
            **_frame(work, here=trail[0].slug),
        )


def _shown(work: Work, listing: Listing, sorts: Sequence[Sort]) -> Shown:
    asked, cursor = request.args.get("sort", ""), request.args.get("cursor", "")
    sort = next((each for each in sorts if each.value == asked), sorts[0])
    wanted = Listing(
        words=listing.words,
        path=listing.path,
        sort=sort,
        limit=ON_A_PAGE,
        after=start_of(cursor, sort),
    )
    leaf = leaf_through(work, wanted)
    count, even_more = count_found(work, listing)
    return Shown(
        cards=cards_of(leaf.rows),
        count=count,
        even_more=even_more,
        sort=sort,
        sorts=[(each, SORTS[each]) for each in sorts],
        next=_address(sort=asked, cursor=leaf.next) if leaf.next else "",
        first=_address(sort=asked) if cursor else "",
    )


def _related(work: Work, card: Card, path: str) -> list[Card]:
    listing = Listing(path=path, sort=Sort.NEWEST, in_stock=True, limit=5)
    near = cards_of(leaf_through(work, listing).rows)
    return [each for each in near if each.sku != card.sku][:4]


def _steps(categories: Sequence[Category], last: str) -> list[tuple[str, str | None]]:
    between = [(each.name, f"/categories/{each.slug}") for each in categories]
    return [("Start", "/"), *between, (last, None)]


def _frame(work: Work, here: str = "") -> dict[str, object]:
    return {"rooms": child_categories(work, None), "here": here}


def _address(**changed: str | None) -> str:
    """This page's address with other parameters; a new order starts at its beginning."""
    kept = {"q": request.args.get("q", "")}
    wanted = {name: value for name, value in {**kept, **changed}.items() if value}
    return f"{request.path}?{urlencode(wanted)}" if wanted else request.path
