"""What came from the bus: the bytes, the headers, and the event that they are, if they are one."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from shared import context
from shared.bus.protocol import Delivery, Message
from shared.events import BadEnvelope, Envelope
from shared.telemetry import tracing

# What our tables hold of an event; one that does not fit could not even be noted as heard.
LONGEST = {"id": 64, "type": 120, "aggregate": 200, "correlation": 64}
ENCODING, ROUTED = OURS = "body-encoding", "routed-as"  # headers that nobody else may say
GREATEST_VERSION = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Raw:
    """A message as it came, whatever it is."""

    body: bytes
    id: str = ""
    headers: Mapping[str, str] | None = None
    type: str = ""  # by which the bus let it through; empty where that is not known

    @classmethod
    def of(cls, delivery: Delivery) -> Raw:
        """What this delivery carries."""
        return cls.sent_as(delivery.message)

    @classmethod
    def sent_as(cls, message: Message) -> Raw:
        """What this message carries."""
        return cls(message.body, message.id, message.headers, message.type)

    @classmethod
    def kept(cls, body: str, headers: str) -> Raw:
        """The message again, from what `as_text` made of it."""
        said = json.loads(headers)
        encoded = said.pop(ENCODING, "") == "base64"
        type_ = said.pop(ROUTED, "")
        return cls(base64.b64decode(body) if encoded else body.encode(), headers=said, type=type_)

    @property
    def name(self) -> str:
        """An id for what has none that can be kept: the same message, come again, has the same."""
        said = self.id.encode(errors="backslashreplace")
        return f"unreadable-{hashlib.sha256(said + b'/' + self.body).hexdigest()[:50]}"

    def as_text(self) -> tuple[str, str]:
        """Body and headers (JSON) as a database keeps them; what is no text goes as base64."""
        said = self.headers or {}
        headers = {name: said[name] for name in said if name not in OURS}
        if self.type:
            headers[ROUTED] = self.type
        try:
            body = self.body.decode()
        except UnicodeDecodeError:
            body = "\x00"
        if "\x00" in body:
            headers[ENCODING] = "base64"
            body = base64.b64encode(self.body).decode()
        return body, json.dumps(headers)


@dataclass(frozen=True, slots=True)
class Heard:
    """A readable event, and the message it came in."""

    envelope: Envelope
    raw: Raw

    @classmethod
    def read(cls, raw: Raw) -> Heard:
        """Read the message; raises BadEnvelope if it is no event, or none that could be noted.

        The broker lets each account say certain types. Nobody may pass by it with one type on the
        outside and another within.
        """
        envelope = Envelope.from_json(raw.body)
        if raw.type and raw.type != envelope.type:
            raise BadEnvelope(f"It came as {raw.type!r} and says that it is {envelope.type!r}.")
        for field, longest in LONGEST.items():
            _fits(field, getattr(envelope, field), longest)
        if not 0 <= envelope.version <= GREATEST_VERSION:
            raise BadEnvelope(f"{envelope.version} is no version.")
        return cls(envelope, raw)

    def at_hand(self) -> AbstractContextManager[None]:
        """While it is handled: the context of what it sets off, and a span if spans are made."""
        return tracing.handling(self.as_cause(), self.envelope, self.raw.headers)

    def as_cause(self) -> context.Context:
        """The context of what this event sets off."""
        return context.Context(
            correlation=self.envelope.correlation,
            traceparent=context.child_of(self.envelope.traceparent),
            causation=self.envelope.id,
        )


def _fits(field: str, value: str, longest: int) -> None:
    if len(value) > longest or "\x00" in value or not value.isprintable():
        raise BadEnvelope(f"Its {field} cannot be kept: {value[:longest]!r}")
