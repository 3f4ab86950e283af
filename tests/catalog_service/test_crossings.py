"""Two people change the same product at the same moment: they take turns."""

from __future__ import annotations

from catalog_service.usecases.prices import change_price
from catalog_service.usecases.products import edit_product
from shared.money import Money
from shared.service import Service
from shared.testing import after_the_first, crossing
from tests.catalog_service.builders import EUR, STAFF, a_category, products


@crossing
def test_a_product_that_moves_to_another_category_is_found_by_who_waits_for_it(
    service: Service,
) -> None:
    products(service, MUG=1)
    with service.transactions.begin() as work:
        a_category(work, "garden")

    def reduce() -> str:
        with service.transactions.begin() as work:
            product = change_price(work, "MUG", Money(900, EUR), by=STAFF)
            return f"{product.category.slug} at {product.price_amount}, version {product.version}"

    with (
        after_the_first(service, "UPDATE products", reduce) as reduced,
        service.transactions.begin() as work,
    ):
        edit_product(work, "MUG", {"category": "garden"})

    assert reduced.result() == "garden at 900, version 3"
