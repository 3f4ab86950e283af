"""Products as JSON: what everybody may read."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from starlette.testclient import TestClient

from catalog_service.api.schemas import ProductBrief, ProductOut
from catalog_service.usecases.entering import NewPicture
from catalog_service.usecases.products import withdraw_product
from shared.service import Service
from shared.testing import bearer
from tests.catalog_service.builders import a_category, a_product

PRODUCTS = "/api/catalog/v1/products"


def some(service: Service, count: int = 7, **said: Any) -> None:
    """Products P0, P1, … with rising prices, each newer than the one before."""
    with service.transactions.begin() as work:
        for number in range(count):
            a_product(work, f"P{number}", price=1000 + number * 10, on_hand=number % 3, **said)


def skus(body: dict[str, Any]) -> list[str]:
    return [item["sku"] for item in body["items"]]


def test_a_list_has_what_a_shop_window_needs(service: Service, client: TestClient) -> None:
    with service.transactions.begin() as work:
        a_product(work, "MUG-1", on_hand=3, name="Enamel mug", slug="enamel-mug", summary="Blue.",
                  pictures=[NewPicture("mug.0123456789abcdef.svg", "A mug", 800, 800)])  # fmt: skip

    body = client.get(PRODUCTS).json()

    assert body == {
        "items": [
            {
                "slug": "enamel-mug",
                "sku": "MUG-1",
                "name": "Enamel mug",
                "summary": "Blue.",
                "price": {"amount": 1250, "currency": "EUR"},
                "was": None,
                "available": 3,
                "image_url": "/media/catalog/mug.0123456789abcdef.svg",
                "category": {"slug": "kitchen", "name": "Kitchen"},
            }
        ],
        "next": None,
    }


def test_a_product_tells_all_about_itself(service: Service, client: TestClient) -> None:
    with service.transactions.begin() as work:
        a_product(work, "MUG-1", slug="enamel-mug", description="Ding.", weight_grams=300,
                  attributes={"colour": "blue"}, featured=True,
                  pictures=[NewPicture("mug.0123456789abcdef.svg", "A mug", 800, 600)])  # fmt: skip

    body = client.get(f"{PRODUCTS}/enamel-mug").json()

    assert (body["description"], body["weight_grams"], body["featured"]) == ("Ding.", 300, True)
    assert body["attributes"] == {"colour": "blue"}
    assert body["images"] == [
        {
            "url": "/media/catalog/mug.0123456789abcdef.svg",
            "alt": "A mug",
            "width": 800,
            "height": 600,
        }
    ]
    assert (body["state"], body["version"]) == ("published", 1)


def test_the_quick_answers_have_exactly_the_documented_shape(
    service: Service, client: TestClient
) -> None:
    some(service, 1)

    brief = client.get(PRODUCTS).json()["items"][0]
    full = client.get(f"{PRODUCTS}/p0").json()

    assert list(brief) == list(ProductBrief.model_fields)
    assert list(full) == list(ProductOut.model_fields)
    assert json.loads(ProductOut.model_validate(full).model_dump_json())["sku"] == full["sku"]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("name", ["P0", "P1", "P2", "P3", "P4", "P5", "P6"]),
        ("price", ["P0", "P1", "P2", "P3", "P4", "P5", "P6"]),
        ("-price", ["P6", "P5", "P4", "P3", "P2", "P1", "P0"]),
        ("newest", ["P6", "P5", "P4", "P3", "P2", "P1", "P0"]),
    ],
)
def test_pages_by_cursor_show_everything_once_in_order(
    service: Service, client: TestClient, sort: str, expected: list[str]
) -> None:
    some(service)
    seen: list[str] = []
    cursor: str | None = ""

    while cursor is not None:
        found = client.get(PRODUCTS, params={"sort": sort, "limit": 3, "cursor": cursor}).json()
        seen += skus(found)
        cursor = found["next"]

    assert seen == expected


def test_equal_prices_are_not_lost_between_pages(service: Service, client: TestClient) -> None:
    with service.transactions.begin() as work:
        for number in range(5):
            a_product(work, f"P{number}", price=500)

    first = client.get(PRODUCTS, params={"sort": "price", "limit": 2}).json()
    rest = client.get(PRODUCTS, params={"sort": "price", "cursor": first["next"]}).json()

    assert sorted(skus(first) + skus(rest)) == ["P0", "P1", "P2", "P3", "P4"]


def test_a_category_shows_what_is_below_it_too(service: Service, client: TestClient) -> None:
    with service.transactions.begin() as work:
        kitchen = a_category(work, "kitchen")
        a_category(work, "kitchen-garden")
        a_product(work, "POT", category=kitchen)
        a_product(work, "MUG", category=a_category(work, "mugs", parent=kitchen))
        a_product(work, "HOE", category=a_category(work, "kitchen-garden"))

    assert skus(client.get(PRODUCTS, params={"category": "kitchen"}).json()) == ["MUG", "POT"]
    assert skus(client.get(PRODUCTS, params={"category": "mugs"}).json()) == ["MUG"]
    assert client.get(PRODUCTS, params={"category": "nowhere"}).status_code == 404


def test_prices_and_stock_narrow_a_list(service: Service, client: TestClient) -> None:
    some(service)

    cheap = client.get(PRODUCTS, params={"price__gte": 1020, "price__lte": 1040}).json()
    there = client.get(PRODUCTS, params={"in_stock": True}).json()

    assert skus(cheap) == ["P2", "P3", "P4"]
    assert skus(there) == ["P1", "P2", "P4", "P5"]


def test_who_has_a_product_already_gets_304(service: Service, client: TestClient) -> None:
    some(service, 1)
    first = client.get(f"{PRODUCTS}/p0")

    again = client.get(f"{PRODUCTS}/p0", headers={"if-none-match": first.headers["etag"]})
    other = client.get(f"{PRODUCTS}/p0", headers={"if-none-match": '"v9.00"'})

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert other.status_code == 200
    assert first.headers["cache-control"] == "public, max-age=2"


def test_an_etag_changes_when_only_the_stock_moves(service: Service, client: TestClient) -> None:
    some(service, 1)
    before = client.get(f"{PRODUCTS}/p0").headers["etag"]

    client.post(
        f"{PRODUCTS}/P0/stock",
        json={"received": 5},
        headers=bearer(service, permissions=["catalog.change_stock"]),
    )

    assert client.get(f"{PRODUCTS}/p0").headers["etag"] != before


def test_what_is_not_on_sale_is_seen_by_staff_only(service: Service, client: TestClient) -> None:
    some(service, 2)
    with service.transactions.begin() as work:
        withdraw_product(work, "P1")
    staff = bearer(service, permissions=["catalog.view_product"])
    withdrawn = {"state": "withdrawn"}

    assert client.get(f"{PRODUCTS}/p1").status_code == 404
    assert client.get(f"{PRODUCTS}/p1", headers=staff).json()["state"] == "withdrawn"
    assert (
        client.get(f"{PRODUCTS}/p1", headers=staff).headers["cache-control"] == "private, no-store"
    )
    assert skus(client.get(PRODUCTS).json()) == ["P0"]
    assert client.get(PRODUCTS, params=withdrawn).status_code == 401
    assert client.get(PRODUCTS, params=withdrawn, headers=bearer(service)).status_code == 403
    assert skus(client.get(PRODUCTS, params=withdrawn, headers=staff).json()) == ["P1"]


@pytest.mark.parametrize(
    "params",
    [
        {"limit": -1}, {"limit": 0}, {"limit": 101}, {"limit": "many"}, {"sort": "colour"},
        {"price__gte": -5}, {"price__lte": 10**40}, {"cursor": "nonsense"}, {"cursor": "x" * 5000},
        {"cursor": "WyJuYW1lIiwxLCJ4Il0"}, {"cursor": "bnVsbA"}, {"q": "x" * 5000},
        {"state": "secret"}, {"cursor": "\x00"}, {"cursor": "é"},
    ],
)  # fmt: skip
def test_a_senseless_list_is_refused_with_a_problem(
    calm: Service, caller: TestClient, params: dict[str, str]
) -> None:
    refused = caller.get(PRODUCTS, params=params)

    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["errors"]


def test_a_cursor_of_another_order_is_refused(service: Service, client: TestClient) -> None:
    some(service)
    by_price = client.get(PRODUCTS, params={"sort": "price", "limit": 1}).json()["next"]

    refused = client.get(PRODUCTS, params={"sort": "name", "cursor": by_price})

    assert refused.json()["type"] == "urn:quintet:problem:cursor-invalid"


@pytest.mark.parametrize(
    "slug", ["nope", "NOPE", "%00", "..%2f..%2fetc", "%F0%9F%A6%84", "a" * 900, "p0'--", "%ff"]
)
def test_an_unknown_product_is_not_found(calm: Service, caller: TestClient, slug: str) -> None:
    found = caller.get(f"{PRODUCTS}/{slug}")

    assert found.status_code == 404
    assert found.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "q", ["🦄", "%", "_", "\x00", "'; drop table products; --", "\u202e", "!!!", " "]
)
def test_strange_queries_find_nothing_or_everything_but_never_break(
    calm: Service, caller: TestClient, q: str
) -> None:
    found = caller.get(PRODUCTS, params={"q": q})

    assert found.status_code == 200
    assert len(found.json()["items"]) == (1 if not q.strip() else 0)


def test_the_newest_come_first_even_across_a_page_break(
    service: Service, client: TestClient
) -> None:
    some(service)

    found = client.get(PRODUCTS, params={"sort": "newest"}).json()["items"]
    times = [client.get(f"{PRODUCTS}/{item['slug']}").json()["published_at"] for item in found]

    assert all(later >= earlier for later, earlier in pairwise(times))
