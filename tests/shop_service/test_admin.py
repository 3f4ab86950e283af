"""The shop's admin: staff look, and act through the same use-cases as everybody."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from shared.service import Service
from shared.testing import bearer
from tests.shop_service import builders as b

ALL = ["shop.view_order", "shop.cancel_order", "shop.ship_order", "shop.refund_order"]


def press(client: TestClient, who: dict[str, str], name: str, order_id: UUID) -> Response:
    """Press a button on an order."""
    client.get("/admin/shop/", headers=who)
    headers = {**who, "X-CSRFToken": client.cookies["starlette_admin_csrftoken"]}
    path = f"/admin/shop/_api/order/row-action?name={name}&pk={order_id}"
    return client.post(path, headers=headers)


def staff(service: Service, *permissions: str, **more: Any) -> dict[str, str]:
    return bearer(service, staff=True, permissions=list(permissions), **more)


def test_every_screen_opens_for_staff_who_may_look(client: TestClient, service: Service) -> None:
    order_id = b.a_confirmed_order(service)
    who, nobody = staff(service, "shop.view_order"), staff(service)
    screens = ["order", "payment", "checkout", "known-product"]

    lists = [client.get(f"/admin/shop/{each}/list", headers=who) for each in screens]
    closed = [client.get(f"/admin/shop/{each}/list", headers=nobody) for each in screens]
    detail = client.get(f"/admin/shop/order/detail?pk={order_id}", headers=who)
    checkout = client.get(f"/admin/shop/checkout/detail?pk={order_id}", headers=who)

    assert [each.status_code for each in lists] == [200] * 4
    assert [each.status_code for each in closed] == [403] * 4
    assert checkout.status_code == 200
    for shown in (b.number_of(service, order_id), "€12.50", "Mug", "Your order is confirmed."):
        assert shown in detail.text


def test_orders_can_be_filtered_by_each_axis(client: TestClient, service: Service) -> None:
    confirmed = b.number_of(service, b.a_confirmed_order(service))
    placed = b.number_of(service, b.a_placed_order(service))
    who = staff(service, "shop.view_order")
    paid = "payment_status__in=captured AND status__in=confirmed"

    by_number = client.get("/admin/shop/order/list", headers=who, params={"q": placed}).text
    found = [
        client.get("/admin/shop/order/list", headers=who, params={"filter": each}).text
        for each in (paid, "status__in=placed,cancelled", "fulfilment_status__in=shipped")
    ]

    shown = [(confirmed in page, placed in page) for page in found]
    assert (confirmed in by_number, placed in by_number) == (False, True)
    assert shown == [(True, False), (False, True), (False, False)]


def test_buttons_ship_cancel_and_refund(client: TestClient, service: Service) -> None:
    sent, off, back = (
        b.a_confirmed_order(service), b.a_placed_order(service), b.a_confirmed_order(service)
    )  # fmt: skip
    who = staff(service, *ALL)

    answers = [
        press(client, who, "ship", sent),
        press(client, who, "cancel", off),
        press(client, who, "refund", back),
    ]
    b.pay(service)

    assert [answer.status_code for answer in answers] == [200] * 3
    assert b.look_at(service, sent).fulfilment == "shipped"
    assert b.look_at(service, off).code == "cancelled-by-staff"
    assert b.look_at(service, back).payment == "refunded"
    assert b.wrongs(service) == []


@pytest.mark.parametrize("button", ["ship", "cancel", "refund"])
def test_who_may_only_look_cannot_press(client: TestClient, service: Service, button: str) -> None:
    order_id = b.a_confirmed_order(service)
    before = b.look_at(service, order_id)

    answer = press(client, staff(service, "shop.view_order"), button, order_id)

    assert answer.status_code in (400, 403)
    assert b.look_at(service, order_id) == before


def test_what_an_order_does_not_allow_is_said(client: TestClient, service: Service) -> None:
    order_id = b.a_placed_order(service)

    answer = press(client, staff(service, *ALL), "ship", order_id)

    assert answer.status_code == 400
    assert "Only a confirmed and paid order" in answer.text
