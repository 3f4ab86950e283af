"""The envelope of every event, for those who read contracts: CloudEvents 1.0, structured JSON."""

from __future__ import annotations

from typing import Any

from shared.contracts.samples import TEXTS
from shared.events import Event


def _text(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **more}


CLOUD_EVENT: dict[str, Any] = {
    "type": "object",
    "title": "CloudEvent",
    "description": "What travels: the attributes of CloudEvents 1.0, and the event in `data`.",
    "properties": {
        "specversion": {"const": "1.0"},
        "id": _text("Never changes, however often it is sent: who has seen it ignores it."),
        "type": _text("What happened, with its version."),
        "source": _text("Who says it, such as `/shop`."),
        "subject": _text("The aggregate it speaks of; events of one keep their order."),
        "time": _text("When it was said.", format="date-time"),
        "datacontenttype": {"const": "application/json"},
        "aggregateversion": {
            "type": "integer",
            "description": "Which change of the aggregate this was.",
        },
        "correlationid": _text("The same for all that one request led to."),
        "traceparent": _text("W3C trace context."),
        "causationid": _text("The event that led to this one, if one did."),
        "data": {"type": "object"},
    },
    "required": [
        "specversion",
        "id",
        "type",
        "source",
        "subject",
        "time",
        "datacontenttype",
        "aggregateversion",
        "correlationid",
        "traceparent",
        "data",
    ],
}


def example_around(event: type[Event], data: Any) -> dict[str, Any]:
    """An envelope as it travels, around this data."""
    return {
        "specversion": "1.0",
        "id": "01a1fdca-5d2b-7c11-9c52-1f6b1c0a7d10",
        "type": event.TYPE,
        "source": f"/{event.TYPE.partition('.')[0]}",
        "subject": str(data.get(event.KEY, "")),
        "time": TEXTS["date-time"],
        "datacontenttype": "application/json",
        "aggregateversion": data.get("version", 0),
        "correlationid": "01a1fdca-5d2b-7c11-9c52-000000000001",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "data": data,
    }
