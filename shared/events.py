"""Events and their envelope: CloudEvents 1.0, structured JSON.

A publisher's class says everything the event carries; a consumer writes its own class with only
the fields it reads. They meet in the type string, never in an import.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from shared.context import Context

WARN_ABOVE = 64 * 1024  # CloudEvents 1.0 §"Size Limits": larger events may not be forwarded
REFUSE_ABOVE = 256 * 1024

E = TypeVar("E", bound="Event")


class BadEnvelope(ValueError):
    """These bytes are no event we can read; trying again will not help."""


class EventTooLarge(ValueError):
    """The event is larger than the bus may be asked to carry."""


class Event(BaseModel):
    """Something that happened. Frozen; fields it does not know are ignored.

    `class PriceChanged(Event, type="catalog.price.changed.v1", key="sku")`: `key` names the field
    that identifies the aggregate; `version` is that aggregate's version after the change.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    TYPE: ClassVar[str] = ""
    KEY: ClassVar[str] = ""

    version: int = 0

    def __init_subclass__(cls, *, type: str = "", key: str = "", **more: Any) -> None:
        super().__init_subclass__(**more)
        if type:
            cls.TYPE = type
        if key:
            cls.KEY = key

    @property
    def subject(self) -> str:
        """The aggregate that this event is about."""
        return str(getattr(self, self.KEY)) if self.KEY else ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One event as it travels. `id` never changes, however often the event is sent."""

    id: str
    type: str
    source: str
    subject: str
    time: datetime
    version: int
    data: dict[str, Any]
    correlation: str
    traceparent: str
    causation: str | None = None

    @classmethod
    def around(cls, event: Event, *, id: str, source: str, time: datetime, by: Context) -> Self:
        """Wrap `event` for its journey."""
        return cls(
            id=id,
            type=event.TYPE,
            source=source,
            subject=event.subject,
            time=time,
            version=event.version,
            data=event.model_dump(mode="json"),
            correlation=by.correlation,
            traceparent=by.traceparent,
            causation=by.causation,
        )

    @property
    def aggregate(self) -> str:
        """What events must keep their order by: the publisher and the thing it speaks of."""
        return f"{self.source}/{self.subject}"

    def to_json(self) -> bytes:
        """The CloudEvents JSON (content type application/cloudevents+json)."""
        body = {
            "specversion": "1.0",
            "id": self.id,
            "type": self.type,
            "source": self.source,
            "subject": self.subject,
            "time": self.time.isoformat(),
            "datacontenttype": "application/json",
            "aggregateversion": self.version,
            "correlationid": self.correlation,
            "traceparent": self.traceparent,
            "data": self.data,
        }
        if self.causation:
            body["causationid"] = self.causation
        return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()

    @classmethod
    def from_json(cls, raw: bytes) -> Self:
        """Read an envelope; raises BadEnvelope when it is not one."""
        try:
            body = json.loads(raw)
            if body.get("specversion", "1.0") != "1.0":
                raise BadEnvelope(f"CloudEvents {body['specversion']} is not what we read.")
            return cls(
                id=str(body["id"]),
                type=str(body["type"]),
                source=str(body["source"]),
                subject=str(body.get("subject", "")),
                time=datetime.fromisoformat(body["time"]),
                version=int(body.get("aggregateversion", 0)),
                data=dict(body["data"]),
                correlation=str(body.get("correlationid", body["id"])),
                traceparent=str(body.get("traceparent", "")),
                causation=body.get("causationid"),
            )
        except BadEnvelope:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise BadEnvelope(f"Not a CloudEvents envelope: {error!r}") from error


def read_as(envelope: Envelope, reader: type[E]) -> E:
    """The event's data as `reader` understands it; raises BadEnvelope when it cannot."""
    try:
        return reader.model_validate(envelope.data)
    except ValidationError as error:
        raise BadEnvelope(f"{envelope.type} does not fit {reader.__name__}: {error}") from error
