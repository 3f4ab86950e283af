"""Who may no longer come in although their tokens have not expired yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.token_profile import LEEWAY


@dataclass(frozen=True, slots=True)
class Token:
    """What must be known of a token to tell whether it was revoked; `issued` since 1970."""

    subjects: tuple[str, ...]  # of its session, its user, itself
    issued: float


class Denied:
    """A bounded list of sessions and tokens that have ended, and of people who were sent away.

    Each is remembered for as long as a token may live. Should there be more than we can remember,
    the oldest are dropped and with them every token of their time: better a few people sign in
    again than one who must not comes in.
    """

    def __init__(
        self,
        now: Callable[[], float],
        wall: Callable[[], float],
        *,
        seconds: float = 3600.0,
        most: int = 100_000,
    ) -> None:
        self.not_before = -1.0  # tokens issued earlier are refused, in seconds since 1970
        self._now = now
        self._wall = wall
        self._seconds = seconds + 2 * LEEWAY
        self._most = most
        # Both in the order of their end: what was denied first is forgotten first.
        self._ended: dict[str, tuple[float, float]] = {}  # id → forgotten when, denied when
        self._away: dict[str, tuple[float, float]] = {}

    def end(self, what: str) -> None:
        """Refuse all tokens of this session, or the token of this `jti`, from now on."""
        self._note(self._ended, what)

    def send_away(self, user: str) -> None:
        """Refuse all tokens that this user has by now; later ones are good, should they return."""
        self._note(self._away, user)

    def has_ended(self, session_id: str) -> bool:
        """Whether this very session was revoked."""
        return session_id in self._ended

    def left_since(self, user: str, moment: float) -> bool:
        """Whether this user was sent away at that moment of `now`, or later."""
        sent = self._away.get(user)
        return sent is not None and sent[0] >= moment + self._seconds

    def covers(self, token: Token) -> bool:
        """Whether a token was revoked."""
        if token.issued <= self.not_before:
            return True
        for each in token.subjects:
            if each in self._ended:
                return True
            sent = self._away.get(each)
            if sent is not None and token.issued <= sent[1] + LEEWAY:
                return True
        return False

    def __len__(self) -> int:
        return len(self._ended) + len(self._away)

    def _note(self, table: dict[str, tuple[float, float]], what: str) -> None:
        now = self._now()
        table.pop(what, None)
        table[what] = (now + self._seconds, self._wall())
        for each in (self._ended, self._away):
            _forget(each, now)
        if len(self) > self._most:
            self._make_room(table)

    def _make_room(self, table: dict[str, tuple[float, float]]) -> None:
        """Drop a tenth at once, so that this happens seldom."""
        for _ in range(max(1, len(table) // 10)):
            oldest = next(iter(table))
            self.not_before = max(self.not_before, table.pop(oldest)[1] + LEEWAY)


def _forget(table: dict[str, tuple[float, float]], now: float) -> None:
    while table:
        first = next(iter(table))
        if table[first][0] > now:
            return
        del table[first]
