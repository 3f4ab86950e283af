"""The generic cell rate algorithm: exact, and one number for each key.

From ITU-T I.371 (annex A, the virtual scheduling form), where it judges cells of a network. For
each key we remember only when it will have made up for all it has taken: its due time. A request
moves that by `interval` for each unit, and is refused if it would come to lie more than `limit`
ahead of now. So `burst` units may be taken at once, and from then on one each `interval`. All of
it is counted in whole nanoseconds: nothing is rounded while counting, so nothing adds up. The
interval itself is rounded down to whole microseconds, because Redis counts in those.
"""

from __future__ import annotations

from random import randrange

from gateway.proxy.limits.policy import LimitPolicy

SECOND = 1_000_000_000
SAMPLE = 16
SWEPT_AT_ONCE = 256


class Meter:
    """The counts of one policy, or of one policy on one route, by key.

    Holds at most `most` keys. Who has made up for everything is forgotten first, for that changes
    nothing. If everybody is in debt, whoever owes the least of a random few is forgotten: flooding
    us with new names makes us forget these names, not the one whose limit is used up.
    """

    __slots__ = (
        "_names",
        "_swept",
        "due",
        "evicted",
        "interval",
        "limit",
        "most",
        "refused",
        "step",
    )

    def __init__(self, policy: LimitPolicy, most: int = 50_000) -> None:
        self.interval = max(1, policy.window * 1_000_000 // policy.quota) * 1000
        self.limit = policy.burst * self.interval
        self.step = policy.cost * self.interval
        self.most = most
        self.due: dict[str, int] = {}
        self.refused = 0
        self.evicted = 0
        self._names: list[str] = []  # the keys of `due`, where one can be picked by chance
        self._swept = 0

    def left(self, key: str, now: int) -> int:
        """How much room, in nanoseconds, taking once would leave; less than 0: it may not."""
        due = self.due.get(key, 0)
        if due - now > self.limit:
            # Cannot be, unless the clock went back or the policy has become smaller.
            due = self.due[key] = now + self.limit
        return self.limit - self.step - (due - now if due > now else 0)

    def take(self, key: str, now: int, left: int) -> None:
        """Take once, after `left` has said that it may."""
        self.owe(key, now + self.limit - left)

    def owe(self, key: str, due: int) -> None:
        """Set when `key` will have made up for everything."""
        if key not in self.due:
            if len(self.due) >= self.most:
                self._forget_one()
            self._names.append(key)
        self.due[key] = due

    def sweep(self, now: int) -> None:
        """Forget some of those who owe nothing any more; called again and again."""
        names = self._names
        at = self._swept
        for _ in range(min(SWEPT_AT_ONCE, len(names))):
            if at >= len(names):
                at = 0
            if self.due[names[at]] <= now:
                self._drop(at)
            else:
                at += 1
        self._swept = at

    def take_over(self, before: Meter) -> None:
        """Go on from the counts of a meter that this one replaces."""
        self.due, self._names = before.due, before._names
        self.refused, self.evicted = before.refused, before.evicted

    def over(self, now: int) -> list[tuple[str, float]]:
        """Who would be refused now, and for how many seconds."""
        most = now + self.limit - self.step
        return [(key, (due - most) / SECOND) for key, due in self.due.items() if due > most]

    def __len__(self) -> int:
        return len(self.due)

    def _forget_one(self) -> None:
        due, names = self.due, self._names
        at = min((randrange(len(names)) for _ in range(SAMPLE)), key=lambda one: due[names[one]])
        self._drop(at)
        self.evicted += 1

    def _drop(self, at: int) -> None:
        names = self._names
        del self.due[names[at]]
        names[at] = names[-1]
        names.pop()
