"""How shoppers leaf through what is on sale: orders, filters, and where a page begins."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from catalog_service.domain.errors import CursorInvalid

Start = tuple[str | int | datetime, UUID]


class Sort(StrEnum):
    """The orders that a list of products can have."""

    NAME = "name"
    PRICE = "price"
    PRICE_DOWN = "-price"
    NEWEST = "newest"
    RELEVANCE = "relevance"


@dataclass(frozen=True, slots=True)
class Listing:
    """What part of the catalogue somebody wants to see, in which order, from where on.

    Without `words` nothing is searched for; with none of them, nothing can be found.
    """

    words: tuple[str, ...] | None = None
    path: str = ""
    sort: Sort = Sort.NAME
    price_from: int | None = None
    price_to: int | None = None
    in_stock: bool = False
    featured: bool = False
    state: str = "published"
    limit: int = 20
    after: Start | None = None


def cursor_after(sort: Sort, key: str | int | datetime, product_id: UUID) -> str:
    """An opaque word for “after this product, in this order”."""
    said = key.isoformat() if isinstance(key, datetime) else key
    raw = json.dumps([str(sort), said, product_id.hex], separators=(",", ":")).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def start_of(cursor: str | None, sort: Sort) -> Start | None:
    """Where the page of a cursor begins; None without one. Refuses what is not from us."""
    if not cursor:
        return None
    try:
        word, key, hexadecimal = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if word != sort:
            raise ValueError("the cursor belongs to another order")
        return _KEYS[sort](key), UUID(hex=hexadecimal)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise CursorInvalid() from error


def _text(key: object) -> str:
    if not isinstance(key, str) or "\x00" in key:
        raise ValueError("no text")
    return key


def _number(key: object) -> int:
    if not isinstance(key, int) or not 0 <= key < 2**53:
        raise ValueError("no number")
    return key


def _moment(key: object) -> datetime:
    at = datetime.fromisoformat(_text(key))
    if at.tzinfo is None:
        raise ValueError("no time zone")
    return at


_KEYS: dict[Sort, Callable[[object], str | int | datetime]] = {
    Sort.NAME: _text,
    Sort.PRICE: _number,
    Sort.PRICE_DOWN: _number,
    Sort.NEWEST: _moment,
    Sort.RELEVANCE: _number,
}
