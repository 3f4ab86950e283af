"""What is counted, and how Prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client.openmetrics import parser
from prometheus_client.parser import text_string_to_metric_families as parse_text

from gateway.proxy.records.counting import MOST_NAMES, TOO_MANY, Counts, Spread
from gateway.proxy.records.metrics import Metrics
from gateway.proxy.records.process import LoopLag, Process
from gateway.proxy.records.quantiles import quantile
from gateway.proxy.records.rendering import Sample


def counted() -> Counts:
    """Some requests of each kind."""
    counts = Counts()
    for status, seconds in (
        (200, 0.002),
        (204, 0.004),
        (404, 0.02),
        (503, 0.3),
        (499, 2.0),
        (0, 20),
    ):
        counts.count("shop-api", "shop", "GET", status, seconds, 100, 7)
    counts.count("shop-api", "shop", "BREW", 200, 0.001, 0)
    return counts


def values(metrics: Metrics, name: str) -> dict[tuple[str, ...], float]:
    """The points of one figure, by the values of their labels."""
    found = {family.name: family for family in parse_text(metrics.text())}
    return {
        tuple(point.labels.values()): point.value
        for family in found.values()
        for point in family.samples
        if point.name == name
    }


def test_requests_are_counted_by_route_method_and_class_of_status() -> None:
    points = values(Metrics(counted()), "quintet_gateway_requests_total")

    assert points == {
        ("shop-api", "shop", "GET", "2xx"): 2,
        ("shop-api", "shop", "GET", "4xx"): 1,
        ("shop-api", "shop", "GET", "5xx"): 1,
        ("shop-api", "shop", "GET", "left"): 1,
        ("shop-api", "shop", "GET", "cut"): 1,
        ("shop-api", "shop", "other", "2xx"): 1,
    }


def test_buckets_add_up_and_bytes_are_counted() -> None:
    metrics = Metrics(counted())

    buckets = values(metrics, "quintet_gateway_request_seconds_bucket")

    assert buckets["shop-api", "shop", "0.001"] == 1
    assert buckets["shop-api", "shop", "0.005"] == 3
    assert buckets["shop-api", "shop", "+Inf"] == 7
    assert list(buckets.values()) == sorted(buckets.values())
    assert values(metrics, "quintet_gateway_sent_bytes_total")["shop-api", "shop"] == 600
    assert values(metrics, "quintet_gateway_received_bytes_total")["shop-api", "shop"] == 42


def test_a_replica_has_its_own_times_answers_and_errors() -> None:
    metrics = Metrics()
    replica = metrics.counts.upstream("shop-1", "shop")
    replica.answer(200, 0.003, 0.004)
    replica.fail("connection_refused")

    assert metrics.counts.upstream("shop-1", "shop") is replica
    assert values(metrics, "quintet_gateway_upstream_answers_total") == {
        ("shop", "shop-1", "2xx"): 1
    }
    errors = values(metrics, "quintet_gateway_upstream_errors_total")
    assert errors == {("shop", "shop-1", "connection_refused"): 1}
    assert values(metrics, "quintet_gateway_upstream_first_byte_seconds_count") == {
        ("shop", "shop-1"): 1
    }


def test_names_never_grow_without_end() -> None:
    counts = Counts()
    for number in range(MOST_NAMES + 50):
        counts.count(f"route-{number}", "shop", "GET", 200, 0.1, 0)
        counts.upstream(f"replica-{number}", "shop").fail("died")

    assert len(counts.routes) == len(counts.upstreams) == MOST_NAMES + 1
    assert counts.routes[TOO_MANY].requests() == 50


class Talkative:
    """A part with labels that need care."""

    def samples(self) -> Iterator[Sample]:
        yield "things_total", "counter", 'Things with a "\\" in it.', {"what": 'a"b\\c\nd'}, 2
        yield "things_total", "counter", "", {"what": "plain"}, 0.25


class Broken:
    """A part in trouble."""

    def samples(self) -> Iterator[Sample]:
        yield "half_total", "counter", "Half of it.", {}, 1
        raise RuntimeError("no")


def test_every_part_may_join_and_one_in_trouble_does_not_hide_the_others() -> None:
    metrics = Metrics(counted())
    metrics.join("talkative", Talkative())
    metrics.join("broken", Broken())
    metrics.gauge("answer", "What it is.", lambda: 42)

    things = values(metrics, "quintet_gateway_things_total")
    assert things == {('a"b\\c\nd',): 2, ("plain",): 0.25}
    assert values(metrics, "quintet_gateway_answer") == {(): 42}
    unknown = values(metrics, "quintet_gateway_figures_unknown")
    assert unknown == {("talkative",): 0, ("broken",): 1, ("answer",): 0}


def test_whoever_asks_for_openmetrics_gets_it() -> None:
    metrics = Metrics(counted())
    metrics.join("process", Process())

    text = metrics.text(openmetrics=True)

    parse: Any = parser.text_string_to_metric_families
    assert text.endswith("# EOF\n")
    families = {family.name: family for family in parse(text)}
    assert families["quintet_gateway_requests"].type == "counter"
    assert families["quintet_gateway_request_seconds"].type == "histogram"


def test_the_process_tells_its_figures_under_their_usual_names() -> None:
    metrics = Metrics()
    metrics.join("process", Process())

    assert values(metrics, "process_resident_memory_bytes")[()] > 1_000_000
    assert values(metrics, "process_open_fds")[()] >= 3
    assert values(metrics, "process_cpu_seconds_total")[()] > 0


def test_a_loop_that_was_held_is_told_for_a_while() -> None:
    lag = LoopLag(pause=0.1)
    for now in (10.0, 10.1, 10.7, 10.8, 10.9):
        lag.tick(now)

    assert lag.recent() == pytest.approx(0.5)
    assert lag.total == pytest.approx(0.5)
    for step in range(200):
        lag.tick(11.0 + step * 0.1)
    assert lag.recent() == pytest.approx(0.0, abs=1e-9)


def test_percentiles_lie_inside_their_bucket() -> None:
    spread = Spread()
    for _ in range(90):
        spread.add(0.004)
    for _ in range(10):
        spread.add(0.2)

    assert quantile(0.5, spread.buckets) == pytest.approx(0.0025 + 0.0025 * 50 / 90)
    assert 0.1 < (quantile(0.95, spread.buckets) or 0) <= 0.25
    assert quantile(0.5, [0] * len(spread.buckets)) is None
