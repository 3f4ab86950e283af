"""Pictures of products, for staff."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from catalog_service.api.answers import product_out
from catalog_service.api.deps import FilesDep, MayChangeProduct, SentPicture
from catalog_service.api.schemas import ProductOut
from catalog_service.usecases import pictures
from shared.http.deps import KeyedDep, WorkDep

router = APIRouter(prefix="/v1/products/{sku}/images", tags=["products, for staff"])

FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "alt": {"type": "string", "description": "What the picture shows."},
                    },
                }
            }
        },
    }
}


@router.post("", status_code=201, response_model=ProductOut, openapi_extra=FORM)
def add_picture(
    work: WorkDep,
    keyed: KeyedDep,
    caller: MayChangeProduct,
    sku: str,
    sent: SentPicture,
    files: FilesDep,
) -> Response:
    """Add a picture (JPEG, PNG, WebP or GIF; stored as WebP). Needs `catalog.change_product`."""

    def act() -> ProductOut:
        shown = pictures.add_picture(work, files, sku, sent.content, alt=sent.alt)
        return product_out(work, shown)

    return keyed.once(work, str(caller.id), act)


@router.delete("/{key}", response_model=ProductOut)
def remove_picture(work: WorkDep, caller: MayChangeProduct, sku: str, key: str) -> ProductOut:
    """Take a picture off a product. Needs `catalog.change_product`."""
    return product_out(work, pictures.remove_picture(work, sku, key))
