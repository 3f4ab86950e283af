"""Products, for everybody."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from catalog_service.api.answers import STAFF, answer, full, listed
from catalog_service.api.queries import described, query_of
from catalog_service.api.schemas import ProductBrief, ProductOut
from catalog_service.db.categories import path_of
from catalog_service.domain.groups import ROOMS, list_groups, product_group
from catalog_service.domain.listing import Listing, Sort, start_of
from catalog_service.domain.products import ProductState
from catalog_service.domain.search import query_words
from catalog_service.usecases.browsing import find_product, leaf_through
from shared.http.deps import Caller
from shared.http.paging import DEFAULT_LIMIT, MOST, Page
from shared.money import LARGEST
from shared.service import Service
from shared.work import Work

router = APIRouter(prefix="/v1/products", tags=["products"])


class Wanted(BaseModel):
    """What a list of products shall hold."""

    q: str = Field("", max_length=1000, description="Words to look for; all must be found.")
    category: str = Field("", max_length=200, description="A category's slug; with all below it.")
    sort: Sort | None = Field(None, description="Default: relevance with `q`, else name.")
    price__gte: int | None = Field(None, ge=0, le=LARGEST, description="In minor units.")
    price__lte: int | None = Field(None, ge=0, le=LARGEST, description="In minor units.")
    in_stock: bool = Field(False, description="Only what can be bought now.")
    featured: bool = Field(False, description="Only what we recommend.")
    state: ProductState = Field(
        ProductState.PUBLISHED, description=f"Other than published: needs `{STAFF}`."
    )
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=MOST, description="How many items at most.")
    cursor: str | None = Field(None, max_length=1000, description="`next` of the page before.")

    def listing(self, work: Work) -> Listing:
        """The same, checked against the catalogue."""
        words = tuple(query_words(self.q)) if self.q.strip() else None
        sort = self.sort or (Sort.NAME if words is None else Sort.RELEVANCE)
        if words is None and sort is Sort.RELEVANCE:
            sort = Sort.NAME
        return Listing(
            words=words,
            path=path_of(work, self.category) if self.category else "",
            sort=sort,
            price_from=self.price__gte,
            price_to=self.price__lte,
            in_stock=self.in_stock,
            featured=self.featured,
            state=self.state.value,
            limit=self.limit,
            after=start_of(self.cursor, sort),
        )


@router.get("", response_model=Page[ProductBrief], openapi_extra=described(Wanted))
def list_products(request: Request, caller: Caller) -> Response:
    """List products, or search them with `q`."""
    wanted = query_of(request, Wanted)
    if wanted.state is not ProductState.PUBLISHED:
        caller.must(STAFF)
    # The transaction is opened here and not by a dependency: that saves two changes of thread.
    with _service(request).transactions.read() as work:
        leaf = leaf_through(work, wanted.listing(work))
        body = listed(leaf.rows, leaf.next)
    skus = [item["sku"] for item in body["items"]]
    return answer(request, body, caller, list_groups(skus, by_stock=wanted.in_stock))


@router.get("/{slug}", response_model=ProductOut)
def read_product(request: Request, caller: Caller, slug: str) -> Response:
    """Read one product. Its ETag serves `If-None-Match` here and `If-Match` on changes."""
    with _service(request).transactions.read() as work:
        row = find_product(work, slug, for_staff=caller.may(STAFF))
        body = full(work, row)
    return answer(request, body, caller, [product_group(body["sku"]), ROOMS])


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service
