"""What the shop tells operators of its side of the bus, and whom it tells."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from shared.service import Service
from shared.testing import bearer
from shop_service.db.models import InboxRow, Order, OutboxRow
from tests.shop_service import builders as b

OVERVIEW, PATH = "/api/shop/v1/bus/overview", "/api/shop/v1/bus/path/"


def operator(service: Service) -> dict[str, str]:
    return bearer(service, permissions=["shop.view_bus"])


@pytest.mark.parametrize("path", [OVERVIEW, PATH + "some-correlation"])
def test_only_those_with_the_permission_are_told(
    client: TestClient, service: Service, path: str
) -> None:
    others = bearer(service, staff=True, permissions=["shop.view_order", "catalog.view_bus"])

    answers = [
        client.get(path, headers=who).status_code
        for who in ({}, bearer(service), others, operator(service))
    ]

    assert answers == [401, 403, 403, 200]


def test_the_overview_counts_what_waits(client: TestClient, service: Service) -> None:
    b.a_placed_order(service)

    told = client.get(OVERVIEW, headers=operator(service)).json()

    assert told["service"] == "shop"
    assert told["waiting"]["count"] > 0
    assert told["waiting"]["since"] is not None
    assert [told[pile]["count"] for pile in ("stuck", "parked", "dead")] == [0, 0, 0]
    assert "shop.order.placed.v1" in told["says"]
    assert "catalog.stock.held.v1" in told["hears"]


def test_an_order_number_stands_for_all_that_was_said_and_heard_of_it(
    client: TestClient, service: Service
) -> None:
    order_id = b.a_confirmed_order(service)
    b.a_placed_order(service)
    with service.transactions.read() as work:
        number = work.session.get_one(Order, order_id).number
        spoken = work.session.scalars(
            select(OutboxRow.type).where(OutboxRow.aggregate == f"/shop/{order_id}")
        ).all()
        heard = work.session.scalars(select(InboxRow.correlation)).all()

    told = client.get(PATH + number.lower(), headers=operator(service)).json()

    assert {said["type"] for said in told["said"]} >= {"shop.order.placed.v1", *spoken}
    assert set(told["correlations"]) <= {*heard, *(said["correlation"] for said in told["said"])}
    assert all("body" not in said for said in told["said"])


def test_a_word_that_nobody_knows_has_an_empty_path(client: TestClient, service: Service) -> None:
    told = client.get(PATH + "never-heard-of", headers=operator(service)).json()

    assert (told["said"], told["heard"], told["held"]) == ([], [], [])
    assert told["correlations"] == ["never-heard-of"]
