"""From rows to JSON without detours: the lists and products that most requests ask for.

The shapes are those of `schemas.ProductBrief` and `schemas.ProductOut`; a test compares them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any

from fastapi import Request, Response

from catalog_service.api.schemas import ProductOut
from catalog_service.db.models import Product
from catalog_service.db.offers import OfferRow, pictures_of
from catalog_service.domain.pictures import picture_path
from catalog_service.usecases.browsing import find_product
from shared.http.caching import kept_by_gateway
from shared.identity import Principal
from shared.work import Work

STAFF = "catalog.view_product"


def brief(row: OfferRow) -> dict[str, Any]:
    """A product as lists show it."""
    # By place and not by name, which would cost more than all the rest; see db.offers.
    slug, sku, name, summary, amount, currency, was, cover, available, place, place_name = row[:11]
    return {
        "slug": slug,
        "sku": sku,
        "name": name,
        "summary": summary,
        "price": {"amount": amount, "currency": currency},
        "was": None if was is None else {"amount": was, "currency": currency},
        "available": available,
        "image_url": picture_path(cover) or None,
        "category": {"slug": place, "name": place_name},
    }


def full(work: Work, row: OfferRow) -> dict[str, Any]:
    """All about a product."""
    published = row.published_at
    return {
        **brief(row),
        "description": row.description,
        "attributes": row.attributes,
        "weight_grams": row.weight_grams,
        "featured": row.featured,
        "images": [_image(each) for each in pictures_of(work, row.id)],
        "state": row.state,
        "version": row.version,
        "published_at": published.isoformat() if published else None,
        "updated_at": row.updated_at.isoformat(),
    }


def listed(rows: Sequence[OfferRow], cursor: str | None) -> dict[str, Any]:
    """One page of a list."""
    return {"items": [brief(row) for row in rows], "next": cursor}


def product_out(work: Work, product: Product) -> ProductOut:
    """A product as staff get it after they changed it."""
    work.session.flush()
    row = find_product(work, product.slug, for_staff=True)
    return ProductOut.model_validate(full(work, row))


def address_of(product: ProductOut) -> str:
    """Where a product is read."""
    return f"/api/catalog/v1/products/{product.slug}"


def answer(
    request: Request, body: dict[str, Any], caller: Principal, groups: Iterable[str]
) -> Response:
    """The body as JSON with its ETag; 304 when the caller has it already.

    The gateway keeps it until an event purges one of the `groups`.
    """
    raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    digest = blake2b(raw, digest_size=9).hexdigest()
    version = body.get("version")
    etag = f'"v{version}.{digest}"' if version else f'W/"{digest}"'
    headers = {"etag": etag, **_for_caches(request, caller, groups)}
    seen = request.headers.get("if-none-match")
    if seen and etag.removeprefix("W/") in seen.replace("W/", ""):
        return Response(None, 304, headers)
    return Response(raw, 200, headers, media_type="application/json")


def _image(row: OfferRow) -> dict[str, Any]:
    return {
        "url": picture_path(row.key),
        "alt": row.alt,
        "width": row.width,
        "height": row.height,
    }


def _for_caches(request: Request, caller: Principal, groups: Iterable[str]) -> dict[str, str]:
    if caller.may(STAFF):  # staff see drafts, and want to see what they did at once
        return {"cache-control": "private, no-store"}
    state = request.app.state
    kept = kept_by_gateway(groups, seconds=state.gateway_seconds)
    return {"cache-control": f"public, max-age={state.cache_seconds}", **kept}
