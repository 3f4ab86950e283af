"""A limit as an operator writes it down: how much, how often, counted by what."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

# What a request may be counted by. `user` and `client` mean the address (as `ip` does) where the
# caller is nobody: a guest has a limit too, but never one that all guests share.
NAMED = ("user", "client")
PARTS = ("user", "client", "ip", "route", "everybody")
PARTITIONS = ("shared", "route")

# A structured-field String of this kind needs no escapes: RFC 9651, section 3.3.3.
_NAME = re.compile(r"[a-z][a-z0-9_\-]{0,63}")
_MOST = 1_000_000_000
_FASTEST = 1_000_000  # units a second: below a microsecond each there is nothing left to count


class BadPolicy(ValueError):
    """A policy that makes no sense; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class LimitPolicy:
    """`quota` units every `window` seconds, at most `burst` of them at once.

    `key` names the parts of a request that are counted together. `partition` says whether all
    routes that name the policy share one count, or each has its own. Every request takes `cost`
    units. Where the address stands for somebody unknown, it has `guests` times as much of all,
    because behind one address there may be many. Raises BadPolicy for values that make no sense.
    """

    name: str
    quota: int
    window: int = 60
    burst: int = 0  # 0 stands for the quota
    key: tuple[str, ...] = ("ip",)
    partition: str = "shared"
    cost: int = 1
    guests: int = 1

    def __post_init__(self) -> None:
        if not self.burst:
            object.__setattr__(self, "burst", self.quota)
        for wrong, why in self._faults():
            if wrong:
                raise BadPolicy(f"limits.{self.name}: {why}")

    @classmethod
    def of(cls, name: str, said: Mapping[str, Any]) -> LimitPolicy:
        """The policy of a table `[limits.NAME]` of the routes file; raises BadPolicy."""
        unknown = set(said) - {each.name for each in fields(cls)} | set(said) & {"name"}
        if unknown:
            raise BadPolicy(f"limits.{name}: there is no {', '.join(sorted(unknown))}.")
        if "quota" not in said:
            raise BadPolicy(f"limits.{name}: quota is missing.")
        key = said.get("key", "ip")
        parts = key if isinstance(key, list) else [key]
        for each in ("quota", "window", "burst", "cost", "guests"):
            if type(said.get(each, 1)) is not int:
                raise BadPolicy(f"limits.{name}: {each} must be a whole number.")
        return cls(name, **{**said, "key": tuple(map(str, parts))})

    @property
    def by_route(self) -> bool:
        """Whether each route has a count of its own."""
        return self.partition == "route" or "route" in self.key

    @property
    def for_guests(self) -> LimitPolicy | None:
        """The same for those who are nobody, if they have more."""
        if self.guests == 1:
            return None
        many = self.guests
        return replace(self, quota=self.quota * many, burst=self.burst * many, guests=1)

    def _faults(self) -> tuple[tuple[bool, str], ...]:
        return (
            (not _NAME.fullmatch(self.name), "a name has a-z, 0-9, - and _."),
            (not 1 <= self.quota <= _MOST, "quota must be at least 1."),
            (not 1 <= self.window <= 31 * 86400, "window is in seconds, at most 31 days."),
            (not 1 <= self.burst <= _MOST, "burst must be at least 1."),
            (not 1 <= self.cost <= self.burst, "cost must be between 1 and the burst."),
            (self.quota > self.window * _FASTEST, "quota is more than can be counted."),
            (
                self.burst * self.window > self.quota * 366 * 86400,
                "the burst takes more than a year to come back.",
            ),
            (self.guests < 1, "guests must be at least 1."),
            (
                self.guests > 1 and not set(self.key) & set(NAMED),
                "guests is for limits by user or client.",
            ),
            (not self.key, "key is empty."),
            (bool(set(self.key) - set(PARTS)), f"key is made of {', '.join(PARTS)}."),
            (len(set(self.key)) < len(self.key), "key names a part twice."),
            (self.partition not in PARTITIONS, "partition is shared or route."),
        )
