"""Make up a large catalogue, to see how everything behaves when there is a lot of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import func, select

from catalog_service.db.models import Category, Product
from catalog_service.usecases.demo import demo_picture, demo_pictures, enter_demo_categories
from catalog_service.usecases.entering import NewPicture, NewProduct, enter_many
from shared import clock
from shared.money import Money
from shared.service import Service
from shared.uploads import Files
from shared.work import Work

BATCH = 500
PREFIX = "SEED-"
MANNERS = (
    "Quiet", "Bright", "Folding", "Slow", "Little", "Sturdy", "Wandering", "Plain", "Double",
    "Everyday", "Winter", "Garden", "Harbour", "Morning", "Evening", "Travelling", "Upright",
    "Crooked", "Patient", "Northern", "Orchard", "Meadow", "Lantern", "Cloudy", "Sunday",
)  # fmt: skip
MATERIALS = (
    "Oak", "Linen", "Enamel", "Copper", "Wool", "Cork", "Glass", "Clay", "Beech", "Felt", "Brass",
    "Steel", "Cotton", "Walnut", "Paper", "Leather", "Birch", "Stone", "Bamboo", "Hemp",
)  # fmt: skip
THINGS = (
    "Mug", "Lamp", "Blanket", "Basket", "Notebook", "Kettle", "Stool", "Bowl", "Apron", "Clock",
    "Tray", "Shelf", "Vase", "Towel", "Pen", "Chair", "Bottle", "Board", "Hook", "Candle", "Jar",
    "Scarf", "Spoon", "Brush", "Frame", "Mirror", "Teapot", "Cushion", "Ladder", "Lantern",
)  # fmt: skip
COLOURS = ("Sage", "Ink", "Terracotta", "Oatmeal", "Mustard", "Plum", "Chalk", "Moss", "Sky")
OPENINGS = (
    "Made for hands that have better things to do than be careful.",
    "It does one thing, and has had plenty of time to get good at it.",
    "We tried to leave something out, and there was nothing left to leave out.",
    "The first one is still in use in our own kitchen.",
    "Heavier than it looks, and it looks as if it meant to stay.",
    "You will forget that you own it, which is the point.",
)
ENDINGS = (
    "Wipe it with a damp cloth and it will outlive the cloth.",
    "If it ever breaks we would like to hear how you managed.",
    "Comes in a plain box without a single foam peanut.",
    "Gets better with use; so do most things.",
    "Made in small batches, each with its own small opinions.",
)


def seed(service: Service, files: Files, size: int) -> Iterator[int]:
    """Enter so many made-up products, a batch at a time; yields how many there are by then."""
    with service.transactions.begin() as work:
        places, first = _places(work, files), _first_free_number(work)
    pictures = [demo_picture(files, name, "") for name in demo_pictures()]
    for start in range(0, size, BATCH):
        numbers = range(first + start, first + min(start + BATCH, size))
        dice = random.Random(numbers.start)
        with service.transactions.begin() as work:
            made = [_made_up(number, dice, pictures) for number in numbers]
            enter_many(work, [(new, dice.choice(places)) for new in made], by="seed")
        yield min(start + BATCH, size)


def _made_up(number: int, dice: random.Random, pictures: list[NewPicture]) -> NewProduct:
    manner, material, thing = (dice.choice(each) for each in (MANNERS, MATERIALS, THINGS))
    colour, name = dice.choice(COLOURS), f"{manner} {material} {thing}"
    opening, ending = dice.choice(OPENINGS), dice.choice(ENDINGS)
    picture = dice.choice(pictures)
    return NewProduct(
        sku=f"{PREFIX}{number:07d}",
        slug=f"{name.lower().replace(' ', '-')}-{number}",
        name=name,
        price=Money(dice.randint(4, 240) * 100 + dice.choice((0, 50, 90, 95)), "EUR"),
        summary=f"A {material.lower()} {thing.lower()} in {colour.lower()}. {opening}",
        description=f"{opening}\n\nThis is number {number} of its kind. {ending}",
        attributes={"material": material, "colour": colour, "kind": thing},
        weight_grams=dice.randint(3, 400) * 10,
        pictures=[NewPicture(picture.key, name, picture.width, picture.height)],
        on_hand=0 if dice.random() < 0.05 else dice.randint(1, 500),
        since=clock.now() - timedelta(minutes=dice.randint(0, 60 * 24 * 365)),
    )


def _places(work: Work, files: Files) -> list[Category]:
    """The categories that have none below them; planted first if there are none at all."""
    found = list(work.session.scalars(select(Category)))
    if not found:
        found = list(enter_demo_categories(work, files).values())
    parents = {each.parent_id for each in found}
    return sorted((each for each in found if each.id not in parents), key=lambda each: each.path)


def _first_free_number(work: Work) -> int:
    last = work.session.scalar(select(func.max(Product.sku)).where(Product.sku.like(f"{PREFIX}%")))
    return int(last.removeprefix(PREFIX)) + 1 if last else 1
