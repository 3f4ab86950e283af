"""Words find products: the best match first."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from catalog_service.db.search import index_products, words_near
from catalog_service.domain.search import query_words, words_of
from catalog_service.usecases.browsing import suggest_words
from catalog_service.usecases.categories import edit_category
from catalog_service.usecases.products import edit_product
from shared.service import Service
from tests.catalog_service.builders import a_category, a_product

PRODUCTS = "/api/catalog/v1/products"


@pytest.fixture
def shop(service: Service) -> Service:
    with service.transactions.begin() as work:
        garden = a_category(work, "garden")
        a_product(work, "A", name="Blue enamel mug", summary="For camping.")
        a_product(work, "B", name="Tray", description="Carries a mug, or two.")
        a_product(work, "C", name="Mugwort tea", summary="Bitter.", category=garden)
        a_product(work, "D", name="Café au lait bowl", attributes={"material": "Stoneware"})
        a_product(work, "E", name="Watering can", category=garden)
    return service


def found(client: TestClient, q: str, **params: Any) -> list[str]:
    body = client.get(PRODUCTS, params={"q": q, **params}).json()
    return [item["sku"] for item in body["items"]]


def test_names_count_more_than_descriptions_and_whole_words_more_than_beginnings(
    shop: Service, client: TestClient
) -> None:
    assert found(client, "mug") == ["A", "C", "B"]


def test_all_words_must_be_found(shop: Service, client: TestClient) -> None:
    assert found(client, "blue mug") == ["A"]
    assert found(client, "blue tray") == []


def test_the_beginning_of_a_word_is_enough(shop: Service, client: TestClient) -> None:
    assert found(client, "wat") == ["E"]


def test_accents_case_and_plurals_do_not_matter(shop: Service, client: TestClient) -> None:
    assert found(client, "CAFE bowls") == ["D"]
    assert found(client, "café") == ["D"]
    assert found(client, "Mugs") == ["A", "C", "B"]


def test_attributes_categories_and_skus_are_found_too(shop: Service, client: TestClient) -> None:
    assert found(client, "stoneware") == ["D"]
    assert sorted(found(client, "garden")) == ["C", "E"]
    assert found(client, "garden tea") == ["C"]


def test_search_results_can_be_sorted_filtered_and_paged(shop: Service, client: TestClient) -> None:
    first = client.get(PRODUCTS, params={"q": "mug", "limit": 1}).json()
    rest = client.get(PRODUCTS, params={"q": "mug", "cursor": first["next"]}).json()

    assert [item["sku"] for item in first["items"] + rest["items"]] == ["A", "C", "B"]
    assert found(client, "mug", sort="name") == ["A", "C", "B"]
    assert found(client, "mug", category="garden") == ["C"]


def test_a_changed_name_is_found_and_the_old_one_is_not(shop: Service, client: TestClient) -> None:
    with shop.transactions.begin() as work:
        edit_product(work, "E", {"name": "Sprinkler"})

    assert found(client, "sprinkler") == ["E"]
    assert found(client, "watering") == []


def test_a_renamed_category_is_found(shop: Service, client: TestClient) -> None:
    with shop.transactions.begin() as work:
        edit_category(work, "garden", {"name": "Outdoors"})

    assert sorted(found(client, "outdoor")) == ["C", "E"]


def test_a_word_with_a_slip_gets_suggestions(shop: Service) -> None:
    with shop.transactions.read() as work:
        assert "mug" in suggest_words(work, ["mgu"])
        assert "enamel" in suggest_words(work, ["enamle"])
        assert suggest_words(work, ["zzzz"]) == []
        assert words_near(work, "q") == []


def test_indexing_again_changes_nothing(shop: Service, client: TestClient) -> None:
    with shop.transactions.begin() as work:
        ids = [row.id for row in work.session.execute(_all_ids())]
        first, again = index_products(work, ids), index_products(work, ids)

    assert first == again > 10
    assert found(client, "mug") == ["A", "C", "B"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Dishes & glasses", ["dish", "glass"]),
        ("The berries of 2026", ["berry", "2026"]),
        ("Łódź Straße ÉCLAIR", ["łodz", "strasse", "eclair"]),
        ("bus lens mass", ["bus", "len", "mass"]),
        ("snake_case-and—dash", ["snake", "case", "dash"]),
        ("\x00\u200b", []),
        ("a the", []),
    ],
)
def test_words_are_plain_and_singular(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_a_query_has_few_distinct_words() -> None:
    assert query_words("mug mug mugs " + " ".join("abcdefgh")) == ["mug", "b", "c", "d", "e", "f"]


def _all_ids() -> Any:
    from sqlalchemy import select

    from catalog_service.db.models import Product

    return select(Product.id)
