"""The last quarter of an hour, kept in slices, and the plots that are drawn from it."""

from __future__ import annotations

import re

import pytest

from gateway.operating.dashboard import per_second
from gateway.operating.plots import figures, plot, points, series
from gateway.proxy.records.counting import Counts
from gateway.proxy.records.history import KEPT, History


def seen(counts: Counts, history: History, start: float, *numbers: int) -> float:
    """So many requests in each of the next slices; says when the last one ended."""
    history.tick(start)
    for number in numbers:
        for _ in range(number):
            counts.count("cart", "shop", "GET", 200, 0.003, 10)
        start += history.every
        history.tick(start)
    return start


def test_a_slice_holds_what_was_new_in_it() -> None:
    counts = Counts()
    counts.count("cart", "shop", "GET", 200, 0.003, 10)  # before we began to look
    history = History(counts)

    end = seen(counts, history, 100.0, 3, 0, 5)
    counts.count("cart", "shop", "GET", 503, 0.3, 10)
    history.tick(end + 5)

    requests = [passed.requests if passed else 0 for _, passed in history.over(900).line("cart")]
    assert requests == [3, 0, 5, 1]
    window = history.over(10)
    assert (window.route("cart").requests, window.route("cart").failed) == (6, 1)
    assert window.rate(window.all()) == pytest.approx(0.6)
    assert window.names() == ["cart"]


def test_a_tick_too_early_closes_no_slice() -> None:
    history = History(Counts())
    for now in (0.0, 1.0, 4.9):
        history.tick(now)

    assert list(history.slices) == []


def test_old_slices_go_and_silent_routes_take_no_room() -> None:
    counts = Counts()
    history = History(counts)
    seen(counts, history, 0.0, *([1] + [0] * (KEPT + 10)))

    assert len(history.slices) == KEPT
    assert all(each.routes == {} for each in history.slices)


def test_what_grows_and_what_goes_up_and_down_are_kept_apart() -> None:
    total, level = [10.0], [0.5]
    history = History(
        Counts(), totals=lambda: {"cache_hits": total[0]}, levels=lambda: {"lag": level[0]}
    )
    history.tick(0.0)
    total[0], level[0] = 14.0, 0.9
    history.tick(5.0)
    level[0] = 0.1
    history.tick(10.0)

    window = history.over(60)
    assert window.total("cache_hits") == 4
    assert window.worst("lag") == 0.9
    assert [each for each in figures(history, KEPT, "lag") if each is not None] == [0.9, 0.1]
    assert figures(history, KEPT, "cache_hits", per_second=True)[-2:] == [0.8, 0.0]


def test_a_replica_is_followed_like_a_route() -> None:
    counts = Counts()
    history = History(counts)
    history.tick(0.0)
    replica = counts.upstream("shop-1", "shop")
    replica.answer(200, 0.01, None)
    replica.fail("died")
    history.tick(5.0)

    passed = history.over(60).upstream("shop-1")
    assert (passed.requests, passed.failed) == (2, 1)


def test_a_plot_ends_now_and_is_broken_where_nothing_is_known() -> None:
    counts = Counts()
    history = History(counts)
    seen(counts, history, 0.0, 5, 0, 10)

    values = series(points(history, KEPT, "cart"), per_second)
    drawn = plot(180, 30, values)

    assert values[-3:] == [1.0, 0.0, 2.0]
    assert set(values[:-3]) == {None}
    assert (drawn.top, drawn.lines[0].last) == (2.0, 2.0)
    assert re.fullmatch(r"M178\.0 [\d.]+L.* [\d.]+L180\.0 1\.0", drawn.lines[0].path)


def test_a_plot_of_nothing_is_empty_and_one_of_a_single_point_is_seen() -> None:
    assert plot(100, 20, [None, None]).lines[0].path == ""
    assert plot(100, 20, [None, 1.0]).lines[0].path.startswith("M99.0 ")
