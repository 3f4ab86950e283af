"""Show products: take pictures in, put them in order, take them away."""

from __future__ import annotations

from sqlalchemy import delete

from catalog_service.db.models import Product, ProductImage
from catalog_service.db.products import images_of, lock_product
from catalog_service.domain.errors import PictureNotFound, PictureRefused
from catalog_service.usecases.products import save_change
from catalog_service.usecases.telling import tell_changed
from shared.uploads import Files, picture_from
from shared.work import Work

MOST_PICTURES = 12
LONGEST_ALT = 300


def add_picture(work: Work, files: Files, sku: str, raw: bytes, *, alt: str) -> Product:
    """Add a picture at the end; the first one becomes the product's face."""
    product = lock_product(work, sku)
    images = images_of(work, product)
    if len(images) >= MOST_PICTURES:
        raise PictureRefused(f"A product has at most {MOST_PICTURES} pictures.")
    picture = picture_from(raw)
    key = files.keep(picture.content, name=product.slug, suffix="webp")
    image = ProductImage(
        product_id=product.id,
        position=images[-1].position + 1 if images else 0,
        key=key,
        alt=(alt.replace("\x00", "") or product.name)[:LONGEST_ALT],
        width=picture.width,
        height=picture.height,
    )
    work.session.add(image)
    _show(work, product)
    return product


def remove_picture(work: Work, sku: str, key: str) -> Product:
    """Take a picture off a product. The file stays: old pages may still show it."""
    product = lock_product(work, sku)
    if key not in {image.key for image in images_of(work, product)}:
        raise PictureNotFound(f"{product.name} has no such picture.")
    work.session.execute(
        delete(ProductImage).where(ProductImage.product_id == product.id, ProductImage.key == key)
    )
    _show(work, product)
    return product


def _show(work: Work, product: Product) -> None:
    work.session.flush()
    images = images_of(work, product)
    product.cover = images[0].key if images else ""
    save_change(work, product)
    tell_changed(work, product)
