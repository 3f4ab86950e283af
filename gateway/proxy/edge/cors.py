"""Which other sites may let their scripts read our answers: the Fetch standard, section 3.2 (CORS).

A policy belongs to routes. The door answers preflights itself, before anybody is asked who the
caller is and before anything is counted against a limit. Nothing the client says is sent back to
it: an origin is looked up, never echoed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gateway.proxy.clock import Clock
from gateway.proxy.edge.headers import Head
from gateway.proxy.edge.origins import Origins
from gateway.proxy.flight import Flight
from gateway.refusals import Fields, Refused

ANY = "*"
VARY = (b"vary", b"Origin")
_PREFLIGHT_VARY = (
    b"vary",
    b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
)
# As browsers write it (RFC 6454, section 6.2): lower case, no path, no port that goes without
# saying.
_ORIGIN = re.compile(r"(?:http(?!.*:80$)|https(?!.*:443$))://[a-z0-9.\-\[\]:]+(?<![:.\-])")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^`|~\-]+")


def _origin(value: str) -> str:
    if value != ANY and not _ORIGIN.fullmatch(value):
        raise ValueError(f"{value!r} is no origin: scheme://host[:port], as browsers write it")
    return value


def _method(value: str) -> str:
    if not value.isalpha() or not value.isupper():
        raise ValueError(f"{value!r} is no method")
    return value


def _name(value: str) -> str:
    if value == ANY or not _TOKEN.fullmatch(value):
        raise ValueError(f"{value!r} is no name of a header field")
    return value.lower()


Origin = Annotated[str, AfterValidator(_origin)]
Method = Annotated[str, AfterValidator(_method)]
Name = Annotated[str, AfterValidator(_name)]


class CorsPolicy(BaseModel):
    """What a `[cors.NAME]` table of the routes file may say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    origins: tuple[Origin, ...] = Field(
        (), description='Origins that may read answers, or "*" alone for everybody.'
    )
    methods: tuple[Method, ...] = Field(
        ("GET", "HEAD", "POST"), description="Methods that scripts may use."
    )
    headers: tuple[Name, ...] = Field((), description="Request fields that scripts may set.")
    exposed: tuple[Name, ...] = Field((), description="Response fields that scripts may read.")
    credentials: bool = Field(False, description="Whether cookies may come along.")
    max_age: int = Field(
        600, ge=0, le=86_400, description="Seconds for which a preflight may be remembered."
    )

    @model_validator(mode="after")
    def _everybody_is_nobody_in_particular(self) -> Self:
        if ANY in self.origins and len(self.origins) > 1:
            raise ValueError('"*" stands alone')
        if ANY in self.origins and self.credentials:
            raise ValueError('"*" and credentials exclude each other')
        return self


class CrossOrigin:
    """A policy made ready: what every origin gets is written once, when routes are loaded."""

    def __init__(self, policy: CorsPolicy) -> None:
        self.open = ANY in policy.origins
        self._answers = {each.encode(): _answer(policy, each) for each in policy.origins}
        self._preflight = _preflight(policy)
        # Whom a change with cookies may come from, although it is not one of our own pages.
        self.trusted = frozenset(self._answers) if policy.credentials else frozenset()

    def fields(self, origin: bytes | None) -> Fields:
        """What an answer to `origin` says; for strangers only that the answer depends on it."""
        if self.open:
            return self._answers[b"*"]
        return self._answers.get(origin or b"", (VARY,))

    def preflight(self, origin: bytes) -> Fields:
        """What the answer to a preflight says; raises Refused (403) for strangers."""
        allowed = self.fields(origin)
        if allowed == (VARY,):
            raise Refused(
                403,
                "cross-origin",
                "Scripts of this origin may not use this address.",
                headers=(_PREFLIGHT_VARY,),
            )
        return tuple(each for each in allowed if each[0] != b"vary") + self._preflight


class Cors:
    """Judges requests that pages of other origins may have asked for, by the policy of the route.

    Browsers let any page open a WebSocket to anywhere and read it, cookies included. So the origin
    of a handshake is checked here: it must be our own, or one that the route's policy names.
    """

    def __init__(self, policies: Mapping[str, CorsPolicy], public_url: str, clock: Clock) -> None:
        self._ready: dict[str, CrossOrigin] = {}
        self._origins = Origins(public_url)
        self._clock = clock
        self.replace(policies)

    def replace(self, policies: Mapping[str, CorsPolicy]) -> None:
        """Take other policies, from the next request on."""
        self._ready = {name: CrossOrigin(policy) for name, policy in policies.items()}

    def of(self, flight: Flight) -> CrossOrigin | None:
        """The policy of a request's route; None where there is none."""
        name = flight.route.cors
        return None if name is None else self._ready.get(name)

    def check(self, flight: Flight) -> bool:
        """Whether this was a preflight, and is answered now. Raises Refused (403) for strangers."""
        head = flight.head
        if head.upgrade is None and flight.route.cors is None:
            return False
        policy = self.of(flight)
        if head.upgrade is not None:
            self._check_handshake(head, policy)
        if policy is None:
            return False
        if head.method == "OPTIONS" and head.origin is not None and _asks(head):
            self._answer_preflight(flight, policy, head.origin)
            return True
        head.trusted = head.origin in policy.trusted
        flight.extra += policy.fields(head.origin)
        return False

    def _answer_preflight(self, flight: Flight, policy: CrossOrigin, origin: bytes) -> None:
        fields = [(b"date", self._clock.date), (b"x-request-id", flight.request_id)]
        flight.say(204, [*policy.preflight(origin), *fields], b"")

    def _check_handshake(self, head: Head, policy: CrossOrigin | None) -> None:
        origin = head.origin
        if origin is None or self._origins.ours(head):
            return
        if policy is None or policy.fields(origin) == (VARY,):
            raise Refused(403, "cross-origin", "Pages of this origin may open no WebSocket here.")


def _asks(head: Head) -> bool:
    """Whether a browser asks before it lets a script do something: Fetch, section 3.2.2."""
    return any(name == b"access-control-request-method" for name, _ in head.fields)


def _answer(policy: CorsPolicy, origin: str) -> Fields:
    fields = [(b"access-control-allow-origin", origin.encode())]
    if policy.credentials:
        fields.append((b"access-control-allow-credentials", b"true"))
    if policy.exposed:
        fields.append((b"access-control-expose-headers", _listed(policy.exposed)))
    if origin != ANY:
        fields.append(VARY)
    return tuple(fields)


def _preflight(policy: CorsPolicy) -> Fields:
    fields = [
        (b"access-control-allow-methods", _listed(policy.methods)),
        (b"access-control-max-age", b"%d" % policy.max_age),
        _PREFLIGHT_VARY,
    ]
    if policy.headers:
        fields.append((b"access-control-allow-headers", _listed(policy.headers)))
    return tuple(fields)


def _listed(words: Iterable[str]) -> bytes:
    return ", ".join(words).encode()
