"""Stock as JSON, for staff."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from shared.service import Service
from shared.testing import bearer, tell
from tests.catalog_service.builders import placed, products, shelf, staff

PRODUCTS = "/api/catalog/v1/products"
CATEGORIES = "/api/catalog/v1/categories"
MUG = {
    "sku": "MUG-1",
    "name": "Enamel mug",
    "price": {"amount": 1250, "currency": "EUR"},
    "category": "kitchen",
}


def test_goods_come_in_and_are_counted(service: Service, client: TestClient) -> None:
    products(service, MUG=3)
    url, headers = f"{PRODUCTS}/MUG/stock", bearer(service, superuser=True)

    came = client.post(url, json={"received": 4, "reason": "delivery 12"}, headers=headers)
    counted = client.post(
        url, json={"counted": 6, "seen": 7, "reason": "one broke"}, headers=headers
    )

    assert came.json() == {"sku": "MUG", "on_hand": 7, "held": 0, "available": 7, "version": 2}
    assert counted.json()["on_hand"] == 6
    movements = client.get(url, headers=headers).json()["movements"]
    assert [(m["cause"], m["on_hand_change"], m["note"]) for m in movements] == [
        ("adjusted", -1, "one broke"), ("received", 4, "delivery 12"), ("received", 3, ""),
    ]  # fmt: skip
    assert movements[0]["made_by"] == "tess@quintet.example"


def test_a_count_by_someone_who_saw_another_number_is_refused(
    service: Service, client: TestClient
) -> None:
    products(service, MUG=3)

    stale = client.post(
        f"{PRODUCTS}/MUG/stock", json={"counted": 9, "seen": 4}, headers=staff(service, "stock")
    )

    assert stale.status_code == 409
    assert stale.json()["type"] == "urn:quintet:problem:count-stale"
    assert shelf(service) == (3, 0)


def test_a_count_cannot_take_what_is_promised(service: Service, client: TestClient) -> None:
    products(service, MUG=3)
    tell(service, placed(uuid4(), MUG=2))

    refused = client.post(
        f"{PRODUCTS}/MUG/stock", json={"counted": 1, "seen": 3}, headers=staff(service, "stock")
    )

    assert (refused.status_code, refused.json()["type"]) == (409, "urn:quintet:problem:still-held")
    assert shelf(service) == (3, 2)


@pytest.mark.parametrize(
    "change",
    [
        {}, {"received": 0}, {"received": -3}, {"received": 1, "counted": 1, "seen": 1},
        {"counted": 5}, {"seen": 5}, {"received": 1.5}, {"received": "4"}, {"received": 10**30},
        {"received": 1, "color": "red"}, {"counted": -1, "seen": 3}, {"received": True}, [], None, {"received": 1, "reason": "\x00"},
    ],
)  # fmt: skip
def test_a_senseless_change_of_stock_is_refused(
    calm: Service, caller: TestClient, change: Any
) -> None:
    refused = caller.post(f"{PRODUCTS}/MUG/stock", json=change, headers=staff(calm, "stock"))

    assert refused.status_code == 422
    assert shelf(calm) == (3, 0)
