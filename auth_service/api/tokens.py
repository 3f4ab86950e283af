"""Tokens for API clients of our own."""

from __future__ import annotations

from fastapi import APIRouter, Response

from auth_service.api.deps import DeskDep, VisitDep
from auth_service.api.schemas import CredentialsIn, RefreshIn, TokensOut
from auth_service.domain.tokens import API
from auth_service.usecases.desk import Desk
from auth_service.usecases.sessions import Opened
from auth_service.usecases.signing_in import prove_password, sign_in
from auth_service.usecases.tokens import access_token, refresh
from shared.errors import Refusal

router = APIRouter(prefix="/v1/tokens", tags=["tokens"])


@router.post("", status_code=200)
def issue_tokens(
    desk: DeskDep, visit: VisitDep, body: CredentialsIn, response: Response
) -> TokensOut:
    """Sign in as an API client. 401 says the same whatever was wrong; 429 when tried too often."""
    proof = prove_password(desk, body.email, body.password, visit)
    with desk.transactions.begin() as work:
        opened = sign_in(work, desk, proof, API, visit)
    return _tokens(desk, opened, response)


@router.post("/refresh", status_code=200)
def refresh_tokens(desk: DeskDep, body: RefreshIn, response: Response) -> TokensOut:
    """Exchange a refresh token for new tokens, once.

    A second exchange within 10 seconds gets the same refresh token again (so that a lost answer
    or a race does no harm); a later one ends the session.
    """
    with desk.transactions.begin() as work:
        opened = refresh(work, desk, body.refresh_token)
    if isinstance(opened, Refusal):
        raise opened
    return _tokens(desk, opened, response)


def _tokens(desk: Desk, opened: Opened, response: Response) -> TokensOut:
    response.headers["cache-control"] = "no-store"  # RFC 6749 §5.1
    access = access_token(desk, opened.bearer)
    return TokensOut(
        access_token=access.token, refresh_token=opened.secret, expires_in=access.expires_in
    )
