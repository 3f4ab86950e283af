"""The shop window, as browsers and search engines see it."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree

import pytest
from starlette.testclient import TestClient

from catalog_service.pages import feeds
from catalog_service.usecases.entering import NewPicture
from catalog_service.usecases.products import withdraw_product
from shared.service import Service
from shared.testing import bearer
from shared.uploads import Files
from tests.catalog_service.builders import a_category, a_product

EVIL = "</script><script>alert(1)</script>"
ATOM = "{http://www.w3.org/2005/Atom}"
SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


def shown(service: Service, sku: str = "MUG", **said: Any) -> str:
    with service.transactions.begin() as work:
        return a_product(work, sku, **said)


def json_ld(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', html, re.DOTALL)
    assert found
    described: dict[str, Any] = json.loads(found.group(1))
    return described


def test_the_start_page_shows_what_we_recommend_and_the_rooms(
    service: Service, client: TestClient
) -> None:
    shown(service, featured=True, name="Enamel mug", on_hand=9)
    shown(service, "PEN", name="Fountain pen")

    html = client.get("/").text

    assert html.count("Enamel mug</h3>") == 2
    assert html.count("Fountain pen</h3>") == 1
    assert 'href="/categories/kitchen"' in html
    assert "Sold out" in html


def test_an_empty_shop_has_pages_too(client: TestClient) -> None:
    assert "The shelves are still empty" in client.get("/").text
    assert client.get("/search").status_code == 200
    assert client.get("/sitemap.xml").status_code == 200
    assert client.get("/products.atom").status_code == 200


def test_a_product_page_sells(service: Service, client: TestClient) -> None:
    picture = NewPicture("mug.0123456789abcdef.svg", "A blue mug", 800, 800)
    shown(service, name="Enamel mug", slug="enamel-mug", on_hand=2, summary="Blue.",
          description="First.\n\nSecond.", attributes={"colour": "blue"}, weight_grams=1200,
          pictures=[picture])  # fmt: skip

    html = client.get("/products/enamel-mug").text

    assert "Only 2 left" in html
    assert 'action="/cart/items"' in html
    assert 'name="sku" value="MUG"' in html
    assert 'name="csrf_token"' in html
    assert '<link rel="canonical" href="http://127.0.0.1:8000/products/enamel-mug">' in html
    assert '<meta property="og:image" content="http://127.0.0.1:8000/media/catalog/mug.' in html
    assert "<p>First.</p><p>Second.</p>" in html
    assert "<dd>1.2 kg</dd>" in html
    assert html.count('alt="A blue mug"') == 1


@pytest.mark.parametrize(
    ("on_hand", "words", "sold"),
    [
        (0, "Sold out", False),
        (1, "Only 1 left", True),
        (5, "Only 5 left", True),
        (6, "In stock", True),
    ],
)
def test_a_product_page_says_how_many_are_left(
    service: Service, client: TestClient, on_hand: int, words: str, sold: bool
) -> None:
    shown(service, slug="mug", on_hand=on_hand)

    html = client.get("/products/mug").text

    assert words in html
    assert ('action="/cart/items"' in html) is sold


def test_search_engines_get_a_product_with_its_offer(service: Service, client: TestClient) -> None:
    shown(service, name="Enamel mug", slug="enamel-mug", on_hand=2, summary="Blue.")

    described = json_ld(client.get("/products/enamel-mug").text)

    assert described["@type"] == "Product"
    assert described["offers"] == {
        "@type": "Offer",
        "url": "http://127.0.0.1:8000/products/enamel-mug",
        "price": "12.50",
        "priceCurrency": "EUR",
        "availability": "https://schema.org/InStock",
        "itemCondition": "https://schema.org/NewCondition",
    }


def test_a_name_cannot_break_out_of_the_page(service: Service, client: TestClient) -> None:
    shown(service, name=EVIL, slug="evil", summary=EVIL, description=EVIL, featured=True,
          on_hand=1, attributes={EVIL: EVIL})  # fmt: skip

    pages = [
        client.get(path).text
        for path in ("/products/evil", "/", "/search?q=script", "/categories/kitchen")
    ]

    assert not any("<script>alert" in html for html in pages)
    assert json_ld(pages[0])["name"] == EVIL


def test_a_query_cannot_break_out_of_the_page(client: TestClient) -> None:
    html = client.get("/search", params={"q": f'"><{EVIL}', "sort": EVIL}).text

    assert "<script>alert" not in html
    assert "Nothing found" in html


def test_a_category_page_knows_its_place(service: Service, client: TestClient) -> None:
    with service.transactions.begin() as work:
        kitchen = a_category(work)
        a_product(work, "MUG", category=a_category(work, "mugs", parent=kitchen))

    html = client.get("/categories/mugs").text
    above = client.get("/categories/kitchen").text

    assert re.search(
        r'href="/categories/kitchen">Kitchen</a></li><li><span aria-current="page">Mugs', html
    )
    assert "1 product" in html
    assert '<a class="chip" href="/categories/mugs">Mugs</a>' in above
    assert client.get("/categories/nowhere").status_code == 404


def test_a_long_list_goes_on(service: Service, client: TestClient) -> None:
    with service.transactions.begin() as work:
        for number in range(30):
            a_product(work, f"P{number:02}", price=100 + number)

    first = client.get("/search?sort=price").text
    following = re.search(r'href="(/search\?sort=price&amp;cursor=[^"]+)"', first)
    assert following
    second = client.get(following.group(1).replace("&amp;", "&")).text

    assert "30 products" in first
    assert first.count('class="card"') == 24
    assert second.count('class="card"') == 6
    assert "Back to the start" in second


@pytest.mark.parametrize(
    "path", ["/search?cursor=x", "/search?sort=price&cursor=%00", "/categories/kitchen?cursor=%F0"]
)
def test_a_broken_cursor_gets_a_page_that_says_so(
    calm: Service, caller: TestClient, path: str
) -> None:
    page = caller.get(path)

    assert page.status_code == 422
    assert "Start again" in page.text


def test_a_search_without_result_leads_on(service: Service, client: TestClient) -> None:
    shown(service, name="Enamel mug", featured=True)

    html = client.get("/search?q=enamle").text

    assert "Nothing found" in html
    assert 'href="/search?q=enamel"' in html
    assert "What others look at" in html


def test_what_is_not_on_sale_has_no_page(service: Service, client: TestClient) -> None:
    shown(service, slug="mug")
    with service.transactions.begin() as work:
        withdraw_product(work, "MUG")
    staff = bearer(service, superuser=True, staff=True)

    assert client.get("/products/mug").status_code == 404
    assert client.get("/products/mug", headers=staff).status_code == 404
    assert "Mug" not in client.get("/search").text
    assert client.get("/products/%00").status_code == 404


def test_a_reduced_price_is_shown_with_the_former_one(service: Service, client: TestClient) -> None:
    shown(service, slug="mug", price=900, was_amount=1200, on_hand=50)

    assert "The lowest price of the 30 days before was €12.00." in client.get("/products/mug").text
    assert "Reduced" in client.get("/").text


def test_pages_keep_to_our_own_host(service: Service, client: TestClient) -> None:
    shown(service, slug="mug", on_hand=1, featured=True)

    for path in ("/", "/products/mug", "/search", "/categories/kitchen"):
        page = client.get(path)
        addresses = re.findall(r'(?:src|href)="(https?://[^"]+)"', page.text)
        assert all(each.startswith("http://127.0.0.1:8000/") for each in addresses), path
        assert " style=" not in page.text
        assert "default-src 'self'" in page.headers["content-security-policy"]


def test_the_sitemap_lists_every_place(service: Service, client: TestClient) -> None:
    shown(service, slug="mug")

    tree = ElementTree.fromstring(client.get("/sitemap.xml").content)

    assert [each.text for each in tree.iter(f"{SITEMAP}loc")] == [
        "http://127.0.0.1:8000/",
        "http://127.0.0.1:8000/categories/kitchen",
        "http://127.0.0.1:8000/products/mug",
    ]


def test_a_large_shop_has_several_maps(
    service: Service, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "ON_ONE_MAP", 2)
    for number in range(5):
        shown(service, f"P{number}")

    index = ElementTree.fromstring(client.get("/sitemap.xml").content)
    maps = [
        str(each.text).removeprefix("http://127.0.0.1:8000") for each in index.iter(f"{SITEMAP}loc")
    ]
    places = [
        each.text
        for path in maps
        for each in ElementTree.fromstring(client.get(path).content).iter(f"{SITEMAP}loc")
    ]

    assert maps == [f"/sitemaps/{number}.xml" for number in range(4)]
    assert len(set(places)) == len(places) == 7
    assert client.get("/sitemaps/9.xml").status_code == 404


def test_robots_are_told_where_not_to_go(client: TestClient) -> None:
    text = client.get("/robots.txt").text

    assert "Disallow: /checkout" in text
    assert "Sitemap: http://127.0.0.1:8000/sitemap.xml" in text


def test_the_feed_tells_what_is_new(service: Service, client: TestClient) -> None:
    shown(service, name=f"Mug & {EVIL}", slug="mug")

    answer = client.get("/products.atom")
    feed = ElementTree.fromstring(answer.content)

    assert answer.headers["content-type"] == "application/atom+xml"
    assert [each.text for each in feed.iter(f"{ATOM}title")] == ["New at Quintet", f"Mug & {EVIL}"]


def test_a_drawing_is_served_for_ever_but_may_do_nothing(
    service: Service, client: TestClient
) -> None:
    assert service.settings.media  # type: ignore[attr-defined]  # the catalog's own setting
    files = Files(service.settings.media / "catalog")  # type: ignore[attr-defined]
    key = files.keep(b"<svg xmlns='http://www.w3.org/2000/svg'/>", name="A Mug", suffix="svg")

    drawing = client.get(f"/media/catalog/{key}")

    assert drawing.headers["content-type"] == "image/svg+xml"
    assert drawing.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert drawing.headers["x-content-type-options"] == "nosniff"
    assert (
        drawing.headers["content-security-policy"]
        == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    )


@pytest.mark.parametrize(
    "key", ["nothing.webp", "..%2f..%2fcatalog.db", "a.0123456789abcdef.svg", "%00", ".."]
)
def test_only_pictures_are_served(caller: TestClient, key: str) -> None:
    assert caller.get(f"/media/catalog/{key}").status_code == 404
