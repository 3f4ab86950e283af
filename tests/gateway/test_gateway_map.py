"""The live map and the advice beside it: what is wrong is said once, in words, and in its place."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import combinations
from typing import Any

import pytest

from gateway.operating import picture, wording
from gateway.operating.advice import attention
from gateway.operating.picture import Map, Node
from gateway.operating.shapes import (
    AWAY,
    BAD,
    CALM,
    LimitsSeen,
    Overview,
    ProcessSeen,
    ReplicaSeen,
    RouteSeen,
    RoutesFile,
    ServiceSeen,
    Traffic,
)

WELL = ProcessSeen(version="1", python="3.11", pid=1, uptime=9.0, files=50, most_files=1000)


def a_replica(name: str, **more: Any) -> ReplicaSeen:
    return ReplicaSeen(**{"name": name, "address": name, "state": CALM, "words": "ready"} | more)


def a_service(name: str, *replicas: ReplicaSeen, **more: Any) -> ServiceSeen:
    told = {"name": name, "state": CALM, "words": "all is well", "replicas": replicas}
    return ServiceSeen(**told | more)


def an_overview(*services: ServiceSeen, **more: Any) -> Overview:
    told = {"at": datetime.now(UTC), "over_seconds": 60.0, "traffic": Traffic(), "in_flight": 1}
    return Overview(**told | {"services": services, "process": WELL} | more)


def advice(told: Overview) -> str:
    return " ".join(f"{each.what} {each.do}" for each in attention(told))


def many() -> Overview:
    """A platform of some size."""
    return an_overview(
        a_service("auth", a_replica("auth-1")),
        a_service("catalog", *(a_replica(f"catalog-{number}") for number in range(7))),
        a_service("reviews"),
        a_service("shop", a_replica("shop-1"), a_replica("shop-2", state=BAD, words="ejected")),
    )


@pytest.mark.parametrize("draw", [picture.wide, picture.tall])
def test_every_box_lies_in_the_picture_and_on_no_other(draw: Any) -> None:
    drawn: Map = draw(many())

    assert len(drawn.nodes) == 2 + 4 + 10
    for node in drawn.nodes:
        assert node.x >= 0
        assert node.right <= drawn.width
        assert node.y >= 0
        assert node.y + node.height <= drawn.height
    overlapping = [(a.name, b.name) for a, b in combinations(drawn.nodes, 2) if _overlap(a, b)]
    assert overlapping == []


def _overlap(a: Node, b: Node) -> bool:
    beside = a.right <= b.x or b.right <= a.x
    return not beside and a.y < b.y + b.height and b.y < a.y + a.height


def test_lines_are_thicker_and_faster_where_more_passes_and_red_where_it_fails() -> None:
    def flow(**traffic: Any) -> picture.Flow:
        replica = a_replica("one", traffic=Traffic(**traffic))
        return picture.wide(an_overview(a_service("shop", replica))).flows[-1]

    silent, slow, busy = flow(), flow(per_second=0.5), flow(per_second=500)
    assert silent.stroke < slow.stroke < busy.stroke
    assert (silent.pace, slow.pace, busy.pace) == (0, 1, 3)
    assert [flow(per_second=9, failing=share).state for share in (0.0, 0.01, 0.5)] == [
        "calm", "busy", "bad",
    ]  # fmt: skip


def test_the_picture_is_told_in_words_too() -> None:
    words = picture.wide(many()).words

    assert "shop-2: ejected." in words
    assert "clients:" in words


def test_nothing_is_said_when_all_is_well() -> None:
    assert advice(an_overview(a_service("shop", a_replica("one")), hears_events=True)) == ""


def test_a_replica_that_is_out_is_named_unless_an_operator_took_it_out() -> None:
    out = a_replica("two", state=AWAY, words="gone")
    drained = a_replica("three", state=AWAY, words="drained", steered=True)

    said = advice(an_overview(a_service("shop", a_replica("one"), out, drained)))

    assert "two: gone." in said
    assert "three" not in said


def test_when_all_are_out_the_service_is_named() -> None:
    out = a_replica("one", state=BAD, words="does not answer")

    assert "No replica of shop is well." in advice(an_overview(a_service("shop", out)))


def test_a_breaker_that_is_open_says_more_than_its_replicas() -> None:
    said = advice(an_overview(a_service("shop", a_replica("one"), breaker="open")))

    assert "The breaker of shop is open" in said


def test_routes_that_fail_are_said_together_and_rare_failures_not_at_all() -> None:
    def route(name: str, requests: int, failing: float) -> RouteSeen:
        passed = Traffic(requests=requests, failing=failing)
        return RouteSeen(name=name, prefix=f"/{name}", service="shop", traffic=passed)

    routes = (route("cart", 100, 0.5), route("orders", 100, 0.1), route("rare", 3, 1.0))

    said = advice(an_overview(routes=routes))

    assert "Up to 50% of the requests to cart, orders fail." in said
    assert "rare" not in said


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"hears_events": False}, "does not hear the bus"),
        ({"routes_file": RoutesFile(refusal="line 3: no such service")}, "line 3: no such service"),
        ({"limits": LimitsSeen(degraded=True)}, "common store of limits is away"),
        ({"process": WELL.model_copy(update={"loop_lag": 0.4})}, "400 ms late"),
        ({"process": WELL.model_copy(update={"files": 950})}, "950 of 1000 files"),
    ],
)
def test_each_trouble_is_said_with_what_to_do(more: dict[str, Any], words: str) -> None:
    (one,) = attention(an_overview(**more))

    assert words in one.what
    assert one.do


def test_numbers_are_read_at_a_glance() -> None:
    assert [wording.took(each) for each in (None, 0.00052, 0.0084, 0.12, 1.26)] == [
        "–", "520 µs", "8.4 ms", "120 ms", "1.3 s",
    ]  # fmt: skip
    assert [wording.rate(each) for each in (0, 0.4, 12.3, 1234)] == ["0", "0.4", "12", "1.2 k"]
    assert [wording.percent(each) for each in (None, 0, 0.0002, 0.031, 0.87, 1)] == [
        "–", "0 %", "< 0.1 %", "3.1 %", "87 %", "100 %",
    ]  # fmt: skip
    assert [wording.size(each) for each in (None, 12, 1300, 70_000_000)] == [
        "–", "12 B", "1.3 KiB", "67 MiB",
    ]  # fmt: skip
    assert [wording.span(each) for each in (None, 4, 200, 8000, 200_000)] == [
        "–", "4 s", "3 min", "2 h", "2 d",
    ]  # fmt: skip
