"""For the gateway only: what a browser's session key is worth. Never routed from outside."""

from __future__ import annotations

from fastapi import APIRouter, Response

from auth_service.api.deps import DeskDep
from auth_service.api.schemas import InternalTokenOut, SessionKeyIn
from auth_service.domain.errors import SessionNotFound
from auth_service.usecases.sessions import recognise
from auth_service.usecases.tokens import internal_token

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
