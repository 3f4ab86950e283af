"""What may be sent a second time, when, and how soon."""

from __future__ import annotations

from random import Random

from gateway.proxy.edge.guard import REPEATABLE_METHODS

MOST_RETRIES = 2
# Said by somebody who did not do what was asked: RFC 9110, sections 15.6.3 to 15.6.5.
RETRY_STATUSES = frozenset({502, 503, 504})
LONGEST_RETRY_AFTER = 1.0
FIRST_PAUSE = 0.025
LONGEST_PAUSE = 0.25

_jitter = Random()  # noqa: S311 - spreads retries out, guards nothing


def repeatable(method: str, *, keyed: bool) -> bool:
    """Whether doing it twice has the effect of doing it once: RFC 9110, section 9.2.2.

    `keyed` says that the request has an Idempotency-Key, by which the service knows it again.
    """
    return keyed or method in REPEATABLE_METHODS


def worth_repeating(status: int, retry_after: bytes | None) -> bool:
    """Whether an answer with this status may be different a moment later.

    A service that asks for more time than we would give it is believed: RFC 9110, section 10.2.3.
    """
    if status not in RETRY_STATUSES:
        return False
    if retry_after is None:
        return True
    return retry_after.isdigit() and int(retry_after[:9]) <= LONGEST_RETRY_AFTER


def pause(tries: int, *, elsewhere: bool, random: Random = _jitter) -> float:
    """Seconds until try number `tries` + 1: growing, and never the same for two clients.

    Somebody else (`elsewhere`) can be asked at once the first time: nothing is wrong there.
    """
    if elsewhere and tries <= 1:
        return 0.0
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (tries - 1))
    return random.uniform(longest / 2, longest)
