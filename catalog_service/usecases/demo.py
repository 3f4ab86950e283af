"""Fill an empty catalogue with the demonstration shop that lies in db/fixtures."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy.exc import IntegrityError

from catalog_service.db.models import Category
from catalog_service.db.products import any_product
from catalog_service.usecases.entering import NewPicture, NewProduct, enter_many
from shared import clock
from shared.logging import get
from shared.money import Money
from shared.service import Service
from shared.uploads import Files
from shared.work import Work

FIXTURES = Path(__file__).parents[1] / "db" / "fixtures"
VIEW_BOX = re.compile(r'viewBox="0 0 (\d+) (\d+)"')

log = get(__name__)


def fill_with_demo(service: Service, files: Files) -> int:
    """Enter the demonstration goods, unless there are products; how many were entered."""
    try:
        with service.transactions.begin() as work:
            return 0 if any_product(work) else _fill(work, files)
    except IntegrityError:
        log.info("a parallel process was faster with the demo data")
        return 0


def demo_picture(files: Files, name: str, alt: str) -> NewPicture:
    """A picture of the demonstration shop, put where pictures are kept."""
    content, width, height = _drawing(name)
    key = files.keep(content, name=name.removesuffix(".svg"), suffix="svg")
    return NewPicture(key, alt, width, height)


def demo_pictures() -> list[str]:
    """The names of the pictures that show goods."""
    return [each["picture"] for each in _fixture()["products"] if each.get("picture")]


def enter_demo_categories(work: Work, files: Files) -> dict[str, Category]:
    """Plant the demonstration tree; parents come before their children."""
    planted: dict[str, Category] = {}
    for each in _fixture()["categories"]:
        above = planted.get(each["parent"] or "")
        picture = demo_picture(files, each["picture"], "").key if each.get("picture") else ""
        category = Category(
            slug=each["slug"],
            name=each["name"],
            description=each["description"],
            position=each["position"],
            picture=picture,
            parent_id=above.id if above else None,
            path=f"{above.path if above else ''}{each['slug']}/",
        )
        work.session.add(category)
        work.session.flush()
        planted[category.slug] = category
    return planted


def _fill(work: Work, files: Files) -> int:
    planted = enter_demo_categories(work, files)
    goods = _fixture()["products"]
    entered = [
        (_product(each, files, age=number), planted[each["category"]])
        for number, each in enumerate(goods)
    ]
    return len(enter_many(work, entered, by="demo"))


def _product(said: dict[str, Any], files: Files, *, age: int) -> NewProduct:
    picture = said.get("picture")
    return NewProduct(
        sku=said["sku"],
        slug=said["slug"],
        name=said["name"],
        price=Money(**said["price"]),
        summary=said["summary"],
        description=said["description"],
        attributes=said["attributes"],
        weight_grams=said["weight_grams"],
        featured=said["featured"],
        pictures=[demo_picture(files, picture, said["name"])] if picture else [],
        on_hand=said["stock"],
        since=clock.now() - timedelta(hours=age * 7),
    )


@cache
def _fixture() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FIXTURES / "demo.json").read_text("utf-8"))
    return found


@cache
def _drawing(name: str) -> tuple[bytes, int, int]:
    content = (FIXTURES / "pictures" / name).read_bytes()
    size = VIEW_BOX.search(content[:500].decode())
    width, height = size.groups() if size else ("600", "600")
    return content, int(width), int(height)
