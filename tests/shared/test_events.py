"""The envelope is a CloudEvents 1.0 document that survives its journey."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.context import Context
from shared.events import BadEnvelope, Envelope, Event, read_as

CONTEXT = Context("request-1", f"00-{'a' * 32}-{'b' * 16}-01")


class Painted(Event, type="studio.wall.painted.v1", key="wall"):
    """A wall got a colour."""

    wall: str
    colour: str = "white"


class PaintedAsWeReadIt(Event, type="studio.wall.painted.v1"):
    """All that we care about."""

    colour: str


class WantsMore(Event, type="studio.wall.painted.v1"):
    """Wants a field that is never sent."""

    price: int


def envelope_of(event: Event) -> Envelope:
    at = datetime(2026, 3, 14, tzinfo=UTC)
    return Envelope.around(event, id="e-1", source="/studio", time=at, by=CONTEXT)


def test_an_envelope_has_the_required_attributes_of_cloudevents_1_0() -> None:
    sent = json.loads(envelope_of(Painted(wall="north", version=4)).to_json())

    assert {name: sent[name] for name in ("specversion", "id", "source", "type")} == {
        "specversion": "1.0",
        "id": "e-1",
        "source": "/studio",
        "type": "studio.wall.painted.v1",
    }
    assert sent["subject"] == "north"
    assert sent["aggregateversion"] == 4
    assert all(name.isalnum() and name.islower() for name in sent)


@given(wall=st.text(max_size=50), colour=st.text(max_size=50))
def test_whatever_is_said_arrives_as_it_was_said(wall: str, colour: str) -> None:
    sent = envelope_of(Painted(wall=wall, colour=colour))

    received = Envelope.from_json(sent.to_json())

    assert received == sent
    assert read_as(received, Painted).colour == colour


def test_a_reader_takes_only_the_fields_it_knows() -> None:
    received = envelope_of(Painted(wall="north", colour="blue"))

    assert read_as(received, PaintedAsWeReadIt).colour == "blue"


def test_a_reader_that_misses_a_field_says_so() -> None:
    with pytest.raises(BadEnvelope, match="price"):
        read_as(envelope_of(Painted(wall="north")), WantsMore)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"id": 1}',
        b'{"id":"a","type":"t","source":"s","time":"x","data":{}}',
    ],
)
def test_bytes_that_are_no_envelope_are_refused(raw: bytes) -> None:
    with pytest.raises(BadEnvelope):
        Envelope.from_json(raw)
