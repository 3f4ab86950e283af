"""Products, prices and stock as JSON, for staff."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.service import Service
from shared.testing import bearer, recorded_clock, sent_by
from tests.catalog_service.builders import staff

PRODUCTS = "/api/catalog/v1/products"
CATEGORIES = "/api/catalog/v1/categories"
MUG = {
    "sku": "MUG-1",
    "name": "Enamel mug",
    "price": {"amount": 1250, "currency": "EUR"},
    "category": "kitchen",
}


def events_about(service: Service, sku: str) -> list[tuple[str, int]]:
    return [(e.type.split(".", 1)[1], e.version) for e in sent_by(service) if e.subject == sku]


def test_a_new_product_is_a_draft_that_nobody_hears_of(
    kitchen: Service, client: TestClient
) -> None:
    made = client.post(PRODUCTS, json=MUG, headers=staff(kitchen, "product"))

    assert made.status_code == 201
    assert made.headers["location"] == f"{PRODUCTS}/enamel-mug"
    assert (made.json()["state"], made.json()["available"]) == ("draft", 0)
    assert client.get(made.headers["location"]).status_code == 404
    assert events_about(kitchen, "MUG-1") == []


def test_a_product_is_published_changed_and_withdrawn_aloud(
    kitchen: Service, client: TestClient
) -> None:
    headers = staff(kitchen, "product")
    client.post(PRODUCTS, json=MUG, headers=headers)

    client.post(f"{PRODUCTS}/MUG-1/publish", headers=headers)
    client.post(f"{PRODUCTS}/MUG-1/publish", headers=headers)
    client.patch(
        f"{PRODUCTS}/MUG-1", json={"name": "Steel mug", "category": "garden"}, headers=headers
    )
    client.post(f"{PRODUCTS}/MUG-1/withdraw", headers=headers)
    client.patch(f"{PRODUCTS}/MUG-1", json={"name": "Tin mug"}, headers=headers)

    assert events_about(kitchen, "MUG-1") == [
        ("product.published.v1", 2), ("product.changed.v1", 3), ("product.withdrawn.v1", 4),
    ]  # fmt: skip
    changed = next(e.data for e in sent_by(kitchen) if e.type == "catalog.product.changed.v1")
    assert changed == {
        "sku": "MUG-1", "version": 3, "slug": "enamel-mug", "name": "Steel mug", "summary": "",
        "price": {"amount": 1250, "currency": "EUR"}, "image_url": "", "category": "garden",
        "available": 0,
    }  # fmt: skip


def test_the_same_creation_under_one_key_happens_once(kitchen: Service, client: TestClient) -> None:
    headers = {**staff(kitchen, "product"), "idempotency-key": "k1"}

    first = client.post(PRODUCTS, json=MUG, headers=headers)
    again = client.post(PRODUCTS, json=MUG, headers=headers)
    other = client.post(PRODUCTS, json={**MUG, "sku": "MUG-2"}, headers=headers)

    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"


def test_skus_and_slugs_belong_to_one_product(kitchen: Service, client: TestClient) -> None:
    headers = staff(kitchen, "product")
    client.post(PRODUCTS, json=MUG, headers=headers)
    client.post(PRODUCTS, json={**MUG, "sku": "MUG-3", "slug": "third"}, headers=headers)

    same_sku = client.post(PRODUCTS, json={**MUG, "slug": "other"}, headers=headers)
    same_slug = client.post(PRODUCTS, json={**MUG, "sku": "MUG-2"}, headers=headers)
    moved = client.patch(f"{PRODUCTS}/MUG-3", json={"slug": "enamel-mug"}, headers=headers)

    assert [(each.status_code, each.json()["errors"][0]["field"]) for each in (same_sku, same_slug, moved)] == [
        (409, "sku"), (409, "slug"), (409, "slug"),
    ]  # fmt: skip


def test_nobody_overwrites_what_they_have_not_seen(kitchen: Service, client: TestClient) -> None:
    headers = bearer(kitchen, superuser=True)
    client.post(PRODUCTS, json=MUG, headers=headers)
    seen = client.get(f"{PRODUCTS}/enamel-mug", headers=headers).headers["etag"]
    client.post(f"{PRODUCTS}/MUG-1/stock", json={"received": 9}, headers=headers)

    mine = {**headers, "if-match": seen}
    first = client.patch(f"{PRODUCTS}/MUG-1", json={"name": "Mine"}, headers=mine)
    second = client.patch(f"{PRODUCTS}/MUG-1", json={"name": "Yours"}, headers=mine)
    price = client.put(f"{PRODUCTS}/MUG-1/price", json=MUG["price"], headers=mine)

    assert (first.status_code, second.status_code, price.status_code) == (200, 412, 412)


def test_a_price_change_is_told_and_the_former_price_is_kept(
    kitchen: Service, client: TestClient
) -> None:
    headers = bearer(kitchen, superuser=True)
    with recorded_clock() as time:
        client.post(PRODUCTS, json=MUG, headers=headers)
        client.post(f"{PRODUCTS}/MUG-1/publish", headers=headers)
        time.forward(days=40)
        cheap = client.put(
            f"{PRODUCTS}/MUG-1/price", json={"amount": 900, "currency": "EUR"}, headers=headers
        )
        time.forward(days=1)
        dear = client.put(
            f"{PRODUCTS}/MUG-1/price", json={"amount": 1500, "currency": "EUR"}, headers=headers
        )
        time.forward(days=1)
        mid = client.put(
            f"{PRODUCTS}/MUG-1/price", json={"amount": 1000, "currency": "EUR"}, headers=headers
        )

    assert [each.json()["was"] for each in (cheap, dear, mid)] == [
        {"amount": 1250, "currency": "EUR"}, None, None,
    ]  # fmt: skip
    said = [e.data for e in sent_by(kitchen) if e.type == "catalog.price.changed.v1"]
    assert said[0] == {
        "sku": "MUG-1", "version": 3, "price": {"amount": 900, "currency": "EUR"},
        "previous": {"amount": 1250, "currency": "EUR"},
    }  # fmt: skip
    assert len(said) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"sku": ""}, {"sku": "a b"}, {"sku": "x" * 65}, {"name": ""}, {"name": "x" * 201},
        {"price": {"amount": -1, "currency": "EUR"}}, {"price": {"amount": 1.5, "currency": "EUR"}},
        {"price": {"amount": "12", "currency": "EUR"}}, {"price": {"amount": 1, "currency": "eur"}},
        {"price": 12}, {"price": {"amount": 10**15, "currency": "EUR"}}, {"slug": "No Slug"},
        {"slug": "-x"}, {"attributes": {"a": 1}}, {"attributes": {"": "x"}}, {"weight_grams": -1},
        {"name": "nul\x00"}, {"description": "x" * 20_001}, {"unknown": 1}, {"summary": "x" * 501},
        {"attributes": {str(n): "x" for n in range(41)}}, {"name": "   "}, {"featured": "maybe"},
    ],
)  # fmt: skip
def test_a_product_that_cannot_be_is_refused(
    calm: Service, caller: TestClient, wrong: dict[str, Any]
) -> None:
    refused = caller.post(PRODUCTS, json={**MUG, **wrong}, headers=staff(calm, "product"))

    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "", MUG), ("PATCH", "/MUG", {"name": "x"}), ("POST", "/MUG/publish", None),
        ("PUT", "/MUG/price", MUG["price"]), ("POST", "/MUG/withdraw", None),
        ("POST", "/MUG/stock", {"received": 1}), ("GET", "/MUG/stock", None),
        ("POST", "/MUG/images", None), ("DELETE", "/MUG/images/k", None),
    ],
)  # fmt: skip
def test_only_staff_with_the_permission_may_change_anything(
    calm: Service, caller: TestClient, method: str, path: str, body: Any
) -> None:
    others = staff(calm, "category", "nothing")

    as_guest = caller.request(method, PRODUCTS + path, json=body)
    as_shopper = caller.request(method, PRODUCTS + path, json=body, headers=bearer(calm))
    as_other = caller.request(method, PRODUCTS + path, json=body, headers=others)

    assert [each.status_code for each in (as_guest, as_shopper, as_other)] == [401, 403, 403]


@pytest.mark.parametrize("sku", ["NOPE", "%00", "a%20b", "x" * 200])
def test_what_is_not_there_cannot_be_changed(calm: Service, caller: TestClient, sku: str) -> None:
    headers = bearer(calm, superuser=True)

    answers = [
        caller.patch(f"{PRODUCTS}/{sku}", json={"name": "x"}, headers=headers),
        caller.put(f"{PRODUCTS}/{sku}/price", json=MUG["price"], headers=headers),
        caller.post(f"{PRODUCTS}/{sku}/stock", json={"received": 1}, headers=headers),
        caller.get(f"{PRODUCTS}/{sku}/stock", headers=headers),
        caller.post(f"{PRODUCTS}/{sku}/publish", headers=headers),
    ]

    assert [each.status_code for each in answers] == [404] * 5
