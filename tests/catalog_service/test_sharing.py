"""What the catalogue tells caches: who may share an answer, and when it is over."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from shared.service import Service
from shared.testing import bearer
from tests.catalog_service.builders import a_product, products, staff

PRODUCTS = "/api/catalog/v1/products"
FOR_GATEWAY = "quintet-cache-control"


@pytest.mark.parametrize(
    ("path", "groups"),
    [
        (f"{PRODUCTS}/mug", {"product-MUG", "catalog-categories"}),
        (
            PRODUCTS,
            {"product-CUP", "product-MUG", "product-PEN", "catalog-categories", "catalog-lists"},
        ),
        (
            f"{PRODUCTS}?in_stock=true&limit=1",
            {"product-MUG", "catalog-categories", "catalog-lists", "catalog-levels"},
        ),
        ("/api/catalog/v1/categories", {"catalog-categories"}),
        ("/api/catalog/v1/categories/kitchen", {"catalog-categories"}),
        ("/products/cup", {"product-CUP", "product-MUG", "product-PEN", "catalog-categories"}),
        (
            "/",
            {"product-CUP", "product-MUG", "product-PEN", "catalog-categories", "catalog-lists"},
        ),
    ],
)
def test_an_answer_belongs_to_the_groups_of_all_that_it_shows(
    service: Service, client: TestClient, path: str, groups: set[str]
) -> None:
    products(service, CUP=0, MUG=3, PEN=3)

    answer = client.get(path)

    found = {name.strip().strip('"') for name in answer.headers["cache-groups"].split(",")}
    assert found == groups
    assert "max-age=60" in answer.headers[FOR_GATEWAY]


@pytest.mark.parametrize("path", ["/", "/search", "/categories/kitchen", "/products/mug"])
def test_pages_of_guests_are_the_same_for_all_and_those_of_others_are_not(
    service: Service, client: TestClient, path: str
) -> None:
    products(service, MUG=0)

    guest, other = client.get(path), client.get(path, headers={"cookie": "quintet_csrf=abc"})
    member = client.get(path, headers=bearer(service))

    assert guest.text == other.text
    assert "csrf_token" not in guest.text
    assert "set-cookie" not in guest.headers
    assert guest.headers["cache-control"] == "private, no-cache"
    assert guest.headers["vary"] == "Authorization"
    assert "public" not in guest.headers[FOR_GATEWAY]
    assert member.headers["cache-control"] == "private, no-cache"
    assert FOR_GATEWAY not in member.headers
    assert "Sign out" in member.text


def test_a_page_with_a_form_holds_a_token_and_is_for_one_visitor(
    service: Service, client: TestClient
) -> None:
    products(service, MUG=3)

    page = client.get("/products/mug")

    assert "csrf_token" in page.text
    assert page.headers["cache-control"] == "private, no-cache"
    assert FOR_GATEWAY not in page.headers


def test_a_browser_that_asks_again_learns_that_nothing_changed(
    service: Service, client: TestClient
) -> None:
    products(service, MUG=3)
    etag = client.get("/").headers["etag"]

    assert client.get("/", headers={"if-none-match": etag}).status_code == 304


def test_what_staff_see_is_not_kept(service: Service, client: TestClient) -> None:
    products(service, MUG=3)
    headers = bearer(service, permissions=["catalog.view_product"])

    answer = client.get(f"{PRODUCTS}/mug", headers=headers)

    assert answer.headers["cache-control"] == "private, no-store"
    assert FOR_GATEWAY not in answer.headers


def test_whoever_changes_something_tells_which_groups_are_over(
    service: Service, client: TestClient
) -> None:
    with service.transactions.begin() as work:
        a_product(work)
    headers = staff(service, "product", "price", "stock", "category")
    money = {"amount": 500, "currency": "EUR"}

    price = client.put(f"{PRODUCTS}/MUG/price", json=money, headers=headers)
    refused = client.put(f"{PRODUCTS}/MUG/price", json={"amount": -1}, headers=headers)
    room = client.patch("/api/catalog/v1/categories/kitchen", json={"name": "K"}, headers=headers)

    told = "cache-group-invalidation"
    assert price.headers[told] == '"product-MUG", "catalog-lists", "catalog-levels"'
    assert told not in refused.headers
    assert room.headers[told] == '"catalog-categories"'


@pytest.mark.parametrize("path", ["/", "/static/shared/admin.css"])
def test_pages_leave_the_date_to_the_server(
    service: Service, client: TestClient, path: str
) -> None:
    """RFC 9110, section 6.6.1: one Date; some of Flask's answers would bring a second."""
    products(service, MUG=3)

    answer = client.get(path)

    assert answer.status_code == 200
    assert "date" not in answer.headers
