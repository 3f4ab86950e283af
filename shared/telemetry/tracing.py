"""Spans for OpenTelemetry, where it is installed and told where to send them; else nothing.

Every event carries a `traceparent` with or without this module: a trace is one connected story.
With it (`pip install quintet-shared[otel]`, OTEL_EXPORTER_OTLP_ENDPOINT set) the story gets spans:
SERVER for a request, PRODUCER when the relay publishes, CONSUMER when an event is handled.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from shared import context
from shared.bus.protocol import Message, Outcome
from shared.context import Context
from shared.events import Envelope
from shared.logging import get
from shared.settings import ServiceSettings

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer, TracerProvider

log = get(__name__)

HEADER = "traceparent"
WHERE_TO = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
DESTINATION = "quintet.events"
_IN_BODY = re.compile(rb'"traceparent":"([0-9a-f-]{55})"')

# The conventions for messaging are still in development: their names are here and nowhere else.
SYSTEM = "messaging.system"
DESTINATION_NAME = "messaging.destination.name"
OPERATION_NAME = "messaging.operation.name"
OPERATION_TYPE = "messaging.operation.type"
MESSAGE_ID = "messaging.message.id"
CONVERSATION_ID = "messaging.message.conversation_id"
BODY_SIZE = "messaging.message.body.size"
GROUP = "messaging.consumer.group.name"
ROUTING_KEY = "messaging.rabbitmq.destination.routing_key"
METHOD, ROUTE = "http.request.method", "http.route"
STATUS, ERROR_TYPE = "http.response.status_code", "error.type"

_tracer: Tracer | None = None
_system = _service = ""


def set_up(settings: ServiceSettings) -> None:
    """Send spans where the OTEL_… variables say, if they say anything and the packages are there.

    Sampling, batching and headers are those variables' affair too.
    """
    if not any(os.environ.get(name) for name in WHERE_TO):
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        log.warning("no spans are sent: install quintet-shared[otel]")
        return
    name = {"service.name": f"quintet-{settings.name}"}
    provider = TracerProvider(resource=Resource.create(name))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    use(provider, settings)


def use(provider: TracerProvider | None, settings: ServiceSettings) -> None:
    """From now on, make spans with this provider; with None, none."""
    global _tracer, _system, _service
    _tracer = provider.get_tracer("quintet") if provider else None
    _system = "rabbitmq" if settings.bus_url.startswith("amqp") else "quintet"
    _service = settings.name


def published(
    publish: Callable[..., list[Outcome]], messages: Sequence[Message], **more: Any
) -> list[Outcome]:
    """Publish; each message with a PRODUCER span, under the span that its event was said in."""
    if _tracer is None:
        return publish(messages, **more)
    spans = [_producing(_tracer, message) for message in messages]
    with_parent = [_under(*each) for each in zip(messages, spans, strict=True)]
    outcomes = publish(with_parent, **more)
    for span, outcome in zip(spans, outcomes, strict=True):
        if outcome is not Outcome.CONFIRMED:
            span.set_attribute(ERROR_TYPE, outcome.value)
            _fail(span, outcome.value)
        span.end()
    return outcomes


@contextmanager
def handling(
    cause: Context, envelope: Envelope, headers: Mapping[str, str] | None
) -> Iterator[None]:
    """Enter the context of an event; with a CONSUMER span under the publisher's, if we make any."""
    if _tracer is None:
        with context.entered(cause):
            yield
        return
    parent = (headers or {}).get(HEADER) or envelope.traceparent
    attributes = {
        SYSTEM: _system,
        DESTINATION_NAME: DESTINATION,
        OPERATION_NAME: "process",
        OPERATION_TYPE: "process",
        MESSAGE_ID: envelope.id,
        CONVERSATION_ID: cause.correlation,
        GROUP: _service,
        ROUTING_KEY: envelope.type,
    }
    with (
        _span(f"process {envelope.type}", "CONSUMER", parent, attributes) as span,
        context.entered(replace(cause, traceparent=_traceparent(span))),
    ):
        yield


@contextmanager
def answering(at_hand: Context, parent: str | None, scope: Mapping[str, Any]) -> Iterator[Context]:
    """Enter the context of a request; with a SERVER span under the caller's, if we make any."""
    if _tracer is None:
        with context.entered(at_hand):
            yield at_hand
        return
    method = scope["method"]
    with _span(method, "SERVER", parent, {METHOD: method}) as span:
        with context.entered(replace(at_hand, traceparent=_traceparent(span))) as inner:
            yield inner
        route = getattr(scope.get("route"), "path", "")
        if route:
            span.update_name(f"{method} {route}")
            span.set_attribute(ROUTE, route)


def _producing(tracer: Tracer, message: Message) -> Span:
    from opentelemetry.trace import SpanKind

    found = _IN_BODY.search(message.body)
    attributes: dict[str, Any] = {
        SYSTEM: _system,
        DESTINATION_NAME: DESTINATION,
        OPERATION_NAME: "publish",
        OPERATION_TYPE: "send",
        MESSAGE_ID: message.id,
        BODY_SIZE: len(message.body),
        ROUTING_KEY: message.type,
    }
    parent = _remote(found.group(1).decode() if found else None)
    return tracer.start_span(
        f"publish {message.type}", parent, kind=SpanKind.PRODUCER, attributes=attributes
    )


@contextmanager
def _span(
    name: str, kind: str, parent: str | None, attributes: Mapping[str, Any]
) -> Iterator[Span]:
    from opentelemetry.trace import SpanKind

    assert _tracer is not None
    with _tracer.start_as_current_span(
        name, _remote(parent), kind=SpanKind[kind], attributes=dict(attributes)
    ) as span:
        yield span


def _remote(traceparent: str | None) -> Any:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier = {HEADER: traceparent} if traceparent else {}
    return TraceContextTextMapPropagator().extract(carrier)


def _under(message: Message, span: Span) -> Message:
    return replace(message, headers={**message.headers, HEADER: _traceparent(span)})


def _traceparent(span: Span) -> str:
    at = span.get_span_context()
    return f"00-{at.trace_id:032x}-{at.span_id:016x}-{int(at.trace_flags):02x}"


def _fail(span: Span, reason: str) -> None:
    from opentelemetry.trace import StatusCode

    span.set_status(StatusCode.ERROR, reason)
