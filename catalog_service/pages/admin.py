"""The admin screens of the catalog: what we sell. All writes are use-cases."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.orm import joinedload
from starlette.requests import Request
from starlette.types import ASGIApp
from starlette_admin.fields import ImageField

from catalog_service.db.models import Category, PriceChange, Product
from catalog_service.db.stock_models import Hold, ShelfRow, StockMovement
from catalog_service.domain.errors import PriceInvalid
from catalog_service.domain.pictures import picture_path
from catalog_service.domain.products import ProductState
from catalog_service.pages.admin_stock import HoldView, MovementView, ShelfView
from catalog_service.usecases import categories, pictures, prices, products
from catalog_service.usecases.entering import NewProduct
from shared.http.admin import (
    AdminView,
    AmountField,
    Asked,
    BooleanField,
    DateTimeField,
    EnumField,
    HasOne,
    IntegerField,
    JSONField,
    StringField,
    TextAreaField,
    Values,
    bulk_action,
    create_admin,
    row_action,
)
from shared.http.admin.bus import bus_views
from shared.http.typed import money_typed
from shared.identity import Principal
from shared.money import Money
from shared.service import Service
from shared.uploads import Files
from shared.work import Work

CURRENCY = "EUR"
VIEW, CHANGE = "catalog.view_product", "catalog.change_product"
STATES = [(state.value, state.value.capitalize()) for state in ProductState]


def _picture(request: Request, row: Any) -> dict[str, str] | None:
    key = row.cover if isinstance(row, Product) else row.picture
    return {"url": picture_path(key), "filename": key, "content-type": "image"} if key else None


def _shown(name: str, label: str, getter: Any) -> StringField:
    return StringField(name, label=label, getter=getter, read_only=True, exclude_from_create=True)


class ProductView(AdminView):
    """Products: what is said of them, and who may see them."""

    key = "product"
    menu_label = "Products"
    icon = "fa fa-tag"
    fields = [
        ImageField("image", label="Picture", getter=_picture, required=False),
        StringField("sku", label="SKU", required=True),
        StringField("name", required=True),
        EnumField("state", choices=STATES, read_only=True),
        _shown("price", "Price", lambda _, row: str(row.price)),
        _shown("available", "Available", lambda _, row: f"{row.shelf.free:,}"),
        AmountField("price_amount", label=f"Price ({CURRENCY})", currency=CURRENCY, required=True),
        HasOne("category", key="category", required=True),
        StringField("slug", label="Address", help_text="Made of the name if you leave it empty."),
        TextAreaField("summary"),
        TextAreaField("description", help_text="An empty line begins a new paragraph."),
        JSONField("attributes"),
        IntegerField("weight_grams", label="Weight (g)"),
        BooleanField("featured"),
        DateTimeField("published_at", label="On sale since", read_only=True),
        DateTimeField("updated_at", label="Last changed", read_only=True),
    ]
    exclude_fields_from_list = [
        "slug", "summary", "description", "attributes", "weight_grams", "published_at",
        "price_amount",
    ]  # fmt: skip
    exclude_fields_from_detail = ["price_amount"]
    exclude_fields_from_create = ["state", "published_at", "updated_at"]
    exclude_fields_from_edit = [
        "sku", "state", "price_amount", "published_at", "updated_at", "price", "available",
    ]  # fmt: skip
    searchable_fields = ["sku", "name", "summary"]
    sortable_fields = ["sku", "name", "state", "updated_at"]
    fields_default_sort = [("updated_at", True)]
    view_permission = VIEW
    add_permission = change_permission = CHANGE

    def __init__(self, model: type[Product], files: Files) -> None:
        super().__init__(model)
        self._files = files

    def get_list_query(self, request: Request) -> Select[Any]:
        """Products with their shelves."""
        return super().get_list_query(request).options(joinedload(_shelf()))

    def add(self, work: Work, values: Values, by: Principal) -> Product:
        """Enter a draft."""
        new = NewProduct(
            sku=values["sku"] or "",
            name=values["name"] or "",
            price=Money(values["price_amount"], CURRENCY),
            slug=values.get("slug") or "",
            summary=values.get("summary") or "",
            description=values.get("description") or "",
            attributes=values.get("attributes") or {},
            weight_grams=values.get("weight_grams") or 0,
            featured=bool(values.get("featured")),
        )
        made = products.create_product(work, new, values["category"].slug, by=by)
        return self._with_picture(work, made, values)

    def change(self, work: Work, row: Product, values: Values, by: Principal) -> None:
        """Change what is said of it."""
        said = {name: value for name, value in values.items() if name != "image"}
        if "category" in said:
            said["category"] = said["category"].slug
        for name in ("slug", "summary", "description"):
            if name in said:
                said[name] = said[name] or ""
        if said:
            products.edit_product(work, row.sku, said)
        self._with_picture(work, row, values)

    @bulk_action("Publish", permission=CHANGE, confirm="Put these on sale?")
    def publish(self, work: Work, ids: list[UUID], asked: Asked) -> str:
        """Put the ticked products on sale."""
        for sku in _skus(work, ids):
            products.publish_product(work, sku)
        return f"{len(ids)} on sale."

    @bulk_action("Withdraw", permission=CHANGE, confirm="Take these off sale?", danger=True)
    def withdraw(self, work: Work, ids: list[UUID], asked: Asked) -> str:
        """Take the ticked products off sale."""
        for sku in _skus(work, ids):
            products.withdraw_product(work, sku)
        return f"{len(ids)} taken off sale."

    @row_action(
        "Change price",
        permission="catalog.change_price",
        questions={"price": "The new price, such as 12.50"},
    )
    def change_price(self, work: Work, ids: list[UUID], asked: Asked) -> str:
        """Set the price of one product, in the currency it has."""
        row = work.session.get_one(Product, ids[0])
        try:
            price = money_typed(asked.answers["price"], row.price_currency)
        except ValueError as error:
            raise PriceInvalid("looks like 12.50") from error
        changed = prices.change_price(work, row.sku, price, by=asked.by)
        return f"{changed.name} now costs {changed.price}."

    def _with_picture(self, work: Work, product: Product, values: Values) -> Product:
        upload, _ = values.get("image") or (None, False)
        if upload is not None:
            with upload.file as file:
                raw = file.read()
            pictures.add_picture(work, self._files, product.sku, raw, alt=product.name)
        return product


class CategoryView(AdminView):
    """The tree of categories."""

    key = "category"
    menu_label = "Categories"
    icon = "fa fa-sitemap"
    fields = [
        ImageField("image", label="Picture", getter=_picture, read_only=True),
        StringField("name", required=True),
        StringField("slug", label="Address", required=True),
        HasOne("parent", key="category", label="Below"),
        TextAreaField("description"),
        IntegerField("position"),
        StringField("path", read_only=True),
    ]
    exclude_fields_from_list = ["description"]
    exclude_fields_from_create = ["image", "path"]
    exclude_fields_from_edit = ["image", "path"]
    searchable_fields = ["name", "slug", "description"]
    sortable_fields = ["name", "slug", "path", "position"]
    fields_default_sort = [("path", False)]
    view_permission = VIEW
    add_permission = change_permission = remove_permission = "catalog.change_category"

    def add(self, work: Work, values: Values, by: Principal) -> Category:
        """Plant one."""
        above = values.get("parent")
        return categories.create_category(
            work,
            values["slug"] or "",
            values["name"] or "",
            parent=above.slug if above else "",
            description=values.get("description") or "",
            position=values.get("position") or 0,
        )

    def change(self, work: Work, row: Category, values: Values, by: Principal) -> None:
        """Rename, describe or move it."""
        said = {name: value or "" for name, value in values.items() if name != "position"}
        if "position" in values:
            said["position"] = values["position"] or 0
        if "parent" in values:
            said["parent"] = values["parent"].slug if values["parent"] else ""
        categories.edit_category(work, row.slug, said)

    def remove(self, work: Work, row: Category, by: Principal) -> None:
        """Cut it off, if it holds nothing."""
        categories.remove_category(work, row.slug)


class PriceView(AdminView):
    """What everything cost, and since when. Nobody changes this."""

    key = "price"
    menu_label = "Prices"
    icon = "fa fa-clock-rotate-left"
    named_by: ClassVar[str] = "sku"
    fields = [
        StringField("sku", label="SKU"),
        _shown("price", "Price", lambda _, row: str(row.price)),
        DateTimeField("changed_at", label="Since"),
        StringField("changed_by", label="By"),
    ]
    searchable_fields = ["sku", "changed_by"]
    sortable_fields = ["sku", "changed_at"]
    fields_default_sort = [("changed_at", True)]
    view_permission = VIEW


def create_catalog_admin(service: Service, files: Files) -> ASGIApp:
    """The admin under /admin/catalog/."""
    views = [
        ProductView(Product, files),
        CategoryView(Category),
        ShelfView(ShelfRow),
        MovementView(StockMovement),
        HoldView(Hold),
        PriceView(PriceChange),
        *bus_views(service),
    ]
    return create_admin(service, views, title="Catalog")


def _skus(work: Work, ids: list[UUID]) -> list[str]:
    """Sorted, so that two people who press a button at once do not wait for each other."""
    return sorted(work.session.get_one(Product, each).sku for each in ids)


def _shelf() -> Any:
    return Product.shelf  # type: ignore[attr-defined]  # the other side of ShelfRow.product
