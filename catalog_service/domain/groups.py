"""Which answers change together: the groups by which the gateway forgets them.

The gateway knows the same names; it hears our events and purges what they are about.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

LISTS = "catalog-lists"  # which products there are, and in which order
LEVELS = "catalog-levels"  # whether there are products that can be bought now
ROOMS = "catalog-categories"  # names and places of categories

_PRODUCT = re.compile(r"/v1/products/([A-Za-z0-9._-]+)(?:/|$)")
_DRAFTS = re.compile(r"/v1/products/?$")

# Shown one by one in a long list, products would be more groups than a cache follows.
MOST_BY_NAME = 100


def product_group(sku: str) -> str:
    """All answers that show this product."""
    return f"product-{sku}"


def list_groups(skus: Iterable[str], *, by_stock: bool) -> list[str]:
    """The groups of a list that shows these products; `by_stock`: it leaves out what is gone."""
    names = [product_group(sku) for sku in skus][:MOST_BY_NAME]
    return [LISTS, ROOMS, *([LEVELS] if by_stock else []), *names]


def groups_changed_at(path: str) -> list[str]:
    """What a change made at this address concerns; everything, if that is hard to tell."""
    if _DRAFTS.search(path):
        return []
    product = _PRODUCT.search(path)
    return [product_group(product[1]), LISTS, LEVELS] if product else [ROOMS]
