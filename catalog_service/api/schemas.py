"""Bodies: what clients send, and what they get."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictInt, model_validator

from catalog_service.usecases.entering import NewProduct
from shared.http.schemas import In, Out
from shared.money import LARGEST, Money

Sku = Annotated[str, Field(min_length=1, max_length=64, examples=["MUG-BELLY-01"])]
Slug = Annotated[str, Field(max_length=120, examples=["round-belly-mug"])]
Attributes = Annotated[dict[str, str], Field(examples=[{"material": "Stoneware"}])]


class MoneyOut(Out):
    """An amount in whole minor units."""

    amount: int = Field(examples=[2200])
    currency: str = Field(examples=["EUR"])


class MoneyIn(In):
    """An amount in whole minor units."""

    amount: StrictInt = Field(ge=0, le=LARGEST, examples=[2200])
    currency: str = Field(pattern=r"^[A-Z]{3}$", examples=["EUR"])

    @property
    def money(self) -> Money:
        """As a value."""
        return Money(self.amount, self.currency)


class CategoryBrief(Out):
    """Where a product is found."""

    slug: str
    name: str


class ImageOut(Out):
    """A picture of a product."""

    url: str = Field(examples=["/media/catalog/round-belly-mug.0123456789abcdef.svg"])
    alt: str
    width: int
    height: int


class ProductBrief(Out):
    """A product as lists show it."""

    slug: str
    sku: str
    name: str
    summary: str
    price: MoneyOut
    was: MoneyOut | None = Field(description="The lowest price of 30 days before a reduction.")
    available: int = Field(description="How many can still be bought.")
    image_url: str | None
    category: CategoryBrief


class ProductOut(ProductBrief):
    """All about a product."""

    description: str
    attributes: dict[str, str]
    weight_grams: int
    featured: bool
    images: list[ImageOut]
    state: str = Field(examples=["published"])
    version: int
    published_at: datetime | None
    updated_at: datetime


class ProductIn(In):
    """A new product. It is a draft until it is published."""

    sku: Sku
    name: str = Field(min_length=1, max_length=200)
    price: MoneyIn
    category: str = Field(description="The slug of its category.")
    slug: Slug = Field("", description="Its address; made of its name if empty.")
    summary: str = Field("", max_length=500)
    description: str = ""
    attributes: Attributes = {}
    weight_grams: StrictInt = 0
    featured: bool = False

    def product(self) -> NewProduct:
        """As the use-case wants it."""
        said = self.model_dump(exclude={"price", "category"})
        return NewProduct(price=self.price.money, **said)


class ProductPatch(In):
    """What is to be different. Fields that are left out stay as they are."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    slug: Slug = ""
    name: str = Field("", max_length=200)
    category: str = ""
    summary: str = Field("", max_length=500)
    description: str = ""
    attributes: Attributes = {}
    weight_grams: StrictInt = 0
    featured: bool = False


class StockOut(Out):
    """A shelf."""

    sku: str
    on_hand: int
    held: int = Field(description="Of those on hand, promised to orders that are not paid yet.")
    available: int
    version: int


class MovementOut(Out):
    """One change of a shelf."""

    cause: str
    on_hand_change: int
    held_change: int
    order_id: str | None
    note: str
    made_by: str
    made_at: datetime


class StockReport(StockOut):
    """A shelf and its latest changes."""

    movements: list[MovementOut]


class StockChangeIn(In):
    """Either `received` (so many came in), or `counted` (so many are there) with `seen`."""

    received: StrictInt | None = Field(None, ge=1)
    counted: StrictInt | None = Field(None, ge=0)
    seen: StrictInt | None = Field(None, description="`on_hand` as you saw it before counting.")
    reason: str = Field("", max_length=300, pattern=r"^[^\x00]*$")

    @model_validator(mode="after")
    def _one_of_both(self) -> StockChangeIn:
        if (self.received is None) == (self.counted is None):
            raise ValueError("say either what was received or what was counted")
        if (self.counted is None) != (self.seen is None):
            raise ValueError("counted and seen belong together")
        return self


class CategoryOut(Out):
    """A category."""

    slug: str
    name: str
    description: str
    image_url: str | None
    parent: str | None


class CategoryBranch(CategoryOut):
    """A category and what is below it."""

    children: list[CategoryBranch]


class CategoryPage(CategoryOut):
    """A category, where it is, and what is right below it."""

    trail: list[CategoryBrief]
    children: list[CategoryBrief]


class Categories(BaseModel):
    """The whole tree."""

    items: list[CategoryBranch]
    next: None = None


class CategoryIn(In):
    """A new category."""

    slug: Slug
    name: str = Field(min_length=1, max_length=200)
    description: str = ""
    parent: str = Field("", description="The slug of the category above; empty at the root.")
    position: StrictInt = Field(0, ge=0, le=1_000_000)


class CategoryPatch(In):
    """What is to be different."""

    slug: Slug = ""
    name: str = Field("", max_length=200)
    description: str = ""
    parent: str = ""
    position: StrictInt = Field(0, ge=0, le=1_000_000)
