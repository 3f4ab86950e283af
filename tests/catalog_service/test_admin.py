"""The admin of the catalog: staff change things by the same rules as everywhere."""

from __future__ import annotations

import gc
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from httpx2 import Response
from PIL import Image
from sqlalchemy import select
from starlette.testclient import TestClient

from catalog_service.db.models import Category, Product
from shared.service import Service
from shared.testing import bearer, sent_by, tell
from tests.catalog_service.builders import a_category, placed, products, shelf

ADMIN = "/admin/catalog"
BUS = ("outbox", "sent", "parked", "dead")
SCREENS = ("product", "category", "shelf", "movement", "hold", "price", *BUS)


def a_desk(client: TestClient, service: Service, *permissions: str) -> TestClient:
    """A browser of staff with these permissions; of a superuser without any."""
    claims: dict[str, Any] = {"staff": True, "superuser": not permissions}
    client.headers.update(bearer(service, permissions=list(permissions), **claims))
    return client


def token_of(desk: TestClient) -> str:
    desk.get(f"{ADMIN}/")
    return desk.cookies["starlette_admin_csrftoken"]


def send(desk: TestClient, path: str, fields: dict[str, str], **more: Any) -> Response:
    return desk.post(f"{ADMIN}/{path}", data={"csrftoken": token_of(desk), **fields}, **more)


def press(
    desk: TestClient, view: str, kind: str, name: str, pk: object, **answers: str
) -> Response:
    key = "pks" if kind == "action" else "pk"
    path = f"{ADMIN}/_api/{view}/{kind}?name={name}&{key}={pk}"
    return desk.post(path, data=answers, headers={"X-CSRFToken": token_of(desk)})


def product(service: Service, sku: str) -> Product:
    with service.transactions.read() as work:
        found = work.session.scalars(select(Product).where(Product.sku == sku)).one()
        work.session.expunge_all()
        return found


def category_id(service: Service, slug: str) -> UUID:
    with service.transactions.begin() as work:
        return a_category(work, slug).id


def types_of(service: Service, subject: str) -> list[str]:
    return [e.type.split(".", 1)[1] for e in sent_by(service) if e.subject == subject]


def test_every_screen_opens(service: Service, client: TestClient) -> None:
    products(service, MUG=2)
    order = uuid4()
    tell(service, placed(order, MUG=1))
    desk, pk = a_desk(client, service), product(service, "MUG").id

    pages = [f"{ADMIN}/{each}/list" for each in SCREENS]
    pages += [f"{ADMIN}/", f"{ADMIN}/product/create", f"{ADMIN}/product/edit?pk={pk}"]
    pages += [f"{ADMIN}/product/detail?pk={pk}", f"{ADMIN}/hold/detail?pk={order}"]

    assert {page: desk.get(page).status_code for page in pages} == dict.fromkeys(pages, 200)


@pytest.mark.parametrize(
    ("permissions", "seen"),
    [
        (["catalog.view_product"], {"product", "category", "price"}),
        (["catalog.view_stock"], {"shelf", "movement", "hold"}),
        (["catalog.view_bus"], set(BUS)),
        (["catalog.change_product"], set()),
    ],
)
def test_staff_see_only_what_they_may(
    service: Service, client: TestClient, permissions: list[str], seen: set[str]
) -> None:
    desk = a_desk(client, service, *permissions)

    open_to = {each for each in SCREENS if desk.get(f"{ADMIN}/{each}/list").status_code == 200}

    assert open_to == seen


# The panel reads the form a second time for its own check, and leaves that copy to the collector.
@pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning")
def test_a_product_is_entered_with_its_picture(service: Service, client: TestClient) -> None:
    kitchen = category_id(service, "kitchen")
    picture = BytesIO()
    Image.new("RGB", (30, 30)).save(picture, "PNG")
    fields = {
        "sku": "MUG-1", "name": "Enamel mug", "price_amount": "12.50", "category": str(kitchen),
        "slug": "", "summary": "Blue.", "description": "", "attributes": '{"colour": "blue"}',
        "weight_grams": "300",
    }  # fmt: skip

    sent = send(
        a_desk(client, service), "product/create", fields,
        files={"image": ("mug.png", picture.getvalue(), "image/png")},
    )  # fmt: skip

    gc.collect()
    made = product(service, "MUG-1")
    assert sent.status_code == 303, sent.text
    assert (made.slug, made.price_amount, made.state) == ("enamel-mug", 1250, "draft")
    assert made.attributes == {"colour": "blue"}
    assert made.cover.endswith(".webp")


