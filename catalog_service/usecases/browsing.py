"""Look around in the catalogue: lists, searches, single products, and what to try instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from uuid import UUID

from catalog_service.db.offers import MOST_COUNTED, OfferRow, count_offers, offer_by_slug, offers
from catalog_service.db.search import words_near
from catalog_service.domain.errors import ProductNotFound
from catalog_service.domain.listing import Listing, cursor_after
from catalog_service.domain.products import SLUG, ProductState
from shared.work import Work

VISIBLE = (ProductState.PUBLISHED.value,)
EVERYTHING = tuple(state.value for state in ProductState)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One page of a list, and the cursor of the next one."""

    rows: Sequence[OfferRow]
    next: str | None


def leaf_through(work: Work, listing: Listing) -> Leaf:
    """The products of one page of a listing."""
    rows = [] if listing.words == () else offers(work, listing)
    if len(rows) <= listing.limit:
        return Leaf(rows, None)
    last = rows[listing.limit - 1]
    return Leaf(
        rows[: listing.limit], cursor_after(listing.sort, last.sort_key, UUID(str(last.raw_id)))
    )


def count_found(work: Work, listing: Listing) -> tuple[int, bool]:
    """How many products a listing holds, and whether there are even more."""
    count = 0 if listing.words == () else count_offers(work, listing)
    return min(count, MOST_COUNTED), count > MOST_COUNTED


def find_product(work: Work, slug: str, *, for_staff: bool = False) -> OfferRow:
    """One product with all that is known of it; staff may see what is not on sale."""
    found = SLUG.match(slug) and offer_by_slug(
        work, slug, states=EVERYTHING if for_staff else VISIBLE
    )
    if not found:
        raise ProductNotFound(slug)
    return found


def suggest_words(work: Work, words: Sequence[str]) -> list[str]:
    """Words of our products that look like the ones that found nothing."""
    suggestions: list[str] = []
    for word in words:
        near = get_close_matches(word, words_near(work, word), n=3, cutoff=0.6)
        suggestions += [each for each in near if each != word and each not in suggestions]
    return suggestions[:5]
