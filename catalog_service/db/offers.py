"""What shoppers see, read fast: statements built once, bound parameters, rows as plain tuples.

Every page of the shop and every list of the API comes through here, so nothing on the way makes
objects of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, bindparam, func, literal, select, tuple_, type_coerce
from sqlalchemy.types import NullType

from catalog_service.db.models import Category, Product, ProductImage
from catalog_service.db.search import matching, matching_values
from catalog_service.db.stock_models import ShelfRow
from catalog_service.domain.listing import Listing, Sort
from catalog_service.domain.search import AFTER_ALL
from shared.work import Work

MOST_COUNTED = 1000
DOWN = (Sort.PRICE_DOWN, Sort.NEWEST, Sort.RELEVANCE)

OfferRow = Row[*tuple[Any, ...]]

_product, _shelf, _category, _image = (
    table.__table__.c for table in (Product, ShelfRow, Category, ProductImage)
)
_from = (
    Product.__table__.join(ShelfRow.__table__, _shelf.sku == _product.sku)
    .join(Category.__table__, _category.id == _product.category_id)
)  # fmt: skip
_BRIEF = (
    _product.slug, _product.sku, _product.name, _product.summary, _product.price_amount,
    _product.price_currency, _product.was_amount, _product.cover,
    (_shelf.on_hand - _shelf.held).label("available"),
    _category.slug.label("category_slug"), _category.name.label("category_name"),
)  # fmt: skip
_FULL = (
    *_BRIEF, _product.id, _product.description, _product.attributes, _product.weight_grams,
    _product.featured, _product.state, _product.version, _product.published_at,
    _product.updated_at, _category.path.label("category_path"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shape:
    """What a list statement looks like, whatever its values: the key by which it is kept."""

    words: int
    below: bool
    sort: Sort
    price_from: bool
    price_to: bool
    in_stock: bool
    featured: bool
    after: bool


def offers(work: Work, listing: Listing) -> Sequence[OfferRow]:
    """One page of products and one row more, if there are; ending in `sort_key` and `raw_id`."""
    statement = _list_statement(_shape_of(listing))
    return work.session.connection().execute(statement, _values_of(listing)).all()


def count_offers(work: Work, listing: Listing) -> int:
    """How many products the listing holds; at most MOST_COUNTED + 1, to stay cheap."""
    statement = _count_statement(_shape_of(listing))
    return int(work.session.connection().execute(statement, _values_of(listing)).scalar_one())


def offer_by_slug(work: Work, slug: str, *, states: Sequence[str]) -> OfferRow | None:
    """All about one product, if it is in one of these states."""
    values = {"slug": slug, "states": list(states)}
    return work.session.connection().execute(_ONE, values).first()


def pictures_of(work: Work, product_id: UUID) -> Sequence[OfferRow]:
    """The pictures of a product: key, alt, width, height."""
    return work.session.connection().execute(_PICTURES, {"product_id": product_id}).all()


def count_on_sale(work: Work) -> int:
    """How many products there are to see."""
    return int(work.session.connection().execute(_ON_SALE).scalar_one())


def places_on_sale(work: Work, *, skip: int, limit: int) -> Sequence[OfferRow]:
    """Slug and last change of products on sale, oldest first."""
    values = {"skip": skip, "most": limit}
    return work.session.connection().execute(_PLACES, values).all()


_ON_SALE = select(func.count()).select_from(Product).where(_product.state == "published")
_PLACES = (
    select(_product.slug, _product.updated_at)
    .where(_product.state == "published")
    .order_by(_product.id)
    .offset(bindparam("skip"))
    .limit(bindparam("most"))
)
_ONE = (
    select(*_FULL).select_from(_from)
    .where(_product.slug == bindparam("slug"))
    .where(_product.state.in_(bindparam("states", expanding=True)))
)  # fmt: skip
_PICTURES = (
    select(_image.key, _image.alt, _image.width, _image.height)
    .where(_image.product_id == bindparam("product_id"))
    .order_by(_image.position, _image.id)
)


def _shape_of(listing: Listing) -> Shape:
    return Shape(
        len(listing.words or ()),
        bool(listing.path),
        listing.sort,
        listing.price_from is not None,
        listing.price_to is not None,
        listing.in_stock,
        listing.featured,
        listing.after is not None,
    )


def _values_of(listing: Listing) -> dict[str, Any]:
    values: dict[str, Any] = {
        "state": listing.state,
        "most": listing.limit + 1,
        "path": listing.path,
        "path_end": listing.path + AFTER_ALL,
        "price_from": listing.price_from,
        "price_to": listing.price_to,
    }
    if listing.after:
        values["after_key"], values["after_id"] = listing.after
    return values | matching_values(listing.words or ())


@cache
def _list_statement(shape: Shape) -> Select[Any]:
    """Choose the rows of one page by an index first, and only then fetch what they show."""
    chosen = _chosen(shape).subquery("chosen")
    # The id is only needed once, for the cursor: it is left as the driver gives it.
    raw_id = type_coerce(_product.id, NullType()).label("raw_id")
    return (
        select(*_BRIEF, chosen.c.sort_key, raw_id)
        .select_from(_from.join(chosen, chosen.c.id == _product.id))
        .order_by(*_order(shape, chosen.c.sort_key))
    )


def _chosen(shape: Shape) -> Select[Any]:
    found = matching(shape.words) if shape.words else None
    key = _sort_key(shape.sort, found)
    columns = select(_product.id, key.label("sort_key")).select_from(Product.__table__)
    statement = _filtered(columns, shape, found)
    if shape.after:
        here = tuple_(key, _product.id)
        there = tuple_(
            bindparam("after_key", type_=key.type), bindparam("after_id", type_=_product.id.type)
        )
        statement = statement.where(here < there if shape.sort in DOWN else here > there)
    return statement.order_by(*_order(shape, key)).limit(bindparam("most"))


def _order(shape: Shape, key: Any) -> tuple[Any, Any]:
    down = shape.sort in DOWN
    return (key.desc(), _product.id.desc()) if down else (key, _product.id)


@cache
def _count_statement(shape: Shape) -> Select[Any]:
    found = matching(shape.words) if shape.words else None
    counted = _filtered(select(literal(1)).select_from(Product.__table__), shape, found)
    some = counted.limit(MOST_COUNTED + 1).subquery()
    return select(func.count()).select_from(some)


def _filtered(statement: Select[Any], shape: Shape, found: Any) -> Select[Any]:
    if found is not None:
        statement = statement.join(found, found.c.product_id == _product.id)
    below = select(_category.id).where(
        _category.path.between(bindparam("path"), bindparam("path_end"))
    )
    there = select(_shelf.sku).where(_shelf.sku == _product.sku, _shelf.on_hand > _shelf.held)
    statement = statement.where(_product.state == bindparam("state"))
    conditions = (
        (shape.below, _product.category_id.in_(below)),
        (shape.price_from, _product.price_amount >= bindparam("price_from")),
        (shape.price_to, _product.price_amount <= bindparam("price_to")),
        (shape.in_stock, there.correlate(Product.__table__).exists()),
        (shape.featured, _product.featured),
    )
    return statement.where(*(condition for asked, condition in conditions if asked))


def _sort_key(sort: Sort, found: Any) -> Any:
    if sort is Sort.RELEVANCE and found is not None:
        return found.c.score
    return {
        Sort.PRICE: _product.price_amount,
        Sort.PRICE_DOWN: _product.price_amount,
        Sort.NEWEST: _product.published_at,
    }.get(sort, _product.sort_name)
