"""Categories as JSON."""

from __future__ import annotations

from starlette.testclient import TestClient

from shared.service import Service
from shared.testing import bearer, sent_by
from tests.catalog_service.builders import products, staff

PRODUCTS = "/api/catalog/v1/products"
CATEGORIES = "/api/catalog/v1/categories"
MUG = {
    "sku": "MUG-1",
    "name": "Enamel mug",
    "price": {"amount": 1250, "currency": "EUR"},
    "category": "kitchen",
}


def test_the_tree_of_categories_is_read_as_it_stands(kitchen: Service, client: TestClient) -> None:
    headers = staff(kitchen, "category")
    made = client.post(
        CATEGORIES, json={"slug": "mugs", "name": "Mugs", "parent": "kitchen"}, headers=headers
    )
    client.post(
        CATEGORIES, json={"slug": "tiny", "name": "Tiny", "parent": "mugs"}, headers=headers
    )

    tree = client.get(CATEGORIES).json()["items"]
    tiny = client.get(f"{CATEGORIES}/tiny").json()

    assert made.status_code == 201
    assert [each["slug"] for each in tree] == ["garden", "kitchen"]
    assert tree[1]["children"][0]["children"][0]["slug"] == "tiny"
    assert [each["slug"] for each in tiny["trail"]] == ["kitchen", "mugs", "tiny"]
    assert (tiny["parent"], tiny["children"]) == ("mugs", [])


def test_a_branch_moves_with_all_that_hangs_on_it(kitchen: Service, client: TestClient) -> None:
    headers = bearer(kitchen, superuser=True)
    for slug, parent in (("mugs", "kitchen"), ("tiny", "mugs")):
        client.post(
            CATEGORIES, json={"slug": slug, "name": slug, "parent": parent}, headers=headers
        )
    client.post(PRODUCTS, json={**MUG, "category": "tiny"}, headers=headers)
    client.post(f"{PRODUCTS}/MUG-1/publish", headers=headers)

    client.patch(f"{CATEGORIES}/mugs", json={"parent": "garden", "slug": "cups"}, headers=headers)
    into_itself = client.patch(f"{CATEGORIES}/cups", json={"parent": "tiny"}, headers=headers)
    client.patch(f"{CATEGORIES}/tiny", json={"slug": "small"}, headers=headers)

    small = client.get(f"{CATEGORIES}/small").json()
    assert [each["slug"] for each in small["trail"]] == ["garden", "cups", "small"]
    assert into_itself.status_code == 409
    assert len(client.get(PRODUCTS, params={"category": "garden"}).json()["items"]) == 1
    assert client.get(PRODUCTS, params={"category": "kitchen"}).json()["items"] == []
    assert [e.data["category"] for e in sent_by(kitchen) if e.subject == "MUG-1"] == [
        "tiny",
        "small",
    ]


def test_a_category_in_use_is_not_cut_off(kitchen: Service, client: TestClient) -> None:
    products(kitchen, MUG=1)
    headers = staff(kitchen, "category")

    used = client.delete(f"{CATEGORIES}/kitchen", headers=headers)
    empty = client.delete(f"{CATEGORIES}/garden", headers=headers)
    taken = client.post(CATEGORIES, json={"slug": "kitchen", "name": "x"}, headers=headers)
    nowhere = client.post(
        CATEGORIES, json={"slug": "x", "name": "x", "parent": "no"}, headers=headers
    )

    assert [e.status_code for e in (used, empty, taken, nowhere)] == [409, 204, 409, 404]
