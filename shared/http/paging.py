"""Pages of a list by cursor: the cursor says after which row the next page starts."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel

from shared.errors import Invalid

T = TypeVar("T")

DEFAULT_LIMIT = 20
MOST = 100


class CursorInvalid(Invalid):
    """The cursor is not one that we handed out."""


class Page(BaseModel, Generic[T]):
    """Some of a list, and the cursor of the rest (null at the end)."""

    items: list[T]
    next: str | None = None


Limit = Annotated[int, Query(ge=1, le=MOST, description="How many items at most.")]
Cursor = Annotated[str | None, Query(max_length=400, description="`next` of the page before.")]


def encode_cursor(*values: str | int) -> str:
    """An opaque, url-safe cursor holding these values."""
    raw = json.dumps(values, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode_cursor(cursor: str | None, *kinds: type[str] | type[int]) -> tuple[Any, ...] | None:
    """The values of a cursor, checked against `kinds`; None without a cursor."""
    if cursor is None:
        return None
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error):
        values = None
    well_formed = (
        isinstance(values, list)
        and len(values) == len(kinds)
        and all(type(value) is kind for value, kind in zip(values, kinds, strict=True))
    )
    if not well_formed:
        raise CursorInvalid(
            "The cursor is not one that we handed out. Start again without it.",
            fields={"cursor": "use the `next` of the page before"},
        )
    return tuple(values)


def page_of(
    rows: Sequence[Any], limit: int, cursor_of: Callable[[Any], str]
) -> tuple[Sequence[Any], str | None]:
    """Cut a query for `limit` + 1 rows to a page, and make the cursor of the next one."""
    if len(rows) <= limit:
        return rows, None
    kept = rows[:limit]
    return kept, cursor_of(kept[-1])
