"""For the gateway only: what a browser's session key is worth, and which sessions have ended.

Never routed from outside.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from auth_service.api.deps import DeskDep
from auth_service.api.schemas import EndedSessionsOut, InternalTokenOut, SessionKeyIn
from auth_service.db.models import EndedSession
from auth_service.db.sessions import endings_since
from auth_service.domain.errors import SessionNotFound
from auth_service.usecases.sessions import recognise
from auth_service.usecases.tokens import internal_token
from shared import clock
from shared.http.deps import ReadDep
from shared.http.paging import Cursor, decode_cursor, encode_cursor, page_of

PAGE = 5000

router = APIRouter(prefix="/v1", tags=["internal"])


@router.post("/session-tokens", status_code=200)
def exchange_session_key(desk: DeskDep, body: SessionKeyIn, response: Response) -> InternalTokenOut:
    """A short token for one service; 404 when no session has this key."""
    bearer = recognise(desk, body.session)
    if bearer is None:
        raise SessionNotFound
    token = internal_token(desk, bearer, body.audience)
    response.headers["cache-control"] = "no-store"
    return InternalTokenOut(access_token=token.token, expires_in=token.expires_in)


@router.get("/ended-sessions")
def list_ended_sessions(
    work: ReadDep,
    response: Response,
    seconds: Annotated[int, Query(ge=1, le=86_400, description="How far to look back.")],
    cursor: Cursor = None,
) -> EndedSessionsOut:
    """Which sessions ended early, for a gateway that may have missed an event.

    It asks for as many seconds as the longest token lives: what ended before needs no mention.
    """
    since = clock.now() - timedelta(seconds=seconds)
    rows = endings_since(work, since, _place_of(cursor), PAGE + 1)
    shown, following = page_of(rows, PAGE, _cursor_of)
    response.headers["cache-control"] = "no-store"
    return EndedSessionsOut(sessions=[row.session_id for row in shown], next=following)


def _cursor_of(row: EndedSession) -> str:
    return encode_cursor(row.ended_at.isoformat(), str(row.session_id))


def _place_of(cursor: str | None) -> tuple[datetime, UUID] | None:
    found = decode_cursor(cursor, str, str)
    try:
        return (datetime.fromisoformat(found[0]), UUID(found[1])) if found else None
    except ValueError:
        decode_cursor("?", str)  # refuses, in the words for every cursor that is not ours
        raise
