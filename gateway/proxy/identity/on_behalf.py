"""Asking services in the name of whoever asked us."""

from __future__ import annotations

from gateway.proxy.identity.cookies import CookieNames, value_of
from gateway.proxy.identity.tokens import LONGEST_SESSION_KEY, SessionTokens


class OnBehalf:
    """Turns what came with a request into what one service may know of the caller."""

    def __init__(self, tokens: SessionTokens, names: CookieNames) -> None:
        self._tokens = tokens
        self._names = names

    async def authorization(
        self, service: str, given: str | None, cookie: str | None
    ) -> bytes | None:
        """The caller's own token, or the one that stands for their session at this service.

        None for nobody; raises IdentityUnavailable when auth does not say who this is.
        """
        if given is not None:
            return given.encode("latin-1")
        session = value_of((cookie or "").encode("latin-1"), self._names.session)
        if not session or len(session) > LONGEST_SESSION_KEY:
            return None
        key = (session, service)
        known = self._tokens.at_hand(key) or await self._tokens.ask(key)
        return known.authorization

    def cart(self, cookie: str | None) -> bytes | None:
        """The cookie of a guest's cart as a header of its own, without the others."""
        token = value_of((cookie or "").encode("latin-1"), self._names.cart)
        return b"%b=%b" % (self._names.cart, token) if token else None
