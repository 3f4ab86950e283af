"""One policy on one route, and what several of them together make of a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.proxy.limits.elsewhere import Demand
from gateway.proxy.limits.fields import (
    LEFT,
    POLICY,
    Label,
    labels,
    quota_exceeded,
    seconds,
    units,
)
from gateway.proxy.limits.keys import Asked, KeyOf, is_nobody, key_of
from gateway.proxy.limits.meter import SECOND, Meter
from gateway.proxy.limits.policy import LimitPolicy
from gateway.refusals import Refused

UNPARTITIONED = frozenset({"route", "everybody"})


@dataclass(frozen=True, slots=True)
class Line:
    """One policy as it applies to one route."""

    name: str
    scope: bytes
    meter: Meter
    key_of: KeyOf
    label: Callable[[str], Label]
    guests: Line | None = None  # for whoever `is_nobody`, if they have more
    is_nobody: Callable[[Asked], bool] | None = None

    def of(self, asked: Asked) -> Line:
        """The line that applies to this request."""
        return self.guests if self.guests and self.is_nobody and self.is_nobody(asked) else self


MeterOf = Callable[[str, LimitPolicy], Meter]

# A policy, by what this request is counted, and the room that it would leave, in nanoseconds.
Look = tuple[Line, str, int]


def line_of(policy: LimitPolicy, scope: str, meter_of: MeterOf) -> Line:
    """The policy made ready; `scope` keeps its counts apart from those of others."""
    more, guests = policy.for_guests, None
    if more is not None:
        guests = line_of(more, f"{scope}:guests", meter_of)
    meter = meter_of(scope, policy)
    partitioned = not set(policy.key) <= UNPARTITIONED
    label = labels(policy, scope, partitioned=partitioned)
    return Line(
        policy.name, scope.encode(), meter, key_of(policy.key), label,
        guests, is_nobody(policy.key) if guests else None,
    )  # fmt: skip


def alone(line: Line, now: Callable[[], int]) -> Callable[[Asked], bool]:
    """The usual case, written for speed: one policy, in memory, a key that is known.

    Says whether it was that; if not, nothing has been done.
    """
    key_of, label, meter = line.key_of, line.label, line.meter
    dues, step, interval = meter.due, meter.step, meter.interval
    most = meter.limit - step

    def check(asked: Asked) -> bool:
        key = key_of(asked)
        at = now()
        due = dues.get(key)
        if due is None:
            return False
        if due < at:
            due = at
        left = most - (due - at)
        if left < 0:
            return False
        dues[key] = due + step
        _, template, _, said = label(key)
        rest = left % interval - interval
        asked.extra += (said, (LEFT, template % (left // interval, -(rest // SECOND))))
        return True

    return check


def settle(asked: Asked, looks: list[Look], now: int) -> None:
    """Take of every policy, and tell what is left."""
    for line, key, left in looks:
        line.meter.take(key, now, left)
    tell(asked, looks)


def tell(asked: Asked, looks: list[Look]) -> None:
    """Add the fields: one item for each policy, RFC 9651, section 3.1."""
    policies, lefts = [], []
    for line, key, left in looks:
        said, template, _, _ = line.label(key)
        policies.append(said)
        lefts.append(template % units(left, line.meter.interval))
    asked.extra += ((POLICY, b", ".join(policies)), (LEFT, b", ".join(lefts)))


def refusal(asked: Asked, looks: list[Look]) -> Refused:
    """The refusal; nothing is taken of any policy, not even of those that would have allowed it."""
    wait, names, policies, lefts = 0, [], [], []
    for line, key, left in looks:
        meter = line.meter
        said, template, _, _ = line.label(key)
        policies.append(said)
        available = max(0, left + meter.step)
        r, t = units(available, meter.interval)
        if left < 0:
            meter.refused += 1
            names.append(line.name)
            t = seconds(-left)
            wait = max(wait, t)
        lefts.append(template % (r, t))
    asked.extra += ((POLICY, b", ".join(policies)), (LEFT, b", ".join(lefts)))
    return quota_exceeded(names, wait)


def demand(look: Look) -> Demand:
    """What to ask the store, which counts in microseconds."""
    line, key, left = look
    meter = line.meter
    debt = max(0, meter.limit - meter.step - left)
    name = b"%b:%b" % (line.scope, line.label(key)[2])
    return Demand(name, meter.limit // 1000, meter.step // 1000, debt // 1000)


def learn(looks: list[Look], debts: list[int], *, passed: bool, asked_at: int) -> list[Look]:
    """The room as the store sees it; memory remembers, in case the store goes away.

    `debts` are what was owed before this request, in microseconds. Memory counts from when we
    asked, which is a little early, so that our own delays never add to a debt.
    """
    learned = []
    for (line, key, _), debt in zip(looks, debts, strict=True):
        meter = line.meter
        owed = debt * 1000 + (meter.step if passed else 0)
        if asked_at + owed > meter.due.get(key, 0):
            meter.owe(key, asked_at + owed)
        learned.append((line, key, meter.limit - debt * 1000 - meter.step))
    return learned
