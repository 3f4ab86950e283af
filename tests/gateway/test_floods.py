"""Who sends too much that is bad is not listened to for a moment; nobody can make us forget."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.proxy.identity.floods import WATCHED, WINDOW, Floods


@dataclass
class Stage:
    """Time as we like it, and three bad things are too many."""

    now: float = 1000.0
    room: int = 50
    floods: Floods = field(init=False)

    def __post_init__(self) -> None:
        self.floods = Floods(lambda: self.now, most=3, senders=self.room)

    def bad(self, address: str, times: int = 3) -> None:
        for _ in range(times):
            self.floods.note(address)


def test_who_sends_too_much_is_not_listened_to_until_the_second_is_over() -> None:
    stage = Stage()
    stage.bad("192.0.2.1")

    assert stage.floods.over("192.0.2.1")
    assert not stage.floods.over("192.0.2.2")
    stage.now += WINDOW
    assert not stage.floods.over("192.0.2.1")


def test_all_addresses_of_a_network_of_version_6_are_one_sender() -> None:
    stage = Stage()
    for n in range(3):
        stage.bad(f"2001:db8::{n}", 1)

    assert stage.floods.over("2001:db8::ffff:1")
    assert not stage.floods.over("2001:db8:0:1::1")
    assert len(stage.floods) == 1


def test_a_flood_from_many_addresses_does_not_make_us_forget_one() -> None:
    stage = Stage()
    stage.bad("192.0.2.1")

    for n in range(1000):
        stage.bad(f"10.0.{n // 250}.{n % 250}", 1)

    assert stage.floods.over("192.0.2.1")
    assert len(stage.floods) == stage.room


def test_even_if_all_of_them_are_over_the_limit_none_is_forgotten() -> None:
    stage = Stage(room=20)
    for n in range(30):
        stage.bad(f"10.0.0.{n}")

    assert sum(stage.floods.over(f"10.0.0.{n}") for n in range(30)) == 20


def test_who_has_been_quiet_makes_room() -> None:
    stage = Stage(room=20)
    for n in range(20):
        stage.bad(f"10.0.0.{n}")
    stage.now += WATCHED

    stage.bad("192.0.2.1")

    assert stage.floods.over("192.0.2.1")
    assert len(stage.floods) < 20


def test_questions_without_an_answer_count_after_a_flood_and_not_before() -> None:
    stage = Stage()
    floods = stage.floods

    with floods.asking("192.0.2.1"), floods.asking("192.0.2.1"), floods.asking("192.0.2.1"):
        assert not floods.over("192.0.2.1")
        stage.bad("192.0.2.1")
        stage.now += WINDOW
        assert floods.over("192.0.2.1")

    assert not floods.over("192.0.2.1")
