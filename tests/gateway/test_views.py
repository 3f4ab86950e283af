"""Views: several services in one answer, each asked in the name of the caller."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.gateway.conftest import Services
from tests.gateway.signing import Auth, bearer
from tests.gateway.stage import Seen, answer, get, says
from tests.gateway.telling import (
    JSON,
    ORDER,
    an_order,
    missing,
    offers,
    product,
    tells,
)
from tests.gateway.test_identity import ASK, knows


def test_an_order_comes_with_its_products_and_its_shipment(
    client: httpx.Client, services: Services
) -> None:
    tells(services.shop, ORDER, an_order("mug", "pen"))
    offers(services, "mug", "pen")

    response = client.get("/api/views/orders/Q7F3-K2MD-9")

    view = response.json()
    assert response.status_code == 200
    assert response.headers["cache-control"] == "private, no-store"
    assert [each["product"]["name"] for each in view["order"]["lines"]] == [
        "mug today",
        "pen today",
    ]
    assert view["shipment"] == {
        "status": "shipped",
        "shipped_at": "2026-11-20T10:00:00Z",
        "follow": "/api/shop/v1/orders/Q7F3-K2MD-9/events",
    }
    assert view["missing"] == []
    assert "email" not in view["order"], "a view shows what it says it shows"


def test_all_products_are_asked_at_once_but_not_too_many(
    client: httpx.Client, services: Services
) -> None:
    slugs = [f"p{n}" for n in range(45)]
    now, most = 0, 0

    async def script(
        seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1
        slug = seen.target.rpartition("/")[2]
        writer.write(answer(json.dumps(product(slug)).encode(), JSON))

    tells(services.shop, ORDER, an_order(*slugs, "p0"))
    for slug in slugs:
        services.catalog.on(f"/api/catalog/v1/products/{slug}", script)

    response = client.get("/api/views/orders/Q7F3-K2MD-9")

    assert 2 <= most <= 8
    assert missing(response) == {f"products.p{n}": "too-many" for n in range(40, 45)}
    assert len(services.catalog.seen) == 40, "the product that is in two lines is asked once"


def test_a_session_is_shown_to_each_service_as_a_token_of_its_own(
    client: httpx.Client, services: Services
) -> None:
    services.auth.on(ASK, knows("kettle"))
    tells(services.shop, ORDER, an_order("mug"))
    offers(services, "mug")

    client.get("/api/views/orders/Q7F3-K2MD-9", headers={"cookie": "quintet_session=kettle; a=b"})

    audiences = {json.loads(each.body)["audience"] for each in services.auth.seen}
    assert audiences == {"shop", "catalog"}
    tokens = [each.seen[-1].one("authorization") for each in (services.shop, services.catalog)]
    assert len(set(tokens)) == 2
    assert not services.shop.seen[-1].all("cookie"), "the session key stays with us"


def test_a_token_of_ones_own_and_the_request_id_are_passed_on(
    client: httpx.Client, services: Services
) -> None:
    tells(services.shop, ORDER, an_order())
    Auth(services.auth)
    mine = bearer()
    headers = {**mine, "x-request-id": "my-request-id", "x-evil": "1"}

    client.get("/api/views/orders/Q7F3-K2MD-9", headers=headers)

    asked = services.shop.seen[-1]
    assert asked.one("authorization") == mine["authorization"]
    assert asked.one("x-request-id") == "my-request-id"
    assert 0 < int(asked.one("x-request-timeout-ms")) <= 3000
    assert not asked.all("x-evil")


def test_a_product_comes_with_the_way_to_it_and_the_number_in_the_cart(
    client: httpx.Client, services: Services
) -> None:
    offers(services, "mug")
    trail = [{"slug": "kitchen", "name": "Kitchen"}, {"slug": "mugs", "name": "Mugs"}]
    tells(services.catalog, "/api/catalog/v1/categories/mugs", {"trail": trail})
    cart = {"lines": [{"sku": "MUG", "quantity": 3}, {"sku": "PEN", "quantity": 1}]}
    tells(services.shop, "/api/shop/v1/cart", cart)

    by_cookie = client.get("/api/views/products/mug", headers={"cookie": "quintet_cart=t0ken"})
    asked_by_cookie = services.shop.seen[-1]
    by_header = client.get("/api/views/products/mug", headers={"x-cart-token": "t0ken"})

    for view in (by_cookie.json(), by_header.json()):
        assert (view["in_cart"], view["available"], view["missing"]) == (3, True, [])
        assert view["trail"] == trail
    assert asked_by_cookie.one("cookie") == "quintet_cart=t0ken"
    assert services.shop.seen[-1].one("x-cart-token") == "t0ken"


def test_a_stranger_has_nothing_in_the_cart_and_the_shop_is_not_asked(
    client: httpx.Client, services: Services
) -> None:
    offers(services, "mug")
    tells(services.catalog, "/api/catalog/v1/categories/mugs", {"trail": []})

    response = httpx.get(f"{client.base_url}/api/views/products/mug", trust_env=False)

    assert response.json()["in_cart"] == 0
    assert services.shop.seen == []


def test_the_first_page_shows_what_can_be_had(client: httpx.Client, services: Services) -> None:
    mugs: dict[str, Any] = {"slug": "mugs", "name": "Mugs", "image_url": None, "children": []}
    tells(services.catalog, "/api/catalog/v1/categories", {"items": [mugs]})
    tells(services.catalog, "/api/catalog/v1/products", {"items": [product("mug")], "next": None})
    services.shop.on("/api/shop/v1/cart", says(answer(b"", status="503 Not Now")))

    response = client.get("/api/views/home", headers={"cookie": "quintet_cart=t0ken"})

    view = response.json()
    assert view["categories"] == [mugs]
    assert [each["slug"] for each in view["products"]] == ["mug"]
    assert view["cart"] is None
    assert missing(response) == {"cart": "busy"}


def test_the_end_of_an_operation_is_told_to_those_who_use_it_through_a_view(
    client: httpx.Client, services: Services
) -> None:
    """RFC 9745 and RFC 8594."""
    farewell = "deprecation: @1767225600", "sunset: Fri, 31 Dec 2027 23:59:59 GMT"
    tells(services.shop, ORDER, an_order(), *farewell)

    response = client.get("/api/views/orders/Q7F3-K2MD-9")
    directly = client.get(ORDER)

    for each in (response, directly):
        assert each.headers["deprecation"] == "@1767225600"
        assert each.headers["sunset"] == "Fri, 31 Dec 2027 23:59:59 GMT"


def test_views_are_part_of_the_merged_document(client: httpx.Client) -> None:
    document = get(f"{client.base_url}/openapi.json").json()

    operation = document["paths"]["/api/views/orders/{number}"]["get"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    name = schema["$ref"].rpartition("/")[2]
    assert operation["tags"] == ["gateway: views"]
    assert operation["operationId"] == "gateway_read_order"
    assert {"200", "401", "404"} <= set(operation["responses"])
    assert "422" not in operation["responses"], "any text is a number that nobody has"
    OpenAPIV31SpecValidator(document).validate()
    assert {"order", "shipment", "missing"} == set(
        document["components"]["schemas"][name]["properties"]
    )


def test_a_view_can_be_asked_for_its_head_alone(client: httpx.Client, services: Services) -> None:
    """RFC 9110, section 9.3.2."""
    tells(services.shop, ORDER, an_order())
    path = "/api/views/orders/Q7F3-K2MD-9"

    head, whole = client.head(path), client.get(path)

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == whole.headers["content-length"]


def test_there_is_no_view_of_everything(client: httpx.Client) -> None:
    assert client.get("/api/views/secrets").status_code == 404
    assert client.post("/api/views/home").status_code == 405
