"""Many buyers at once, and events in any order: stock stays exactly right."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar
from uuid import UUID, uuid4

from catalog_service.db.stock import totals_by_movements, totals_by_shelves
from catalog_service.db.stock_models import Hold, HoldLine
from catalog_service.usecases.ledger import differing_shelves, rebuild_shelves
from shared.events import Event
from shared.service import Service
from shared.testing import after_the_first, crossing, recorded_clock, sent_by, tell
from tests.catalog_service.builders import cancelled, paid, placed, products, shelf, sweep

THREADS = 8
T = TypeVar("T")


def test_of_fifty_orders_for_the_last_unit_exactly_one_gets_it(service: Service) -> None:
    products(service, MUG=1)
    orders = [uuid4() for _ in range(50)]

    at_once(lambda order: tell(service, placed(order, MUG=1)), orders)

    assert answers(service) == {"held": 1, "refused": 49}
    assert shelf(service) == (1, 1)


def test_the_same_order_heard_many_times_at_once_is_held_once(service: Service) -> None:
    products(service, MUG=100)
    order = uuid4()

    at_once(lambda _: tell(service, placed(order, MUG=1)), range(20))

    assert answers(service) == {"held": 1}
    assert shelf(service) == (100, 1)


def test_orders_for_the_same_goods_in_another_sequence_never_wait_for_each_other(
    service: Service,
) -> None:
    products(service, MUG=30, PEN=30, CUP=30)
    wanted = [{"MUG": 1, "PEN": 1}, {"PEN": 1, "MUG": 1}, {"CUP": 1, "MUG": 1, "PEN": 1}]
    lines = [wanted[number % 3] for number in range(60)]

    at_once(lambda want: tell(service, placed(uuid4(), **want)), lines)

    assert answers(service) == {"held": 30, "refused": 30}
    assert nobody_waits(service)
    assert shelf(service) == (30, 30)


def test_buyers_and_the_sweep_share_what_has_expired_without_a_loss(service: Service) -> None:
    products(service, MUG=10, PEN=10)
    with recorded_clock() as time:
        for _ in range(10):
            tell(service, placed(uuid4(), MUG=1, PEN=1))
        time.forward(minutes=16)

        acts: list[Callable[[], object]] = [
            lambda: sweep(service),
            lambda: tell(service, placed(uuid4(), PEN=1, MUG=1)),
        ]
        at_once(call, acts * 10)

    assert answers(service) == {"held": 20, "released": 10}
    assert (shelf(service), shelf(service, "PEN")) == ((10, 10), (10, 10))


def test_cancelling_against_paying_ends_with_all_goods_on_the_shelf(service: Service) -> None:
    products(service, MUG=20)
    orders = [uuid4() for _ in range(20)]
    for order in orders:
        tell(service, placed(order, MUG=1))

    at_once(
        lambda event: tell(service, event),
        [event for order in orders for event in (paid(order), cancelled(order))],
    )

    assert shelf(service) == (20, 0)
    assert answers(service)["released"] == 20


def test_the_ledger_explains_every_shelf_after_a_storm(service: Service) -> None:
    stock = {"MUG": 12, "PEN": 5, "CUP": 40, "JAR": 1}
    products(service, **stock)
    dice = random.Random(20261121)

    with recorded_clock() as time:
        for _ in range(4):
            at_once(call, a_storm(service, dice, list(stock)))
            time.forward(minutes=dice.choice([1, 9, 16]))
            sweep(service)

    with service.transactions.read() as work:
        shelves, ledger = totals_by_shelves(work), totals_by_movements(work)
    assert shelves == ledger
    assert all(0 <= held <= on_hand <= stock[sku] for sku, (on_hand, held) in shelves.items())
    assert nobody_waits(service)
    assert held_by_orders(service) == {sku: held for sku, (_, held) in shelves.items() if held}
    assert sold_to_orders(service) == {
        sku: stock[sku] - on_hand for sku, (on_hand, _) in shelves.items() if on_hand < stock[sku]
    }
    assert last_levels(service) == {sku: on_hand - held for sku, (on_hand, held) in shelves.items()}


def test_a_shelf_that_lies_is_found_and_rebuilt_from_the_ledger(service: Service) -> None:
    products(service, MUG=9)
    tell(service, placed(uuid4(), MUG=2))
    with service.transactions.begin() as work:
        work.session.connection().exec_driver_sql("UPDATE shelves SET on_hand = 7, held = 0")

    with service.transactions.begin() as work:
        found = differing_shelves(work)
        rebuilt = rebuild_shelves(work)
        left = differing_shelves(work)

    assert (found, rebuilt, left) == ({"MUG": ((7, 0), (9, 2))}, 1, {})
    assert shelf(service) == (9, 2)
    assert sent_by(service)[-1].data["available"] == 7


@crossing
def test_goods_held_while_the_shelves_are_rebuilt_are_still_held(service: Service) -> None:
    products(service, MUG=9)

    def buy() -> None:
        tell(service, placed(uuid4(), MUG=2))

    with (
        after_the_first(service, "SELECT shelves.sku", buy),
        after_the_first(service, "SELECT stock_movements.sku", buy),
        service.transactions.begin() as work,
    ):
        rebuilt = rebuild_shelves(work)

    with service.transactions.begin() as work:
        assert (rebuilt, differing_shelves(work)) == (0, {})
    assert shelf(service) == (9, 4)


def a_storm(service: Service, dice: random.Random, skus: list[str]) -> list[Callable[[], object]]:
    """Orders whose events come doubled, in any order, some never; and sweeps in between."""
    events: list[Event] = []
    for _ in range(14):
        order, some = uuid4(), dice.sample(skus, dice.randint(1, 3))
        lives: list[Event] = [placed(order, **{sku: dice.randint(1, 3) for sku in some})]
        later: list[Event] = [paid(order), cancelled(order)]
        lives += dice.sample(later, dice.randint(0, 2))
        events += lives + dice.sample(lives, dice.randint(0, len(lives)))
    dice.shuffle(events)
    return [*(partial(tell, service, event) for event in events), lambda: sweep(service)]


def at_once(act: Callable[[T], object], things: Iterable[T]) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(act, things))


def call(act: Callable[[], object]) -> object:
    return act()


def answers(service: Service) -> Counter[str]:
    """How often each thing was said about orders."""
    kinds = (e.type.split(".") for e in sent_by(service) if e.type.startswith("catalog.stock."))
    return Counter(kind[2] for kind in kinds if kind[2] != "level")


def nobody_waits(service: Service) -> bool:
    with service.transactions.read() as work:
        return not work.session.query(service.tables.parked).all()


def held_by_orders(service: Service) -> dict[str, int]:
    return lines_of_holds(service, "held")


def sold_to_orders(service: Service) -> dict[str, int]:
    return lines_of_holds(service, "committed")


def lines_of_holds(service: Service, state: str) -> dict[str, int]:
    total: Counter[str] = Counter()
    with service.transactions.read() as work:
        ids: list[UUID] = [h.order_id for h in work.session.query(Hold).filter_by(state=state)]
        for line in work.session.query(HoldLine).where(HoldLine.order_id.in_(ids)):
            total[line.sku] += line.quantity
    return dict(total)


def last_levels(service: Service) -> dict[str, int]:
    """What others believe: the level with the highest version, per SKU."""
    last: dict[str, tuple[int, int]] = {}
    for event in sent_by(service):
        if event.type == "catalog.stock.level.v1":
            said = (event.version, event.data["available"])
            last[event.subject] = max(last.get(event.subject, (0, 0)), said)
    return {sku: available for sku, (_, available) in last.items()}
