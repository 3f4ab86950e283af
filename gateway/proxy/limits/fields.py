"""What clients are told of their limits: draft-ietf-httpapi-ratelimit-headers-11.

`RateLimit-Policy` says what is allowed (section 3), `RateLimit` what of it is left (section 4).
`t` is the time in which no more than `r` can be used: until the next unit has come back. With
status 429 that is when the same request would pass, and `Retry-After` says the same (section 6).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from gateway.proxy.limits.keys import digest
from gateway.proxy.limits.meter import SECOND
from gateway.proxy.limits.policy import LimitPolicy
from gateway.refusals import Refused

POLICY = b"ratelimit-policy"
LEFT = b"ratelimit"
QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"

# The item of RateLimit-Policy, a template of that of RateLimit, the key's digest, and the whole
# field RateLimit-Policy for when there is one policy.
Label = tuple[bytes, bytes, bytes, tuple[bytes, bytes]]


def labels(policy: LimitPolicy, scope: str, *, partitioned: bool) -> Callable[[str], Label]:
    """For a key: what its items look like. `scope` keeps equal keys of two counts apart.

    The partition key (section 3.1.4) is a byte sequence; it lets a client see which answers draw
    on the same quota, and nothing else.
    """
    name = policy.name.encode()
    said = b'"%b";q=%d;w=%d' % (name, policy.quota, policy.window)
    left = b'"%b";r=%%d;t=%%d' % name

    @lru_cache(maxsize=8192)
    def label(key: str) -> Label:
        name = digest(f"{scope}\n{key}")
        mark = b";pk=:%b:" % name if partitioned else b""
        return said + mark, left + mark, name, (POLICY, said + mark)

    return label


def units(left: int, interval: int) -> tuple[int, int]:
    """`r` and `t` of a request that passed and left so much room."""
    whole, rest = divmod(left, interval)
    return whole, seconds(interval - rest)


def seconds(nanoseconds: int) -> int:
    """Whole seconds, rounded up, as `delay-seconds` has them: RFC 9110, section 10.2.3."""
    return -(-nanoseconds // SECOND)


def quota_exceeded(names: list[str], wait: int) -> Refused:
    """429 for whoever has used up these policies and may come again in `wait` seconds."""
    refused = Refused(
        429,
        "quota-exceeded",
        f"That was too often. Please try again in {wait} s.",
        headers=((b"retry-after", b"%d" % wait),),
    )
    refused.members = {
        "type": QUOTA_EXCEEDED,
        "title": "Quota Exceeded",
        "violated-policies": names,
    }
    return refused
