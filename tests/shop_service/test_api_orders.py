"""Orders over HTTP: shown to their owner, told as they move, acted on by staff."""

from __future__ import annotations

from shared.ids import new_id
from shared.service import Service
from shared.testing import client_of
from tests.shop_service import builders as b
from tests.shop_service.builders import Shop
from tests.shop_service.world import CatalogAndWorker


def test_an_order_is_shown_to_whoever_placed_it_and_to_nobody_else(
    shop: Shop, service: Service
) -> None:
    owner, stranger = shop.as_user(), shop.as_user()
    owner.add("mug")
    number = owner.order().json()["number"]

    assert owner.call("GET", f"/orders/{number}").status_code == 200
    assert owner.call("GET", f"/orders/{number.lower().replace('-', '')}").status_code == 200
    for other in (stranger, shop):
        for method, path in (("GET", ""), ("POST", "/cancel"), ("GET", "/events")):
            assert other.call(method, f"/orders/{number}{path}").status_code == 404
    staff = shop.as_user(permissions=["shop.view_order"])
    assert staff.call("GET", f"/orders/{number}").status_code == 200


def test_a_guests_order_needs_the_guests_token(shop: Shop, service: Service) -> None:
    token = shop.add("mug").json()["token"]
    number = shop.order().json()["number"]

    with client_of(service) as client:
        elsewhere = Shop(service, client)
        without = elsewhere.call("GET", f"/orders/{number}")
        wrong = elsewhere.call("GET", f"/orders/{number}", headers={"x-cart-token": "x" * 43})
        right = elsewhere.call("GET", f"/orders/{number}", headers={"x-cart-token": token})

    assert (without.status_code, wrong.status_code, right.status_code) == (404, 404, 200)


def test_orders_are_listed_newest_first_page_by_page(shop: Shop) -> None:
    user = shop.as_user()
    numbers = []
    for _ in range(3):
        user.add("mug")
        numbers.append(user.order().json()["number"])

    first = user.call("GET", "/orders?limit=2").json()
    second = user.call("GET", f"/orders?limit=2&cursor={first['next']}").json()

    listed = [order["number"] for order in first["items"] + second["items"]]
    assert sorted(listed) == sorted(numbers)
    assert second["next"] is None
    assert user.call("GET", "/orders?cursor=junk").status_code == 422
    assert user.call("GET", f"/orders?cursor={_cursor('not-a-uuid')}").status_code == 422
    shop.client.cookies.clear()
    assert shop.call("GET", "/orders").status_code == 401


def _cursor(value: str) -> str:
    from shared.http.paging import encode_cursor

    return encode_cursor(value)


def test_the_stream_tells_each_step_and_ends_with_the_outcome(shop: Shop, service: Service) -> None:
    shop.add("mug")
    number = shop.order().json()["number"]

    with CatalogAndWorker(service):
        stream = shop.call("GET", f"/orders/{number}/events")

    assert stream.headers["content-type"].startswith("text/event-stream")
    ids = [line for line in stream.text.splitlines() if line.startswith("id: ")]
    assert ids == [f"id: {seq}" for seq in range(1, 6)]
    assert stream.text.rstrip().endswith('event: end\ndata: {"status": "confirmed"}')


def test_a_stream_goes_on_after_what_was_seen(shop: Shop, service: Service) -> None:
    shop.add("mug")
    number = shop.order().json()["number"]
    with CatalogAndWorker(service):
        shop.call("GET", f"/orders/{number}/events")

    rest = shop.call("GET", f"/orders/{number}/events", headers={"last-event-id": "3"})
    over = shop.call("GET", f"/orders/{number}/events", headers={"last-event-id": "5"})
    odd = shop.call("GET", f"/orders/{number}/events", headers={"last-event-id": "9" * 40})

    assert "id: 3\n" not in rest.text
    assert "id: 4\n" in rest.text
    assert over.status_code == 204
    assert odd.status_code == 200


def test_a_shopper_cancels_while_the_payment_is_not_promised(shop: Shop, service: Service) -> None:
    shop.add("mug")
    number = shop.order().json()["number"]

    cancelled = shop.call("POST", f"/orders/{number}/cancel")
    again = shop.call("POST", f"/orders/{number}/cancel")

    assert cancelled.status_code == 200
    assert (cancelled.json()["status"], cancelled.json()["code"]) == (
        "cancelled",
        "cancelled-by-shopper",
    )
    assert again.status_code == 409
    assert b.types_sent(service) == ["order.placed.v1", "order.cancelled.v1"]


def test_a_confirmed_order_can_no_longer_be_cancelled(shop: Shop, service: Service) -> None:
    shop.add("mug")
    with CatalogAndWorker(service):
        number = shop.order(prefer="wait=10").json()["number"]

    answer = shop.call("POST", f"/orders/{number}/cancel")

    assert answer.status_code == 409
    assert "can no longer be cancelled" in answer.json()["detail"]


def test_staff_ship_and_refund_with_their_permissions_only(shop: Shop, service: Service) -> None:
    number = b.number_of(service, b.a_confirmed_order(service))
    staff = shop.as_user(permissions=["shop.ship_order", "shop.refund_order"])

    codes = [
        shop.call("POST", f"/orders/{number}/ship").status_code,
        shop.as_user().call("POST", f"/orders/{number}/refund").status_code,
    ]
    shipped = staff.call("POST", f"/orders/{number}/ship")
    again = staff.call("POST", f"/orders/{number}/ship")
    refunded = staff.call("POST", f"/orders/{number}/refund")
    twice = staff.call("POST", f"/orders/{number}/refund")
    b.pay(service)

    seen = shop.as_user(superuser=True).call("GET", f"/orders/{number}").json()
    assert codes == [401, 403]
    assert (shipped.status_code, again.status_code) == (200, 409)
    assert (refunded.status_code, twice.status_code) == (202, 409)
    assert (seen["payment_status"], seen["fulfilment_status"]) == ("refunded", "shipped")
    assert b.types_sent(service)[-2:] == ["order.shipped.v1", "order.refunded.v1"]
    assert b.wrongs(service) == []


def test_staff_cancel_for_somebody_else(shop: Shop, service: Service) -> None:
    number = b.number_of(service, b.a_placed_order(service))

    answer = shop.as_user(permissions=["shop.cancel_order"]).call(
        "POST", f"/orders/{number}/cancel"
    )

    assert answer.json()["code"] == "cancelled-by-staff"


def test_unknown_numbers_are_not_found(shop: Shop) -> None:
    staff = shop.as_user(superuser=True)

    for number in ("Q7F3-K2MD-9", "' OR 1=1", "%00", str(new_id()), "١٢٣٤-٥٦٧٨-٩"):
        assert staff.call("GET", f"/orders/{number}").status_code in (404, 422)
