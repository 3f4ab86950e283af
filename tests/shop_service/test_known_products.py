"""The shop's copy of the offer is right in whatever order, and however often, news arrives."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from shared.events import Event
from shared.money import Money
from shared.service import Service
from shared.testing import Databases, tell
from shop_service.cli import cli
from shop_service.db.models import KnownProduct
from shop_service.events import consumed


def news(version: int, **more: Any) -> consumed.ProductChanged:
    said: dict[str, Any] = {"sku": "cup", "slug": "cup", "name": f"Cup {version}"}
    said |= {"price": Money(100 * version, "EUR"), "available": version, "image_url": "/c.svg"}
    return consumed.ProductChanged(version=version, **(said | more))


STORY: list[Event] = [
    consumed.ProductPublished(
        sku="cup", version=1, slug="cup", name="Cup 1", price=Money(100, "EUR"), available=5
    ),
    consumed.StockLevel(sku="cup", version=1, available=5),
    consumed.PriceChanged(sku="cup", version=2, price=Money(222, "EUR")),
    news(3),
    consumed.StockLevel(sku="cup", version=2, available=4),
    consumed.ProductWithdrawn(sku="cup", version=4),
    news(5),
    consumed.StockLevel(sku="cup", version=3, available=0),
    consumed.PriceChanged(sku="cup", version=6, price=Money(777, "EUR")),
]


def known(service: Service) -> dict[str, Any]:
    columns = KnownProduct.__table__.columns
    with service.transactions.read() as work:
        row = work.session.execute(select(*columns).where(KnownProduct.sku == "cup")).one()
    return dict(row._mapping)


def test_the_copy_is_what_the_story_ends_with(service: Service) -> None:
    for event in STORY:
        tell(service, event)

    end = known(service)
    assert (end["name"], end["state"], end["product_version"]) == ("Cup 5", "listed", 5)
    assert (end["price_amount"], end["price_version"]) == (777, 6)
    assert (end["available"], end["stock_version"]) == (0, 3)


def test_a_copy_rebuilt_from_mixed_up_and_doubled_news_equals_the_live_one(
    service: Service, databases: Databases
) -> None:
    for event in STORY:
        tell(service, event)
    shuffled = STORY * 2
    chance = random.Random(7)  # noqa: S311 - a repeatable shuffle

    for _ in range(6):
        chance.shuffle(shuffled)
        with databases.service() as rebuilt:
            for event in shuffled:
                tell(rebuilt, event)
            assert known(rebuilt) == known(service)


def test_what_we_only_know_the_stock_of_cannot_be_bought(service: Service) -> None:
    tell(service, consumed.StockLevel(sku="cup", version=9, available=4))

    assert known(service)["state"] == "unheard"


def test_a_withdrawn_product_keeps_its_name(service: Service) -> None:
    tell(service, news(1))

    tell(service, consumed.ProductWithdrawn(sku="cup", version=2))

    assert (known(service)["name"], known(service)["state"]) == ("Cup 1", "withdrawn")


def test_stock_that_comes_with_a_product_counts_until_there_is_a_level(service: Service) -> None:
    tell(service, news(1, available=7))
    with_product = known(service)["available"]

    tell(service, consumed.StockLevel(sku="cup", version=1, available=2))
    tell(service, news(2, available=9))

    assert (with_product, known(service)["available"]) == (7, 2)


def test_who_compares_while_the_catalog_is_away_is_told_so_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_VAR", str(tmp_path))
    monkeypatch.setenv("SHOP_PUBLIC_URL", "http://127.0.0.1:9")

    told = CliRunner().invoke(cli, ["rebuild-offer", "--check"])

    assert told.exit_code == 3
    assert "cannot be read at http://127.0.0.1:9" in told.output
