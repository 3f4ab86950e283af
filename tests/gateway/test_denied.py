"""The list of those who may no longer come in: exact, bounded, and never too kind."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.proxy.identity.denied import Denied, Token
from shared.token_profile import LEEWAY

LIFE = 3600.0


@dataclass
class Time:
    """Time as we like it."""

    now: float = 1000.0
    since_1970: float = 1_800_000_000.0

    def denied(self, most: int = 100) -> Denied:
        return Denied(lambda: self.now, self.wall, seconds=LIFE, most=most)

    def wall(self) -> float:
        return self.since_1970 + self.now

    def token(self, session: str = "s", user: str = "u", jti: str = "j", age: float = 0) -> Token:
        return Token((session, user, jti), self.wall() - age)


def test_an_ended_session_or_token_is_refused_however_new_the_token() -> None:
    time = Time()
    denied = time.denied()
    denied.end("s")
    denied.end("j2")

    assert denied.covers(time.token())
    assert denied.covers(time.token(session="other", jti="j2"))
    assert not denied.covers(time.token(session="other"))
    time.now += 100
    assert denied.covers(time.token())
    assert denied.has_ended("s")


def test_somebody_sent_away_may_come_back_with_a_token_made_afterwards() -> None:
    time = Time()
    denied = time.denied()
    denied.send_away("u")

    assert denied.covers(time.token())
    time.now += LEEWAY + 1
    assert denied.covers(time.token(age=LEEWAY + 2))
    assert not denied.covers(time.token())


def test_it_is_forgotten_once_no_token_of_it_can_live() -> None:
    time = Time()
    denied = time.denied()
    denied.end("s")
    denied.send_away("u")

    time.now += LIFE + LEEWAY
    denied.end("another")
    assert len(denied) == 3
    time.now += 2 * LEEWAY
    denied.end("one more")

    assert len(denied) == 2


def test_with_more_than_fit_whoever_might_be_a_forgotten_one_is_refused() -> None:
    time = Time()
    denied = time.denied(most=20)
    for n in range(30):
        denied.end(f"s{n}")
        time.now += 1

    assert len(denied) <= 20
    first = Token(("s0", "u", "j"), time.since_1970 + 1000 - 5)
    assert denied.covers(first)
    assert denied.covers(time.token(session="innocent", age=29))
    time.now += LEEWAY
    assert not denied.covers(time.token(session="innocent"))


def test_a_token_that_does_not_say_when_it_was_made_counts_as_old() -> None:
    time = Time()
    denied = time.denied()
    undated = Token(("s", "u"), 0.0)

    assert not denied.covers(undated)
    denied.send_away("u")
    assert denied.covers(undated)
