"""What is asked of the tree of categories."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, func, select

from catalog_service.db.models import Category, Product
from catalog_service.domain.errors import CategoryNotFound
from catalog_service.domain.products import SLUG
from catalog_service.domain.search import AFTER_ALL
from shared.work import Work

_PATH = select(Category.__table__.c.path).where(
    Category.__table__.c.slug == bindparam("slug", type_=Category.__table__.c.slug.type)
)


def category_by_slug(work: Work, slug: str) -> Category:
    """The category with this slug."""
    found = select(Category).where(Category.slug == slug)
    category = work.session.scalars(found).first() if SLUG.match(slug) else None
    if category is None:
        raise CategoryNotFound(slug)
    return category


def path_of(work: Work, slug: str) -> str:
    """The path of the category with this slug."""
    found = SLUG.match(slug) and work.session.connection().execute(_PATH, {"slug": slug}).scalar()
    if not found:
        raise CategoryNotFound(slug)
    return str(found)


def categories_in_order(work: Work) -> Sequence[Category]:
    """All categories; parents come before their children."""
    return work.session.scalars(
        select(Category).order_by(func.length(Category.path), Category.position, Category.name)
    ).all()


def categories_on_path(work: Work, category: Category) -> Sequence[Category]:
    """The category and those above it, the root first."""
    slugs = category.path.strip("/").split("/")
    paths = ["/".join(slugs[: depth + 1]) + "/" for depth in range(len(slugs))]
    return work.session.scalars(
        select(Category).where(Category.path.in_(paths)).order_by(func.length(Category.path))
    ).all()


def child_categories(work: Work, category: Category | None) -> Sequence[Category]:
    """The categories right below this one; the roots for None."""
    return work.session.scalars(
        select(Category)
        .where(Category.parent_id == (category.id if category else None))
        .order_by(Category.position, Category.name)
    ).all()


def categories_below(work: Work, category: Category) -> Sequence[Category]:
    """The category and all below it."""
    return work.session.scalars(
        select(Category)
        .where(Category.path >= category.path, Category.path < category.path + AFTER_ALL)
        .order_by(Category.path)
    ).all()


def slug_exists(work: Work, slug: str) -> bool:
    """Whether a category has this slug."""
    return work.session.scalar(select(Category.id).where(Category.slug == slug)) is not None


def in_use(work: Work, category: Category) -> bool:
    """Whether products or other categories are in it."""
    child = select(Category.id).where(Category.parent_id == category.id)
    product = select(Product.id).where(Product.category_id == category.id)
    return any(work.session.execute(each.limit(1)).first() for each in (child, product))
