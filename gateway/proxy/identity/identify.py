"""Who is asking: a bearer token verified, or a cookie judged and exchanged for a token.

The services verify again, each for itself. What the gateway adds is that a token which was
revoked, or whose key was, is refused within moments and everywhere at once.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.proxy.edge.guard import SAFE_METHODS
from gateway.proxy.flight import Flight
from gateway.proxy.identity.bearer import BearerTokens
from gateway.proxy.identity.caller import NOBODY, Caller
from gateway.proxy.identity.challenges import (
    token_refused,
    too_many_bad_tokens,
    too_many_unknown_sessions,
)
from gateway.proxy.identity.claims import NotAccepted
from gateway.proxy.identity.cookies import CookieJar, CookieNames
from gateway.proxy.identity.floods import Floods
from gateway.proxy.identity.forgery import Forgery
from gateway.proxy.identity.keys import KeysUnavailable
from gateway.proxy.identity.tokens import (
    LONGEST_SESSION_KEY,
    IdentityUnavailable,
    Key,
    Known,
    SessionTokens,
)
from gateway.proxy.routing.route import AUTH, GATEWAY, SERVICES
from gateway.proxy.upstream.connection import Fields
from gateway.refusals import identity_unavailable

BEARER = b"bearer"


class Identifier:
    """Finds out who sent a request, and takes the session cookie off it.

    `current` says whether we surely know who was sent away lately. While we do not, nobody is
    let in by an admin route.
    """

    def __init__(
        self,
        names: CookieNames,
        forgery: Forgery,
        tokens: SessionTokens,
        bearer: BearerTokens,
        floods: Floods,
        current: Callable[[], bool],
    ) -> None:
        self._names = names
        self._forgery = forgery
        self._tokens = tokens
        self._bearer = bearer
        self._floods = floods
        self._current = current
        self._jar = CookieJar(names.session)

    def at_hand(self, flight: Flight) -> Caller | None:
        """Who asks, if that needs no question, no verification and no judgement."""
        head, route = flight.head, flight.route
        if head.cookie is not None:
            if route.admin or head.method not in SAFE_METHODS:
                return None
            if route.service != GATEWAY:
                session, rest = self._jar.read(head.cookie)
                if session is not None:
                    return self._session_at_hand(flight, session, rest)
        if head.authorization is None:
            return NOBODY
        if route.admin or route.same_for_all:
            return None
        return self._bearer.at_hand(head.authorization)

    def _session_at_hand(self, flight: Flight, session: bytes, rest: bytes) -> Caller | None:
        head, route = flight.head, flight.route
        if head.authorization is not None:
            return None
        if route.same_for_all:
            head.cookie = rest
            return NOBODY
        known = self._tokens.at_hand((session, route.service))
        if known is None:
            return None
        head.cookie = rest
        if known.caller is not NOBODY:
            flight.session = session
        return known.caller

    async def ask(self, flight: Flight) -> Caller:
        """Who asks; refuses tokens that are not good, and changes that others asked for."""
        route = flight.route
        caller = await self._ask(flight)
        if route.admin and not self._current():
            known = caller.kind != "nobody"
            if known or (route.service == GATEWAY and self._has_session(flight)):
                raise identity_unavailable()
        return caller

    async def _ask(self, flight: Flight) -> Caller:
        head, route = flight.head, flight.route
        if head.cookie is None or route.service == GATEWAY:
            return await self._ask_bearer(flight)
        cookie = head.cookie
        changes = head.method not in SAFE_METHODS
        ours = changes and self._forgery.refuse_foreign(head, cookie)
        session, rest = self._jar.read(cookie)
        if session is not None:
            head.cookie = rest
        if session is None or head.authorization is not None:
            return await self._ask_bearer(flight)
        if route.same_for_all or not session or len(session) > LONGEST_SESSION_KEY:
            return NOBODY
        known = await self._known(flight, session)
        if known.caller is NOBODY:
            return NOBODY
        flight.session = session
        if changes and not ours and route.prefix.startswith("/api/"):
            self._forgery.require_token(head.fields, cookie)
        return known.caller

    async def _ask_bearer(self, flight: Flight) -> Caller:
        authorization = flight.head.authorization
        if authorization is None or flight.route.same_for_all:
            return NOBODY
        if authorization.partition(b" ")[0].lower() != BEARER:
            return Caller(authorization=authorization)  # the service may know what it is
        known = self._bearer.at_hand(authorization)
        if known is not None:
            return known
        address = _address_of(flight)
        if self._floods.over(address):
            raise too_many_bad_tokens()
        try:
            return self._bearer.verify(authorization) or await self._bearer.ask(authorization)
        except NotAccepted as error:
            self._floods.note(address)
            raise token_refused() from error
        except KeysUnavailable as error:
            raise identity_unavailable() from error

    async def _known(self, flight: Flight, session: bytes) -> Known:
        key = (session, flight.route.service)
        known = self._tokens.at_hand(key)
        if known is not None:
            return known
        try:
            if self._tokens.is_familiar(key):
                return await self._tokens.ask(key)
            return await self._ask_about(key, _address_of(flight))
        except IdentityUnavailable as error:
            raise identity_unavailable() from error

    async def _ask_about(self, key: Key, address: str) -> Known:
        """Ask auth about a session that may be made up; this comes before all other limits."""
        if self._floods.over(address):
            raise too_many_unknown_sessions()
        with self._floods.asking(address):
            known = await self._tokens.ask(key)
        if known.caller is NOBODY:
            self._floods.note(address)
        return known

    def _has_session(self, flight: Flight) -> bool:
        cookie = flight.head.cookie
        return cookie is not None and self._jar.read(cookie)[0] is not None

    def notice(self, flight: Flight, fields: Fields) -> None:
        """Auth may have changed the session cookie: what we knew of the old session is over."""
        if flight.session is None or flight.route.service != AUTH:
            return
        for name, value in fields:
            if name == b"set-cookie" and value.startswith(self._names.session + b"="):
                self._tokens.evict_session(flight.session, SERVICES)
                return


def _address_of(flight: Flight) -> str:
    return flight.head.client or flight.head.peer
