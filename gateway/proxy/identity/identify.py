"""Who is asking: the cookie judged, exchanged for a token, and taken off the request."""

from __future__ import annotations

from gateway.proxy.clock import Clock
from gateway.proxy.edge.guard import SAFE_METHODS
from gateway.proxy.edge.headers import Head
from gateway.proxy.flight import Flight
from gateway.proxy.identity.cookies import CookieNames, value_of, without
from gateway.proxy.identity.forgery import Forgery
from gateway.proxy.identity.tokens import (
    LONGEST_SESSION_KEY,
    IdentityUnavailable,
    Known,
    SessionTokens,
)
from gateway.proxy.routes import SERVICES
from gateway.proxy.upstream.connection import Fields
from gateway.refusals import identity_unavailable


class Identifier:
    """Turns the session cookie of a request into what the service may know."""

    def __init__(
        self, names: CookieNames, forgery: Forgery, tokens: SessionTokens, clock: Clock
    ) -> None:
        self._names = names
        self._forgery = forgery
        self._tokens = tokens
        self._clock = clock

    async def authorization(self, flight: Flight, head: Head, cookie: bytes) -> bytes | None:
        """What to say upstream about who is asking; refuses changes that others asked for."""
        fields = flight.scope["headers"]
        changes = flight.scope["method"] not in SAFE_METHODS
        ours = changes and self._forgery.refuse_foreign(fields, cookie, head.host or b"")
        session = value_of(cookie, self._names.session)
        if session is None:
            return head.authorization
        head.cookie = without(cookie, self._names.session)
        if head.authorization is not None or flight.route.same_for_all:
            return head.authorization
        if not session or len(session) > LONGEST_SESSION_KEY:
            return None
        known = await self._known(flight, session)
        if known.authorization is not None:
            flight.session = session
            if changes and not ours and flight.route.prefix.startswith("/api/"):
                self._forgery.require_token(fields, cookie)
        return known.authorization

    async def _known(self, flight: Flight, session: bytes) -> Known:
        key = (session, flight.route.service)
        known = self._tokens.at_hand(key)
        if known is not None:
            return known
        try:
            return await self._tokens.ask(key)
        except IdentityUnavailable as error:
            raise identity_unavailable() from error

    def notice(self, session: bytes, fields: Fields) -> None:
        """Auth has changed the session cookie: what we knew of the old session is over."""
        for name, value in fields:
            if name == b"set-cookie" and value.startswith(self._names.session + b"="):
                self._tokens.evict_session(session, SERVICES)
                return
