"""An order's progress as a stream of server-sent events.

One of the two asynchronous corners of the shop: a stream lives for minutes and mostly waits.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from shared.http.deps import ServiceDep
from shared.service import Service
from shop_service.api.deps import Number, VisitDep
from shop_service.db import orders as finders
from shop_service.db.models import TimelineEntry
from shop_service.domain.order import is_final

router = APIRouter(prefix="/v1/orders", tags=["orders"])

FIRST_PAUSE, LONGEST_PAUSE, SLOWER = 0.1, 1.0, 1.1
HEARTBEAT = 15.0
LONGEST = 300.0  # then the client connects again and says what it saw last
SEQ = re.compile(r"\d{1,9}\Z")
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


@router.get("/{number}/events", response_class=StreamingResponse)
async def follow_order(
    number: Number,
    service: ServiceDep,
    visit: VisitDep,
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    """Follow an order until its outcome is known: its timeline, one event each, then `end`."""
    shopper = visit.shopper_unless_staff("shop.view_order")

    def find() -> UUID:
        with service.transactions.read() as work:
            return finders.order_id_by_number(work, number, shopper)

    order_id = await run_in_threadpool(find)
    seen = int(last_event_id) if last_event_id and SEQ.match(last_event_id) else 0
    if seen and await run_in_threadpool(_nothing_follows, service, order_id, seen):
        return Response(status_code=204)  # tells an EventSource not to come back
    stream = _stream(service, order_id, seen)
    return StreamingResponse(stream, media_type="text/event-stream", headers=HEADERS)


async def _stream(service: Service, order_id: UUID, seen: int) -> AsyncIterator[str]:
    started = spoke = time.monotonic()
    pause = FIRST_PAUSE
    yield "retry: 2000\n\n"
    while time.monotonic() - started < LONGEST:
        entries, status = await run_in_threadpool(_look, service, order_id, seen)
        for entry in entries:
            seen, spoke = entry.seq, time.monotonic()
            yield _event(entry, status)
        if is_final(status):
            yield f"event: end\ndata: {json.dumps({'status': status})}\n\n"
            return
        if time.monotonic() - spoke > HEARTBEAT:
            spoke = time.monotonic()
            yield ": still here\n\n"
        await asyncio.sleep(pause)
        pause = min(pause * SLOWER, LONGEST_PAUSE)


def _look(service: Service, order_id: UUID, seen: int) -> tuple[Sequence[TimelineEntry], str]:
    with service.transactions.read() as work:
        status = finders.status_of(work, order_id)  # first: its entries are there already
        return finders.timeline_after(work, order_id, seen), status


def _nothing_follows(service: Service, order_id: UUID, seen: int) -> bool:
    entries, status = _look(service, order_id, seen)
    return is_final(status) and not entries


def _event(entry: TimelineEntry, status: str) -> str:
    said = {
        "seq": entry.seq,
        "at": entry.at.isoformat(),
        "what": entry.what,
        "text": entry.text,
        "status": status,
    }
    return f"id: {entry.seq}\ndata: {json.dumps(said, ensure_ascii=False)}\n\n"
