"""Nobody comes in on a session that has ended.

A signed token says who somebody was when it was signed. auth owns the sessions, so at its own
doors it also asks whether the session is still open. It knows its own session cookie, too: with
no gateway in front (auth run alone), its pages still work.
"""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from auth_service.db.sessions import is_open
from auth_service.domain.errors import ForgedRequest, SessionEnded
from auth_service.domain.tokens import INTERNAL_LIFE, claims_of
from auth_service.usecases.desk import Desk
from auth_service.usecases.sessions import recognise
from shared import clock
from shared.http import csrf
from shared.identity import ANONYMOUS, Principal


class Doorkeeper:
    """Stands before one of auth's doors. At JSON doors an ended session is refused with 401 and
    a change that comes with a cookie must be our own; at pages (`strict=False`) the caller is
    a guest, and the pages check their forms themselves.
    """

    def __init__(self, app: ASGIApp, desk: Desk, *, strict: bool) -> None:
        self._app, self._desk, self._strict = app, desk, strict

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look who comes, and pass them on."""
        if scope["type"] == "http":
            state = scope.setdefault("state", {})
            state["caller"] = await self._caller(scope, state.get("caller", ANONYMOUS))
        await self._app(scope, receive, send)

    async def _caller(self, scope: Scope, caller: Principal) -> Principal:
        if caller.signed_in:
            if await run_in_threadpool(self._is_open, caller):
                return caller
            if self._strict:
                raise SessionEnded
            return ANONYMOUS
        request = HTTPConnection(scope)
        key = request.cookies.get(self._desk.policy.session_cookie)
        if not key:
            return ANONYMOUS
        found = await run_in_threadpool(self._by_key, key)
        if self._strict and found.signed_in and scope["method"] not in csrf.SAFE_METHODS:
            self._refuse_forged(request)
        return found

    def _is_open(self, caller: Principal) -> bool:
        with self._desk.transactions.read() as work:
            return is_open(work, caller.session_id, caller.id, self._desk.open_sessions())

    def _by_key(self, key: str) -> Principal:
        bearer = recognise(self._desk, key)
        if bearer is None:
            return ANONYMOUS
        policy = self._desk.policy
        claims = claims_of(
            bearer,
            issuer=policy.issuer,
            audiences=["auth"],
            now=clock.now(),
            life=INTERNAL_LIFE,
        )
        return Principal.of(claims)

    def _refuse_forged(self, request: HTTPConnection) -> None:
        said = csrf.same_origin(request.headers, request.headers.get("host", ""))
        ours = request.cookies.get(csrf.cookie_name(self._desk.policy.secure))
        sent = request.headers.get(csrf.HEADER)
        if said is False or (said is None and not csrf.matches(ours, sent)):
            raise ForgedRequest
