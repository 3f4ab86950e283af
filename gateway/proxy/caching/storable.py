"""Whether an answer may be kept, and under which rules: RFC 9111, section 3."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from gateway.proxy.caching.directives import (
    NOTHING_SAID,
    Said,
    response_directives,
    targeted_directives,
)
from gateway.proxy.caching.freshness import HEURISTIC_STATUSES, Times, lifetime
from gateway.proxy.upstream.connection import Fields

# A directive for the gateway alone (RFC 9213): it hears of changes, which others do not.
OURS = b"quintet-cache-control"
FOR_EDGES = b"cdn-cache-control"
GROUPS = b"cache-groups"
INVALIDATES = b"cache-group-invalidation"

# Without any of these an answer is neither fresh nor can it be validated.
SAY_SOMETHING = frozenset(
    {b"cache-control", b"expires", b"etag", b"last-modified", OURS, FOR_EDGES}
)

# Answers to other statuses are kept only when they say for how long. These two never are:
# a part is no whole, and 304 speaks about something stored.
NEVER = frozenset({206, 304})
UNDERSTOOD = frozenset(int(status) for status in HTTPStatus if status >= 200) - NEVER


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules that an answer puts upon a cache. `by_bus`: they count only while we hear it."""

    said: Said
    lifetime: int
    by_bus: bool

    @property
    def useful_when_stale(self) -> bool:
        """Whether it may be used, without asking, after its time."""
        return self.said.stale_while_revalidate > 0 or self.said.stale_if_error > 0


def joined(fields: Fields) -> dict[bytes, bytes]:
    """Values by name; several lines of one field are one list: RFC 9110, section 5.3."""
    found: dict[bytes, bytes] = {}
    for name, value in fields:
        before = found.get(name)
        found[name] = value if before is None else before + b", " + value
    return found


def policy_of(
    status: int, fields: dict[bytes, bytes], times: Times, received_at: float, *, hears: bool
) -> Policy:
    """What counts for us: our own field while we hear the bus, then that for edges, then all's."""
    said, targeted = _targeted(fields, hears=hears)
    if said is None:
        value = fields.get(b"cache-control")
        said = NOTHING_SAID if value is None else response_directives(value)
    else:
        # A targeted field silences Cache-Control and Expires: RFC 9213, section 2.2.
        times = Times(times.date, times.last_modified, None, times.age)
    return Policy(said, lifetime(status, said, times, received_at), targeted == OURS)


def _targeted(fields: dict[bytes, bytes], *, hears: bool) -> tuple[Said | None, bytes]:
    for name in (OURS, FOR_EDGES):
        value = fields.get(name)
        if value is not None and (hears or name != OURS):
            said = targeted_directives(value)
            if said is not None:
                return said, name
    return None, b""


def storable(status: int, fields: dict[bytes, bytes], policy: Policy, *, authorized: bool) -> bool:
    """Whether to keep the answer to a GET; `authorized`: it was asked for with a credential."""
    said = policy.said
    if status in NEVER or status < 200 or b"set-cookie" in fields or _varies_by_all(fields):
        return False
    forbidden = status not in UNDERSTOOD if said.must_understand else said.no_store
    if forbidden or said.private:
        return False
    if authorized and not (said.public or said.must_revalidate or said.s_maxage is not None):
        return False  # section 3.5
    explicit = _explicit(fields, said)
    if not (explicit or said.public or status in HEURISTIC_STATUSES):
        return False
    return _worth_it(fields, policy)


def _explicit(fields: dict[bytes, bytes], said: Said) -> bool:
    return said.max_age is not None or said.s_maxage is not None or b"expires" in fields


def _worth_it(fields: dict[bytes, bytes], policy: Policy) -> bool:
    """What is stale at once and cannot be validated would only take room."""
    can_be_validated = b"etag" in fields or b"last-modified" in fields
    return policy.lifetime > 0 or can_be_validated or policy.useful_when_stale


def _varies_by_all(fields: dict[bytes, bytes]) -> bool:
    value = fields.get(b"vary")
    return value is not None and b"*" in {each.strip() for each in value.split(b",")}
