"""All that the gateway knows of who is asking, put together: it hears, forgets, and asks again."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from gateway.events.consumed import (
    AnyReplicaAnnounced,
    KeysRotated,
    SessionRevoked,
    UserDisabled,
    UserErased,
)
from gateway.hearing import Hearing
from gateway.proxy.clock import Clock
from gateway.proxy.identity.authorise import Authoriser
from gateway.proxy.identity.bearer import BearerTokens
from gateway.proxy.identity.caller import Caller
from gateway.proxy.identity.claims import Expected, as_subject
from gateway.proxy.identity.contracts import Contracts
from gateway.proxy.identity.cookies import CookieNames
from gateway.proxy.identity.denied import Denied
from gateway.proxy.identity.floods import Floods
from gateway.proxy.identity.forgery import Forgery
from gateway.proxy.identity.identify import Identifier
from gateway.proxy.identity.keys import KeyLimits, Keys
from gateway.proxy.identity.on_behalf import OnBehalf
from gateway.proxy.identity.revocations import Revocations
from gateway.proxy.identity.streams import Streams
from gateway.proxy.identity.tokens import CacheLimits, SessionTokens
from gateway.proxy.tunnel import Tunnels
from gateway.proxy.upstream.cluster import Cluster
from gateway.proxy.upstream.fetch import Answer, fetch
from gateway.settings import GatewaySettings

Sample = tuple[str, str, str, dict[str, str], float]

SECONDS = 3.0  # how long auth may think about a question


@dataclass(frozen=True, slots=True)
class Rules:
    """What tokens must say, and how long things are believed, in seconds."""

    issuer: str
    longest_token: float = 3600.0
    oldest_keys: float = 7200.0
    hear_events: bool = True
    read_contracts: bool = True

    @classmethod
    def of(cls, settings: GatewaySettings) -> Rules:
        """As the settings have them."""
        return cls(
            issuer=settings.public_url,
            longest_token=settings.longest_token,
            oldest_keys=settings.oldest_keys,
            hear_events=settings.hear_events,
            read_contracts=settings.read_contracts,
        )


class Identity:
    """Everything about identity that is kept in memory, and what keeps it true."""

    def __init__(
        self, pools: Mapping[str, Cluster], rules: Rules, hearing: Hearing, now: Callable[[], float]
    ) -> None:
        async def ask(service: str, path: str) -> Answer:
            return await fetch(pools[service], path, seconds=SECONDS)

        ask_auth: Callable[[str], Awaitable[Answer]] = partial(ask, "auth")
        wall, longest = time.time, rules.longest_token
        self._rules = rules
        self._streams: Streams | None = None
        self.denied = Denied(now, wall, seconds=longest)
        hears = hearing.hears if rules.hear_events else lambda: True
        self.keys = Keys(ask_auth, now, KeyLimits(oldest=rules.oldest_keys), hears=hears)
        expected = Expected(rules.issuer, pools, longest)
        self.floods = Floods(now)
        self.bearer = BearerTokens(self.keys, self.denied, expected, now, wall)
        self.tokens = SessionTokens(
            pools["auth"],
            CacheLimits(),
            now,
            ended=self._has_ended_since,
            removed=self.keys.was_removed,
        )
        self.keys.on_removed.append(lambda kid: self.tokens.evict(as_subject(kid)))
        self.revocations = Revocations(
            ask_auth, self.denied, self._forget, hearing.hears, now, seconds=longest
        )
        self.contracts = Contracts(ask, lambda: pools)
        self.authoriser = Authoriser(self.contracts.known, self.revocations.current)
        names = CookieNames.for_site(secure=rules.issuer.startswith("https://"))
        self.identifier = self._identifier(names)
        self.on_behalf = OnBehalf(self.tokens, names)
        self._listen(hearing)

    def watch(self, clock: Clock, tunnels: Tunnels) -> None:
        """Have a look with every tick of the clock: was it set, and which streams are over?"""
        self._streams = Streams(clock, tunnels)
        clock.on_tick += (self.bearer.look_at_the_clock, self._streams.look)

    async def start(self) -> None:
        """Begin to keep what we know true, on the running loop."""
        self.keys.start()
        if self._rules.read_contracts:
            self.contracts.start()
        if self._rules.hear_events:
            await self.revocations.start()

    async def stop(self) -> None:
        """Stop asking."""
        await self.contracts.stop()
        await self.revocations.stop()
        await self.keys.stop()

    def samples(self) -> Iterator[Sample]:
        """Our figures: name, kind, help, labels, value."""
        if self._streams is not None:
            text = "Open streams ended with their sign-in."
            yield "streams_ended_total", "counter", text, {}, float(self._streams.ended)
        text = "Tokens and sessions not looked at: too many bad ones from there."
        yield "bearer_floods_total", "counter", text, {}, float(self.floods.refused)
        parts = (self.keys, self.bearer, self.revocations, self.contracts, self.authoriser)
        for each in parts:
            yield from each.samples()

    def _identifier(self, names: CookieNames) -> Identifier:
        issuer, current = self._rules.issuer, self.revocations.current
        forgery = Forgery(names, issuer)
        return Identifier(names, forgery, self.tokens, self.bearer, self.floods, current)

    def _listen(self, hearing: Hearing) -> None:
        hearing.on(SessionRevoked, lambda event: self.revocations.session_ended(event.session_id))
        hearing.on(UserDisabled, lambda event: self.revocations.user_left(event.user_id))
        hearing.on(UserErased, lambda event: self.revocations.user_left(event.user_id))
        hearing.on(KeysRotated, lambda event: self.keys.changed(event.kids))
        hearing.on_any(AnyReplicaAnnounced, self._announced)
        hearing.on_gap(self._missed)
        hearing.on_deaf(self.revocations.deaf)

    def _announced(self, service: str, event: AnyReplicaAnnounced) -> None:
        if event.state == "serving" and event.service == service:
            self.contracts.announced(service, event.release)

    def _missed(self, types: frozenset[str]) -> None:
        if not types or KeysRotated.TYPE in types:
            self.keys.doubt()
        if not types or types & {SessionRevoked.TYPE, UserDisabled.TYPE, UserErased.TYPE}:
            self.revocations.gap()

    def _has_ended_since(self, caller: Caller, moment: float) -> bool:
        denied = self.denied
        return denied.has_ended(caller.session_id) or denied.left_since(caller.subject, moment)

    def _forget(self, subject: str) -> None:
        self.tokens.evict(subject)
        self.bearer.evict(subject)
        if self._streams is not None:
            self._streams.end(subject)
