"""Spans for OpenTelemetry, where it is installed and told where to send them; else nothing.

Spans are written down when a request is over, never on its way: the way only carries the ids. The
`traceparent` that went upstream already named our span, whether one is written or not; here it
gets its body: a SERVER span under the caller's, and under it a CLIENT span for each try. Which
traces are written is decided where they begin: by the caller's flag, or by our share of new ones.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shared.logging import get
from shared.telemetry.tracing import WHERE_TO

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.trace import SpanContext, SpanKind

log = get("gateway.spans")

# The stable conventions for HTTP, version 1.23 and later.
METHOD, STATUS, ERROR = "http.request.method", "http.response.status_code", "error.type"
ROUTE, PATH, SCHEME = "http.route", "url.path", "url.scheme"
CLIENT, SERVER, PORT = "client.address", "server.address", "server.port"
VERSION, RESENT = "network.protocol.version", "http.request.resend_count"
SAMPLED = 1


@dataclass(frozen=True, slots=True)
class Try:
    """One time that a replica was asked; times are of the process's performance counter."""

    address: tuple[str, int]
    began: float
    ended: float
    status: int  # 0: no answer came
    error: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """All that a span says of one request."""

    traceparent: bytes  # what went upstream: it names our span
    parent: bytes | None  # what the caller sent
    method: str
    route: str
    path: bytes
    scheme: str
    host: bytes
    client: str
    version: str
    status: int
    error: str
    began: float
    ended: float
    tries: Iterable[Try] = field(default=())


class Spans:
    """Writes spans down. Made only where something takes them."""

    def __init__(self, processor: SpanProcessor) -> None:
        self._ids = _ids()
        self._provider = _provider(self._ids, processor)
        self._tracer = self._provider.get_tracer("quintet-gateway")
        self._offset = time.time() - time.perf_counter()

    def tell(self, story: Story) -> None:
        """Write one request down, if its trace is one of those that are."""
        if not int(story.traceparent[53:55], 16) & SAMPLED:
            return
        from opentelemetry.trace import SpanKind, Status, StatusCode

        self._ids.give(story.traceparent)
        span = self._span(
            f"{story.method} {story.route}",
            SpanKind.SERVER,
            story.parent,
            _served(story),
            story.began,
        )
        if story.error and (story.status >= 500 or not story.status):
            span.set_status(Status(StatusCode.ERROR))
        for number, one in enumerate(story.tries):
            self._tell_try(story, number, one)
        span.end(self._nanoseconds(story.ended))

    def close(self) -> None:
        """Send what is not sent yet. May wait for the network: not on the event loop."""
        self._provider.shutdown()

    def _tell_try(self, story: Story, number: int, one: Try) -> None:
        from opentelemetry.trace import SpanKind, Status, StatusCode

        attributes: dict[str, Any] = {METHOD: story.method, SERVER: one.address[0]}
        attributes[PORT] = one.address[1]
        if number:
            attributes[RESENT] = number
        if one.status:
            attributes[STATUS] = one.status
        failed = one.error or (str(one.status) if one.status >= 400 else "")
        if failed:
            attributes[ERROR] = failed
        span = self._span(story.method, SpanKind.CLIENT, story.traceparent, attributes, one.began)
        if failed:
            span.set_status(Status(StatusCode.ERROR))
        span.end(self._nanoseconds(one.ended))

    def _span(
        self,
        name: str,
        kind: SpanKind,
        parent: bytes | None,
        attributes: dict[str, Any],
        began: float,
    ) -> Any:
        from opentelemetry.context import Context
        from opentelemetry.trace import NonRecordingSpan, set_span_in_context

        above = Context()
        if parent is not None:
            above = set_span_in_context(NonRecordingSpan(_remote(parent)), above)
        return self._tracer.start_span(
            name, above, kind=kind, attributes=attributes, start_time=self._nanoseconds(began)
        )

    def _nanoseconds(self, moment: float) -> int:
        return int((moment + self._offset) * 1e9)


def set_up() -> Spans | None:
    """Send spans where the OTEL_… variables say; None if they are silent or packages missing."""
    if not any(os.environ.get(name) for name in WHERE_TO):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        log.warning("no spans are sent: install quintet-shared[otel]")
        return None
    return Spans(BatchSpanProcessor(OTLPSpanExporter()))


def _served(story: Story) -> dict[str, Any]:
    host, _, port = story.host.decode("latin-1").partition(":")
    told: dict[str, Any] = {
        METHOD: story.method,
        ROUTE: story.route,
        PATH: story.path.decode("latin-1"),
        SCHEME: story.scheme,
        SERVER: host,
        CLIENT: story.client,
        VERSION: story.version,
    }
    if port.isdigit():
        told[PORT] = int(port)
    if story.status:
        told[STATUS] = story.status
    if story.error:
        told[ERROR] = story.error
    return told


def _remote(traceparent: bytes) -> SpanContext:
    from opentelemetry.trace import SpanContext, TraceFlags

    return SpanContext(
        int(traceparent[3:35], 16),
        int(traceparent[36:52], 16),
        is_remote=True,
        trace_flags=TraceFlags(int(traceparent[53:55], 16)),
    )


def _ids() -> Any:
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class GivenIds(RandomIdGenerator):
        """Gives the ids that went upstream already to the span that is made now, once."""

        trace = span = 0

        def give(self, traceparent: bytes) -> None:
            self.trace, self.span = int(traceparent[3:35], 16), int(traceparent[36:52], 16)

        def generate_trace_id(self) -> int:
            return self.trace or super().generate_trace_id()

        def generate_span_id(self) -> int:
            span, self.span = self.span, 0
            return span or super().generate_span_id()

    return GivenIds()


def _provider(ids: Any, processor: SpanProcessor) -> TracerProvider:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    # What is not to be written never comes here, so everything that comes is.
    resource = Resource.create({"service.name": "quintet-gateway"})
    provider = TracerProvider(resource=resource, id_generator=ids, sampler=ALWAYS_ON)
    provider.add_span_processor(processor)
    return provider
