"""What a request sets off is one connected graph, over every transport, with spans or without."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from shared import clock, context
from shared.bus import connect
from shared.bus.protocol import Message, Outcome
from shared.consuming import Consumer
from shared.context import opened
from shared.events import Envelope
from shared.relay import Relay
from shared.service import Service
from shared.telemetry import tracing
from shared.testing import Databases, sent_by
from tests.shared.bus.wires import Wire, eventually
from tests.shared.conftest import Bumped, Counted

REQUEST = "request-of-a-test"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture
def speaker(databases: Databases) -> Iterator[Service]:
    """A second service: what it says is heard by the first."""
    with databases.service() as found:
        yield found


@pytest.fixture
def spans(service: Service) -> Iterator[InMemorySpanExporter]:
    """Spans are made, and kept for us."""
    kept, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracing.use(provider, service.settings)
    yield kept
    tracing.use(None, service.settings)


def test_what_a_request_sets_off_is_one_connected_graph(
    wire: Wire, speaker: Service, service: Service
) -> None:
    with hearing(service, wire):
        name = say_in_a_request(speaker, wire)
        cause, effect = [*sent_by(speaker), *effects(service, name)]

    assert (cause.correlation, effect.correlation) == (REQUEST, REQUEST)
    assert (trace_of(cause), trace_of(effect)) == (TRACE, TRACE)
    assert (cause.causation, effect.causation) == (None, cause.id)
    assert len({PARENT, cause.traceparent, effect.traceparent}) == 3


def test_the_spans_of_publishing_and_handling_form_one_chain(
    wire: Wire, speaker: Service, service: Service, spans: InMemorySpanExporter
) -> None:
    with hearing(service, wire):
        name = say_in_a_request(speaker, wire)
        [effect] = effects(service, name)
        Relay(service, wire.bus()).send_waiting()

    cause = sent_by(speaker)[0]
    sent, handled, sent_on = (
        span_of(spans, SpanKind.PRODUCER, cause.id),
        span_of(spans, SpanKind.CONSUMER, cause.id),
        span_of(spans, SpanKind.PRODUCER, effect.id),
    )
    assert [parent_of(span) for span in (sent, handled, sent_on)] == [
        span_id_in(cause.traceparent),
        sent.context.span_id,
        handled.context.span_id,
    ]
    assert {span.context.trace_id for span in (sent, handled, sent_on)} == {int(TRACE, 16)}
    assert sent.attributes is not None
    assert sent.attributes[tracing.ROUTING_KEY] == Bumped.TYPE


def test_a_handler_that_fails_leaves_a_span_that_says_so(
    service: Service, spans: InMemorySpanExporter
) -> None:
    poison = Bumped(name="apples", by=-1)

    envelope = Envelope.around(
        poison, id="poison", source="/elsewhere", time=clock.now(), by=opened(REQUEST, PARENT)
    )
    bus = connect(f"embedded:{service.settings.var}/unused.db", client="tests")
    Consumer(service, bus).handle(envelope.to_json())
    bus.close()

    failed = [span for span in spans.get_finished_spans() if span.kind is SpanKind.CONSUMER]
    assert {span.status.status_code for span in failed} == {StatusCode.ERROR}
    assert parent_of(failed[0]) == span_id_in(envelope.traceparent)


def test_a_refused_event_leaves_a_span_that_says_so(spans: InMemorySpanExporter) -> None:
    message = Message("one", Bumped.TYPE, b"{}")

    tracing.published(lambda _: [Outcome.REFUSED], [message])

    [span] = spans.get_finished_spans()
    assert (span.kind, span.status.description) == (SpanKind.PRODUCER, "refused")


def test_without_spans_a_message_is_published_untouched() -> None:
    sent: list[Message] = []
    message = Message("one", Bumped.TYPE, b"{}")

    def publish(messages: list[Message]) -> list[Outcome]:
        sent.extend(messages)
        return [Outcome.CONFIRMED]

    tracing.published(publish, [message])

    assert sent[0] is message


def say_in_a_request(speaker: Service, wire: Wire) -> str:
    """Publish as a request would, and send it; returns what the event is about."""
    name = f"thing-{wire.token}"
    with context.entered(opened(REQUEST, PARENT)), speaker.transactions.begin() as work:
        work.publish(Bumped(name=name))
    relay = Relay(speaker, wire.bus())
    assert relay.send_waiting() == 1
    return name


@contextmanager
def hearing(service: Service, wire: Wire) -> Iterator[None]:
    """The service works off its queue while this lasts."""
    stop = threading.Event()
    consumer = Consumer(service, wire.bus())
    thread = threading.Thread(target=consumer.run, args=(stop,))
    thread.start()
    try:
        assert eventually(consumer.healthy)
        yield
    finally:
        stop.set()
        thread.join()


def effects(service: Service, name: str) -> list[Envelope]:
    """What the service said about it, once it has heard."""

    def found() -> list[Envelope]:
        return [e for e in sent_by(service) if (e.type, e.subject) == (Counted.TYPE, name)]

    assert eventually(lambda: bool(found()))
    return found()


def span_of(spans: InMemorySpanExporter, kind: SpanKind, id_: str) -> ReadableSpan:
    def found() -> list[ReadableSpan]:
        return [
            span
            for span in spans.get_finished_spans()
            if span.kind is kind and (span.attributes or {}).get(tracing.MESSAGE_ID) == id_
        ]

    assert eventually(lambda: bool(found()))
    [one] = found()
    return one


def parent_of(span: ReadableSpan) -> int:
    assert span.parent is not None
    return span.parent.span_id


def span_id_in(traceparent: str) -> int:
    return int(traceparent.split("-")[2], 16)


def trace_of(envelope: Envelope) -> str:
    return envelope.traceparent.split("-")[1]
