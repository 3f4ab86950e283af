"""What belongs to the request or message at hand: its id, its trace, what caused it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from shared.ids import new_id

# W3C Trace Context, section 3.2: version 00, no all-zero ids.
TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}\Z")
REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{8,64}\Z")


@dataclass(frozen=True, slots=True)
class Context:
    """`correlation` ties together all that one request set off; `causation` is the last event."""

    correlation: str
    traceparent: str
    causation: str | None = None


_current: ContextVar[Context | None] = ContextVar("quintet_context", default=None)


def current() -> Context:
    """The context at hand, or a new one if nothing has opened any."""
    return _current.get() or opened(None, None)


def opened(request_id: str | None, traceparent: str | None) -> Context:
    """A context from what came with the call; what is missing or malformed is made new."""
    sane = request_id if request_id and REQUEST_ID.match(request_id) else str(new_id())
    return Context(correlation=sane, traceparent=child_of(traceparent))


def resumed(correlation: str, traceparent: str, causation: str | None) -> Context:
    """The context of something that goes on later, from what was kept of it."""
    if not correlation:
        return opened(None, traceparent)
    return Context(correlation, child_of(traceparent), causation)


def child_of(traceparent: str | None) -> str:
    """The same trace with a span id of our own, or a new trace if there was no valid one."""
    if traceparent and TRACEPARENT.match(traceparent):
        version, trace, _, flags = traceparent.split("-")
        return f"{version}-{trace}-{secrets.token_hex(8)}-{flags}"
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


@contextmanager
def entered(context: Context) -> Iterator[Context]:
    """Make `context` the current one for this thread or task."""
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)
