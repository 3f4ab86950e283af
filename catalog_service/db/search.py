"""The index of words: how products get in, and how words find them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, bindparam, delete, func, insert, select

from catalog_service.db.models import Category, Product, ProductWord
from catalog_service.domain.search import (
    CATEGORY,
    DESCRIPTION,
    NAME,
    SUMMARY,
    prefix_range,
    weighed,
)
from shared.work import Work

NEIGHBOURS = 400


def word_rows(product: Mapping[str, Any], category: str) -> list[dict[str, Any]]:
    """The index rows of a product, given by its columns, in a category of this name."""
    attributes = " ".join(f"{value}" for value in product["attributes"].values())
    weights = weighed(
        [
            (NAME, f"{product['name']} {product['sku']}"),
            (CATEGORY, category),
            (SUMMARY, f"{product['summary']} {attributes}"),
            (DESCRIPTION, product["description"]),
        ]
    )
    return [
        {"word": word, "product_id": product["id"], "weight": weight}
        for word, weight in weights.items()
    ]


def index_products(work: Work, product_ids: Iterable[UUID]) -> int:
    """Write the words of these products anew; how many words they have."""
    ids = list(product_ids)
    work.session.flush()
    work.session.execute(delete(ProductWord).where(ProductWord.product_id.in_(ids)))
    products = work.session.execute(
        select(
            Product.id, Product.sku, Product.name, Product.summary, Product.description,
            Product.attributes, Category.name.label("category"),
        ).join(Category).where(Product.id.in_(ids))
    ).mappings()  # fmt: skip
    rows = [row for each in products for row in word_rows(dict(each), each["category"])]
    if rows:
        work.session.execute(insert(ProductWord), rows)
    return len(rows)


def matching(words: int) -> Any:
    """A query for the products that have all of so many words, with their score.

    Its parameters are word0, from0, to0, word1, …; a whole word counts more than a beginning.
    """
    each = [_having(number) for number in range(words)]
    found = select(each[0].c.product_id, _sum([one.c.score for one in each]).label("score"))
    joined = each[0]
    source: Any = joined
    for one in each[1:]:
        source = source.join(one, one.c.product_id == joined.c.product_id)
    return found.select_from(source).subquery("matching")


def matching_values(words: Sequence[str]) -> dict[str, str]:
    """The parameters of `matching` for these words."""
    values: dict[str, str] = {}
    for number, word in enumerate(words):
        low, high = prefix_range(word)
        values |= {f"word{number}": word, f"from{number}": low, f"to{number}": high}
    return values


def words_near(work: Work, word: str) -> list[str]:
    """Stored words that begin like this one, from names and categories."""
    low, high = prefix_range(word[:1])
    rows = work.session.execute(
        select(ProductWord.word)
        .where(ProductWord.word >= low, ProductWord.word < high, ProductWord.weight >= CATEGORY)
        .distinct()
        .limit(NEIGHBOURS)
    )
    return list(rows.scalars())


def _having(number: int) -> Any:
    whole = ProductWord.word == bindparam(f"word{number}", type_=ProductWord.word.type)
    score = func.max(ProductWord.weight * (1 + whole.cast(Integer)))
    return (
        select(ProductWord.product_id, score.label("score"))
        .where(
            ProductWord.word >= bindparam(f"from{number}", type_=ProductWord.word.type),
            ProductWord.word < bindparam(f"to{number}", type_=ProductWord.word.type),
        )
        .group_by(ProductWord.product_id)
        .subquery(f"having{number}")
    )


def _sum(scores: list[Any]) -> Any:
    total = scores[0]
    for score in scores[1:]:
        total = total + score
    return total