def test_a_change_on_a_form_is_told_like_any_other(service: Service, client: TestClient) -> None:
    products(service, MUG=2)
    before = product(service, "MUG")
    fields = {
        "name": "Tin mug", "category": str(before.category_id), "slug": "mug", "summary": "",
        "description": "", "attributes": "{}", "weight_grams": "0",
    }  # fmt: skip

    sent = send(a_desk(client, service), f"product/edit?pk={before.id}", fields)

    assert sent.status_code == 303, sent.text
    assert product(service, "MUG").version == 2
    assert types_of(service, "MUG")[-1] == "product.changed.v1"


def test_a_refusal_is_shown_at_its_field(service: Service, client: TestClient) -> None:
    products(service, MUG=2)
    fields = {
        "sku": "MUG", "name": "Other", "price_amount": "1", "category": str(category_id(service, "kitchen")),
        "slug": "", "summary": "", "description": "", "attributes": "{}", "weight_grams": "0",
    }  # fmt: skip

    sent = send(a_desk(client, service), "product/create", fields)

    assert sent.status_code == 422
    assert "is taken" in sent.text


def test_buttons_publish_withdraw_and_reprice(service: Service, client: TestClient) -> None:
    products(service, MUG=2)
    pk, desk = product(service, "MUG").id, a_desk(client, service)

    withdrawn = press(desk, "product", "action", "withdraw", pk)
    published = press(desk, "product", "action", "publish", pk)
    priced = press(desk, "product", "row-action", "change_price", pk, price="9.90")
    wrong = press(desk, "product", "row-action", "change_price", pk, price="cheap")

    assert [e.status_code for e in (withdrawn, published, priced, wrong)] == [200, 200, 200, 400]
    assert types_of(service, "MUG")[-3:] == [
        "product.withdrawn.v1", "product.published.v1", "price.changed.v1",
    ]  # fmt: skip
    assert product(service, "MUG").price_amount == 990


def test_buttons_receive_and_count(service: Service, client: TestClient) -> None:
    products(service, MUG=2)
    desk = a_desk(client, service)

    press(desk, "shelf", "row-action", "receive", "MUG", quantity="5", note="box 9")
    stale = press(
        desk, "shelf", "row-action", "count_shelf", "MUG", seen="2", counted="9", note="?"
    )
    press(desk, "shelf", "row-action", "count_shelf", "MUG", seen="7", counted="6", note="broken")
    odd = press(desk, "shelf", "row-action", "receive", "MUG", quantity="²", note="")

    assert (stale.status_code, odd.status_code) == (400, 400)
    assert shelf(service) == (6, 0)


def test_buttons_need_their_permission(service: Service, client: TestClient) -> None:
    products(service, MUG=2)
    desk = a_desk(client, service, "catalog.view_product", "catalog.view_stock")

    pressed = [
        press(desk, "product", "action", "withdraw", product(service, "MUG").id),
        press(desk, "shelf", "row-action", "receive", "MUG", quantity="5", note="x"),
    ]

    assert all(each.status_code >= 400 for each in pressed)
    assert (shelf(service), product(service, "MUG").state) == ((2, 0), "published")


def test_a_category_is_planted_moved_and_cut_off(service: Service, client: TestClient) -> None:
    kitchen, desk = category_id(service, "kitchen"), a_desk(client, service)
    fields = {
        "name": "Mugs",
        "slug": "mugs",
        "parent": str(kitchen),
        "description": "",
        "position": "2",
    }

    made = send(desk, "category/create", fields)
    mugs = category_id(service, "mugs")
    moved = send(desk, f"category/edit?pk={mugs}", {**fields, "parent": "", "name": "Cups"})

    with service.transactions.read() as work:
        found = work.session.get_one(Category, mugs)
        after = (found.name, found.path, found.parent_id)
    assert (made.status_code, moved.status_code) == (303, 303)
    assert after == ("Cups", "mugs/", None)
