"""The tree of categories."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from catalog_service.api.answers import answer
from catalog_service.api.deps import MayChangeCategory
from catalog_service.api.schemas import (
    Categories,
    CategoryBranch,
    CategoryBrief,
    CategoryIn,
    CategoryOut,
    CategoryPage,
    CategoryPatch,
)
from catalog_service.db.categories import (
    categories_in_order,
    categories_on_path,
    category_by_slug,
    child_categories,
)
from catalog_service.db.models import Category
from catalog_service.domain.groups import ROOMS
from catalog_service.domain.pictures import picture_path
from catalog_service.usecases import categories
from shared.http.deps import Caller, KeyedDep, ReadDep, WorkDep
from shared.work import Work

router = APIRouter(prefix="/v1/categories", tags=["categories"])


@router.get("", response_model=Categories)
def list_categories(request: Request, caller: Caller, work: ReadDep) -> Response:
    """The whole tree, in the order in which the shop shows it."""
    return answer(request, _tree(work).model_dump(mode="json"), caller, [ROOMS])


@router.get("/{slug}", response_model=CategoryPage)
def read_category(request: Request, caller: Caller, work: ReadDep, slug: str) -> Response:
    """One category, the way to it, and what is right below it."""
    category = category_by_slug(work, slug)
    trail = categories_on_path(work, category)
    page = CategoryPage(
        **_category(category, parent=trail[-2].slug if len(trail) > 1 else None).model_dump(),
        trail=[_brief(each) for each in trail],
        children=[_brief(each) for each in child_categories(work, category)],
    )
    return answer(request, page.model_dump(mode="json"), caller, [ROOMS])


@router.post("", status_code=201, response_model=CategoryOut)
def create_category(
    work: WorkDep, keyed: KeyedDep, caller: MayChangeCategory, new: CategoryIn
) -> Response:
    """Plant a category. Needs `catalog.change_category`."""

    def act() -> CategoryOut:
        made = categories.create_category(
            work,
            new.slug,
            new.name,
            parent=new.parent,
            description=new.description,
            position=new.position,
        )
        return _category(made, parent=new.parent or None)

    return keyed.once(
        work,
        str(caller.id),
        act,
        location=lambda made: f"/api/catalog/v1/categories/{made.slug}",
    )


@router.patch("/{slug}")
def edit_category(
    work: WorkDep, caller: MayChangeCategory, slug: str, patch: CategoryPatch
) -> CategoryOut:
    """Rename, move or describe a category. Needs `catalog.change_category`."""
    changed = categories.edit_category(work, slug, patch.model_dump(exclude_unset=True))
    trail = categories_on_path(work, changed)
    return _category(changed, parent=trail[-2].slug if len(trail) > 1 else None)


@router.delete("/{slug}", status_code=204)
def remove_category(work: WorkDep, caller: MayChangeCategory, slug: str) -> None:
    """Cut off a category that holds nothing. Needs `catalog.change_category`."""
    categories.remove_category(work, slug)


def _tree(work: Work) -> Categories:
    rows = categories_in_order(work)
    branches: dict[object, CategoryBranch] = {}
    roots: list[CategoryBranch] = []
    for row in rows:
        above = branches.get(row.parent_id)
        category = _category(row, parent=above.slug if above else None)
        branches[row.id] = CategoryBranch(**category.model_dump(), children=[])
        (above.children if above else roots).append(branches[row.id])
    return Categories(items=roots)


def _category(row: Category, *, parent: str | None) -> CategoryOut:
    return CategoryOut(
        slug=row.slug,
        name=row.name,
        description=row.description,
        image_url=picture_path(row.picture) or None,
        parent=parent,
    )


def _brief(row: Category) -> CategoryBrief:
    return CategoryBrief(slug=row.slug, name=row.name)
