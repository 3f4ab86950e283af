"""Plant, move and cut branches of the category tree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from catalog_service.db.categories import categories_below, category_by_slug, in_use, slug_exists
from catalog_service.db.models import Category, Product
from catalog_service.db.products import lock_product
from catalog_service.db.search import index_products
from catalog_service.domain import products as rules
from catalog_service.domain.errors import CategoryInsideItself, CategoryInUse, SlugTaken
from catalog_service.usecases.products import save_change
from catalog_service.usecases.telling import tell_changed
from shared.work import Work


def create_category(
    work: Work, slug: str, name: str, *, parent: str = "", description: str = "", position: int = 0
) -> Category:
    """Plant a category, at the root or below `parent` (a slug)."""
    above = category_by_slug(work, parent) if parent else None
    if slug_exists(work, rules.check_slug(slug)):
        raise SlugTaken(slug)
    category = Category(
        slug=slug,
        name=rules.check_name(name),
        description=rules.check_description(description),
        position=position,
        parent_id=above.id if above else None,
        path=_path(above, slug),
        picture="",
    )
    work.session.add(category)
    work.session.flush()
    return category


def edit_category(work: Work, slug: str, changes: Mapping[str, Any]) -> Category:
    """Change a category: name, description, position, picture, slug, parent (a slug or empty)."""
    category = category_by_slug(work, slug)
    slug_before, name_before = category.slug, category.name
    if "name" in changes:
        category.name = rules.check_name(changes["name"])
    if "description" in changes:
        category.description = rules.check_description(changes["description"])
    for name in ("position", "picture"):
        setattr(category, name, changes.get(name, getattr(category, name)))
    if "slug" in changes or "parent" in changes:
        _move(work, category, changes)
    work.session.flush()
    moved, renamed = category.slug != slug_before, category.name != name_before
    _update_products(work, category, told=moved, found=renamed)
    return category


def remove_category(work: Work, slug: str) -> None:
    """Cut off a category that holds nothing."""
    category = category_by_slug(work, slug)
    if in_use(work, category):
        raise CategoryInUse(f"“{category.name}” still holds products or categories.")
    work.session.delete(category)


def _move(work: Work, category: Category, changes: Mapping[str, Any]) -> None:
    slug = rules.check_slug(changes.get("slug", category.slug))
    if slug != category.slug and slug_exists(work, slug):
        raise SlugTaken(slug)
    above = work.session.get(Category, category.parent_id) if category.parent_id else None
    if "parent" in changes:
        above = category_by_slug(work, changes["parent"]) if changes["parent"] else None
    if above and above.path.startswith(category.path):
        raise CategoryInsideItself(f"“{category.name}” cannot be moved below itself.")
    branch, old = categories_below(work, category), category.path
    new = _path(above, slug)
    for each in branch:
        each.path = new + each.path.removeprefix(old)
    category.slug, category.parent_id = slug, above.id if above else None


def _path(above: Category | None, slug: str) -> str:
    return f"{above.path if above else ''}{slug}/"


def _update_products(work: Work, category: Category, *, told: bool, found: bool) -> None:
    """Products carry their category's slug in events, and its name in the search index."""
    if not told and not found:
        return
    rows = work.session.execute(
        select(Product.id, Product.sku).where(Product.category_id == category.id)
    ).all()
    if found:
        index_products(work, [row.id for row in rows])
    for row in rows if told else ():
        product = lock_product(work, row.sku)
        save_change(work, product)
        tell_changed(work, product)
