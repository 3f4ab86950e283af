"""The rules, without any database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from catalog_service.domain.errors import (
    CountStale,
    CursorInvalid,
    QuantityInvalid,
    StillHeld,
    TextInvalid,
)
from catalog_service.domain.holds import HoldState, OnPaid, Promise, on_cancelled, on_paid
from catalog_service.domain.listing import Sort, cursor_after, start_of
from catalog_service.domain.pricing import price_before
from catalog_service.domain.products import check_name, check_sku, check_slug, slug_from, sort_name
from catalog_service.domain.stock import Shelf, Shift, short_lines, summed, why_short
from shared.money import Money

NOW = datetime(2026, 3, 14, tzinfo=UTC)


def test_what_is_held_cannot_be_sold_twice() -> None:
    shelf = Shelf(on_hand=5, held=3)

    assert (shelf.free, shelf.after(Shift(-2, -2)).free) == (2, 2)
    assert short_lines({"MUG": 3}, {"MUG": shelf})[0].available == 2
    assert not short_lines({"MUG": 2}, {"MUG": shelf})


def test_what_is_off_sale_is_not_available() -> None:
    assert Shelf(on_hand=5, on_sale=False).available == 0


def test_demand_is_summed_and_sorted() -> None:
    assert list(summed([("PEN", 1), ("MUG", 2), ("PEN", 3)]).items()) == [("MUG", 2), ("PEN", 4)]


def test_why_an_order_cannot_be_filled_is_said_in_words() -> None:
    short = short_lines({"MUG": 3, "PEN": 1}, {"MUG": Shelf(1)})

    words = why_short(short, {"MUG": "Enamel mug"})

    assert (
        words == "Not everything is there any more: only 1 of Enamel mug are left, PEN is sold out."
    )


def test_a_count_is_believed_only_from_who_saw_the_present_number() -> None:
    shelf = Shelf(on_hand=5, held=3)

    assert shelf.count(4, seen=5) == Shift(on_hand=-1)
    with pytest.raises(CountStale):
        shelf.count(4, seen=6)
    with pytest.raises(StillHeld):
        shelf.count(2, seen=5)
    with pytest.raises(QuantityInvalid):
        shelf.count(-1, seen=5)


@pytest.mark.parametrize("quantity", [0, -1, 10**9 + 1])
def test_only_so_many_can_come_in(quantity: int) -> None:
    with pytest.raises(QuantityInvalid):
        Shelf().receive(quantity)


@pytest.mark.parametrize(
    ("state", "reason", "paid", "cancelled"),
    [
        ("held", "", OnPaid.COMMIT, "released"),
        ("committed", "", OnPaid.NOTHING, "released"),
        ("released", "expired", OnPaid.TAKE_AGAIN, "released"),
        ("released", "cancelled", OnPaid.NOTHING, None),
        ("released", "lapsed", OnPaid.NOTHING, None),
        ("refused", "", OnPaid.LAPSE, None),
        ("tombstone", "", OnPaid.NOTHING, None),
        ("awaited", "", OnPaid.NOTHING, "tombstone"),
    ],
)
def test_every_state_of_a_hold_has_its_answer(
    state: str, reason: str, paid: OnPaid, cancelled: str | None
) -> None:
    promise = Promise(uuid4(), HoldState(state), reason)

    assert (on_paid(promise), on_cancelled(promise)) == (paid, cancelled)


def test_the_former_price_is_the_lowest_of_thirty_days() -> None:
    def ago(days: int, amount: int) -> tuple[datetime, Money]:
        return NOW - timedelta(days=days), Money(amount, "EUR")

    def before(new: int, *history: tuple[datetime, Money]) -> int | None:
        found = price_before(history, NOW, Money(new, "EUR"))
        return found.amount if found else None

    assert before(900, ago(90, 1000)) == 1000
    assert before(900, ago(90, 800), ago(40, 1000)) == 1000
    assert before(900, ago(90, 1000), ago(20, 950), ago(10, 1200)) == 950
    assert before(960, ago(90, 1000), ago(20, 950), ago(10, 1200)) is None
    assert before(1300, ago(90, 1000)) is None
    assert before(900, (NOW - timedelta(days=90), Money(1000, "USD"))) is None
    assert before(900) is None


def test_names_become_addresses() -> None:
    assert slug_from("Café crème, 2 × 3!") == "cafe-creme-2-3"
    assert slug_from("日本") == ""
    assert len(slug_from("x" * 500)) == 120
    assert sort_name("Éclair") < sort_name("eclair mould") < sort_name("Zebra")


@pytest.mark.parametrize("slug", ["", "-a", "a-", "a--b", "A", "a b", "é", "a\n", "a" * 121])
def test_an_odd_address_is_refused(slug: str) -> None:
    with pytest.raises(TextInvalid):
        check_slug(slug)


@pytest.mark.parametrize("sku", ["", " ", "a b", "-a", "é", "a" * 65, "a\n", "../x"])
def test_an_odd_sku_is_refused(sku: str) -> None:
    with pytest.raises(TextInvalid):
        check_sku(sku)


@pytest.mark.parametrize("name", ["", "  ", "\x00", "a\x1bb", "\ud800", "\ufffe", "x" * 201])
def test_an_odd_name_is_refused(name: str) -> None:
    with pytest.raises(TextInvalid):
        check_name(name)


@pytest.mark.parametrize(("sort", "key"), [(Sort.NAME, "mug"), (Sort.PRICE, 5), (Sort.NEWEST, NOW)])
def test_a_cursor_comes_back_as_it_went(sort: Sort, key: str | int | datetime) -> None:
    product_id = uuid4()

    assert start_of(cursor_after(sort, key, product_id), sort) == (key, product_id)


def test_a_cursor_for_another_order_is_refused() -> None:
    cursor = cursor_after(Sort.PRICE, 5, uuid4())

    with pytest.raises(CursorInvalid):
        start_of(cursor, Sort.NAME)
    assert start_of(None, Sort.NAME) is None
