"""Admin screens: a declared view per table, our permissions, and writes through our use-cases.

    class ProductView(AdminView):
        fields = ["sku", "name", AmountField("price"), "published"]
        view_permission = "catalog.view_products"
        change_permission = "catalog.change_product"

        def change(self, work: Work, row: Product, values: Values, by: Principal) -> None:
            change_product(work, row.sku, by=by, **values)

    create_root(service, admin=LazyAdmin(lambda: create_admin(service, [ProductView(Product)])))

Importing this package loads the panel library: do it inside the function given to
`shared.http.lazy.LazyAdmin`.
"""

from __future__ import annotations

from starlette_admin.fields import (
    BooleanField,
    DateTimeField,
    EmailField,
    EnumField,
    HasMany,
    HasOne,
    IntegerField,
    JSONField,
    StringField,
    TextAreaField,
)

from shared.http.admin.actions import Asked, bulk_action, row_action
from shared.http.admin.amounts import AmountField
from shared.http.admin.panel import create_admin
from shared.http.admin.values import Values
from shared.http.admin.views import AdminView, RowsBelow

__all__ = [
    "AdminView",
    "AmountField",
    "Asked",
    "BooleanField",
    "DateTimeField",
    "EmailField",
    "EnumField",
    "HasMany",
    "HasOne",
    "IntegerField",
    "JSONField",
    "RowsBelow",
    "StringField",
    "TextAreaField",
    "Values",
    "bulk_action",
    "create_admin",
    "row_action",
]
