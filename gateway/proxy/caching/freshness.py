"""How long an answer is fresh, and how old it is: RFC 9111, section 4.2."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.proxy.caching.dates import parse_date
from gateway.proxy.caching.directives import Said, seconds

HEURISTIC_SHARE = 10  # a tenth of the time since the last change: section 4.2.2
LONGEST_GUESS = 24 * 3600

# RFC 9110, section 15.1: what may be kept although nobody said for how long.
HEURISTIC_STATUSES = frozenset({200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501})


@dataclass(frozen=True, slots=True)
class Times:
    """What an answer says about time; each in seconds since 1970, None where it says nothing."""

    date: int | None
    last_modified: int | None
    expires: int | None  # 0 when there is a field that makes no sense
    age: int

    @classmethod
    def of(cls, fields: dict[bytes, bytes]) -> Times:
        """Read from the fields of an answer; of several lines the first counts."""
        date, modified = fields.get(b"date"), fields.get(b"last-modified")
        expires = fields.get(b"expires")
        return cls(
            date=None if date is None else parse_date(date),
            last_modified=None if modified is None else parse_date(modified),
            expires=None if expires is None else parse_date(expires) or 0,
            age=age_of(fields.get(b"age")),
        )


def age_of(value: bytes | None) -> int:
    """The Age that came with an answer; what is no age is ignored: section 5.1."""
    if value is None:
        return 0
    return seconds(value.partition(b",")[0].strip()) or 0


def initial_age(times: Times, asked_at: float, received_at: float) -> float:
    """How old an answer was when it came: section 4.2.3, `corrected_initial_age`."""
    # Dates have whole seconds: an answer made 0.9 s ago in the same second is not old.
    apparent = 0 if times.date is None else max(0, int(received_at) - times.date)
    return max(apparent, times.age + max(0.0, received_at - asked_at))


def lifetime(status: int, said: Said, times: Times, received_at: float) -> int:
    """The freshness lifetime in seconds for a shared cache: section 4.2.1."""
    if said.no_cache:
        return 0
    if said.s_maxage is not None:
        return said.s_maxage
    if said.max_age is not None:
        return said.max_age
    since = int(received_at) if times.date is None else times.date
    if times.expires is not None:
        return max(0, times.expires - since)
    if times.last_modified is None or not (status in HEURISTIC_STATUSES or said.public):
        return 0
    return min(LONGEST_GUESS, max(0, since - times.last_modified) // HEURISTIC_SHARE)
