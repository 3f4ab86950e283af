"""Spans of requests: written when they are over, under the ids that went upstream."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from gateway.proxy.records import spans
from gateway.proxy.records.spans import Spans, Story, Try
from shared.telemetry.tracing import WHERE_TO

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01".encode()
OURS = f"00-{TRACE}-1111111111111111-01".encode()
STORY = Story(
    traceparent=OURS, parent=PARENT, method="GET", route="shop-api", path=b"/api/shop/v1/orders",
    scheme="https", host=b"shop.example:8443", client="203.0.113.9", version="1.1", status=200,
    error="", began=10.0, ended=10.25,
    tries=(
        Try(("10.0.0.1", 8003), 10.05, 10.1, 0, "connection_terminated"),
        Try(("10.0.0.2", 8003), 10.1, 10.2, 200),
    ),
)  # fmt: skip


def told(*stories: Story) -> list[ReadableSpan]:
    """The spans of these requests."""
    kept = InMemorySpanExporter()
    writing = Spans(SimpleSpanProcessor(kept))
    for story in stories:
        writing.tell(story)
    return list(kept.get_finished_spans())


def test_a_request_is_a_span_of_ours_under_the_callers_and_each_try_one_under_it() -> None:
    first, second, server = told(STORY)

    assert (server.kind, server.name) == (SpanKind.SERVER, "GET shop-api")
    assert server.parent is not None
    assert server.parent.span_id == int("00f067aa0ba902b7", 16)
    assert server.context.span_id == int("1" * 16, 16)
    for each in (first, second):
        assert each.kind is SpanKind.CLIENT
        assert each.parent is not None
        assert each.parent.span_id == server.context.span_id
    assert {each.context.trace_id for each in (first, second, server)} == {int(TRACE, 16)}
    assert len({each.context.span_id for each in (first, second, server)}) == 3


def test_attributes_are_those_of_the_conventions() -> None:
    first, second, server = told(STORY)

    assert server.attributes == {
        "http.request.method": "GET", "http.route": "shop-api", "url.path": "/api/shop/v1/orders",
        "url.scheme": "https", "server.address": "shop.example", "server.port": 8443,
        "client.address": "203.0.113.9", "network.protocol.version": "1.1",
        "http.response.status_code": 200,
    }  # fmt: skip
    assert first.attributes is not None
    assert first.attributes["error.type"] == "connection_terminated"
    assert second.attributes is not None
    assert second.attributes["http.request.resend_count"] == 1
    assert (first.status.status_code, second.status.status_code) == (
        StatusCode.ERROR,
        StatusCode.UNSET,
    )
    assert server.end_time is not None
    assert server.start_time is not None
    assert server.end_time - server.start_time == pytest.approx(250e6, rel=1e-3)


def test_a_failure_of_ours_is_an_error_and_one_of_the_clients_is_none() -> None:
    (bad,) = told(replace(STORY, status=503, error="upstream-busy", tries=()))
    (refused,) = told(replace(STORY, status=404, error="not-found", tries=()))

    assert bad.status.status_code is StatusCode.ERROR
    assert refused.status.status_code is StatusCode.UNSET


def test_a_trace_that_begins_here_has_no_parent_and_keeps_its_ids() -> None:
    server = told(replace(STORY, parent=None))[-1]

    assert server.parent is None
    assert server.context.trace_id == int(TRACE, 16)
    assert server.context.span_id == int("1" * 16, 16)


def test_what_the_caller_does_not_sample_is_not_written() -> None:
    assert (
        told(
            replace(STORY, traceparent=OURS[:-2] + b"00"),
            replace(STORY, traceparent=OURS[:-2] + b"02"),
        )
        == []
    )


def test_without_a_destination_nothing_of_it_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in WHERE_TO:
        monkeypatch.delenv(name, raising=False)
    look = "import sys, gateway.app; sys.exit(any(n.startswith('opentelemetry.sdk') for n in sys.modules))"

    assert spans.set_up() is None
    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0
