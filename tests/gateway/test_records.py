"""What a gateway that runs writes down of its requests: figures, lines, spans, Proxy-Status."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from gateway.proxy.records.catalogue import FIGURES
from gateway.proxy.records.rendering import full_name
from gateway.proxy.records.spans import Spans
from tests.gateway.conftest import Open, Services
from tests.gateway.stage import RunningGateway, answer, get, says, talk, wait_until
from tests.gateway.test_identity import ASK

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
Lines = Callable[[int], list[dict[str, Any]]]
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def own(open_gateway: Open) -> RunningGateway:
    """A gateway whose shop is away."""
    return open_gateway(access_log=True, log_style="json", shop_url=NOBODY)


@pytest.fixture
def lines(own: RunningGateway) -> Lines:
    """Waits for so many lines of the log."""
    written: list[str] = []
    own.app.operations.access._write = written.append

    def wait(number: int) -> list[dict[str, Any]]:
        wait_until(lambda: "".join(written).count("\n") >= number)
        return [json.loads(line) for line in "".join(written).splitlines()]

    return wait


def test_a_line_names_who_answered_and_how(
    own: RunningGateway, services: Services, lines: Lines
) -> None:
    services.auth.on(ASK, says(answer(b"{}", status="404 Not Found")))
    kept = answer(b"[]", "cache-control: public, max-age=600")
    services.catalog.on("/api/catalog/v1/products", says(kept))
    for path in ("/api/catalog/v1/products?q=secret", "/api/catalog/v1/products?q=secret", "/cart"):
        get(own.url + path, cookie="quintet_session=secret", **{"user-agent": "secret/1"})

    first, second, cart = lines(3)

    replica = f"127.0.0.1:{services.catalog.port}"
    assert (first["replica"], first["cache"], first["status"]) == (replica, "uri-miss", 200)
    assert second["cache"] == "hit"
    assert "replica" not in second
    assert (cart["refused"], cart["status"], cart["upstream"]) == (
        "upstream-unreachable",
        502,
        "shop",
    )
    assert "secret" not in json.dumps([first, second, cart])


def test_figures_follow_each_replica(own: RunningGateway, services: Services) -> None:
    get(f"{own.url}/products/mug")
    get(f"{own.url}/cart")

    text = get(f"{own.url}/metrics").text

    labels = f'{{service="catalog",replica="127.0.0.1:{services.catalog.port}"'
    assert f'quintet_gateway_upstream_answers_total{labels},status="2xx"}} 1' in text
    assert f"quintet_gateway_upstream_first_byte_seconds_count{labels}}} 1" in text
    assert f"quintet_gateway_upstream_seconds_count{labels}}} 1" in text
    away = '{service="shop",replica="127.0.0.1:9",reason="connection_refused"}'
    assert f"quintet_gateway_upstream_errors_total{away}" in text
    assert 'quintet_gateway_breaker_state{service="shop"} 0' in text


def test_every_figure_that_is_shown_can_be_looked_up(own: RunningGateway) -> None:
    get(f"{own.url}/products/mug")
    get(f"{own.url}/cart")
    known = {each.name: (each.kind, set(each.labels)) for each in FIGURES}

    for family in own.app.operations.parts.metrics.families():
        kind, labels = known[family.name]
        assert family.kind == kind
        for _, given, _ in family.points:
            assert set(given) - {"le"} == labels, family.name


def test_what_is_scraped_is_in_the_catalogue_and_on_the_reference_page(
    open_gateway: Open, services: Services
) -> None:
    api = {"openapi": "3.1.0", "servers": [{"url": "/"}], "paths": {}}
    for each in vars(services).values():
        told = answer(json.dumps(api).encode(), "content-type: application/json")
        each.on(f"/api/{each.name}/openapi.json", says(told))
    gateway = open_gateway(read_contracts=True)
    get(f"{gateway.url}/products/mug")
    wait_until(lambda: "contract_operations" in get(f"{gateway.url}/metrics").text)

    text = get(f"{gateway.url}/metrics").text

    shown = set(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    page = (Path(__file__).parents[2] / "docs/reference/metrics.md").read_text()
    assert shown - {(full_name(each.name), each.kind) for each in FIGURES} == set()
    assert [name for name, _ in shown if f"`{name}" not in page] == []


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/cart", 502, 'error=connection_refused; details="upstream-unreachable"'),
        ("/internal/x", 404, 'error=http_request_error; status-code=404; details="not-found"'),
    ],
)
def test_an_error_of_ours_says_what_went_wrong(
    own: RunningGateway, path: str, status: int, said: str
) -> None:
    """RFC 9209, section 2."""
    refused = get(own.url + path)

    assert refused.status_code == status
    assert refused.headers["proxy-status"] == f"quintet-gateway; {said}"


def test_what_is_no_http_is_answered_with_a_word_and_counted(own: RunningGateway) -> None:
    refused = talk(own.port, b"NONSENSE\r\n\r\n")

    said = b'proxy-status: quintet-gateway; error=http_request_error; status-code=400; details="bad-http"'
    assert said in refused
    assert "quintet_gateway_malformed_total 1" in get(f"{own.url}/metrics").text


def test_an_error_of_a_service_is_the_services(own: RunningGateway, services: Services) -> None:
    services.catalog.on("/products/mug", says(answer(b"oh", status="500 Oh")))

    failed = get(f"{own.url}/products/mug")

    assert failed.status_code == 500
    assert "proxy-status" not in failed.headers


def spans_of(own: RunningGateway, *paths: str) -> list[ReadableSpan]:
    """The spans that are written while these are asked for."""
    kept = InMemorySpanExporter()
    records = own.app.operations.records
    records.spans = Spans(SimpleSpanProcessor(kept))
    own.app.door._steps.forwarder._sender.tell_tries = True
    for path in paths:
        get(own.url + path, traceparent=PARENT)
    wait_until(
        lambda: (
            len([s for s in kept.get_finished_spans() if s.kind is SpanKind.SERVER]) == len(paths)
        )
    )
    return list(kept.get_finished_spans())


def test_a_span_of_ours_stands_between_the_caller_and_the_service(
    own: RunningGateway, services: Services
) -> None:
    client, server = spans_of(own, "/products/mug")

    (seen,) = services.catalog.seen
    assert seen.one("traceparent")[36:52] == f"{server.context.span_id:016x}"
    assert server.parent is not None
    assert f"{server.parent.span_id:016x}" == PARENT[36:52]
    assert client.parent is not None
    assert client.parent.span_id == server.context.span_id
    assert (client.attributes or {})["server.port"] == services.catalog.port


def test_a_request_that_fails_says_so_in_its_spans(own: RunningGateway) -> None:
    *tries, server = spans_of(own, "/cart")

    assert (server.attributes or {})["error.type"] == "upstream-unreachable"
    assert tries
    assert {(each.attributes or {})["error.type"] for each in tries} == {"connection_refused"}


def test_a_malformed_request_is_noted_without_a_span(own: RunningGateway) -> None:
    (server,) = [
        each
        for each in spans_of(own, "/products/../mug%00", "/products/mug")
        if each.kind is SpanKind.SERVER
        and (each.attributes or {})["http.response.status_code"] == 200
    ]

    assert server.name.startswith("GET ")


def test_of_the_traces_that_begin_here_a_share_is_sampled(
    open_gateway: Open, services: Services
) -> None:
    """Trace Context, section 3.2.2.5.1; what a caller decided stays decided."""
    gateway = open_gateway(trace_share=0.0)

    get(f"{gateway.url}/cart")
    get(f"{gateway.url}/cart", traceparent=PARENT)

    flags = [seen.one("traceparent")[-2:] for seen in services.shop.seen]
    assert flags == ["02", "01"]
