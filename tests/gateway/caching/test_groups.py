"""Groups and purges: RFC 9875, and what was asked for before a purge."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.caching import groups
from gateway.proxy.caching.groups import Purges, group_names, too_many


@pytest.mark.parametrize(
    ("value", "groups"),
    [
        (None, set()),
        (b"", set()),
        (b'"a"', {b"a"}),
        (b'"a", "b";x=1', {b"a", b"b"}),
        (b'"a", "A"', {b"a", b"A"}),
        (b'"say \\"hi\\""', {b'say "hi"'}),
        (b"a", set()),
        (b'"a", b', set()),
        (b'"a", 1', set()),
        (b'("a" "b")', set()),
        (b'"a",', set()),
        (b'"a', set()),
    ],
)
def test_groups_are_a_list_of_strings_or_nothing(value: bytes | None, groups: set[bytes]) -> None:
    """RFC 9875, section 2: names are compared as they are, case and all."""
    assert group_names(value) == groups


def test_as_many_groups_as_the_rfc_wants_are_followed() -> None:
    """RFC 9875, section 2: at least 32 groups of at least 32 characters."""
    assert not too_many(frozenset(b"%032d" % number for number in range(128)))
    assert too_many(frozenset(b"%d" % number for number in range(129)))
    assert too_many(frozenset({b"x" * 129}))


def test_what_was_asked_for_before_a_purge_does_not_survive_it() -> None:
    purges = Purges()
    before = purges.number
    purges.note([b"mug"])

    assert not purges.none_since(before, [b"mug"])
    assert purges.none_since(before, [b"cup"])
    assert purges.none_since(purges.number, [b"mug"])


def test_a_purge_of_everything_outlives_all_that_was_asked_for() -> None:
    purges = Purges()
    before = purges.number
    purges.note_all()

    assert not purges.none_since(before, [])
    assert purges.none_since(purges.number, [b"mug"])


def test_purges_of_many_long_targets_take_no_room_and_touch_nothing_else() -> None:
    """Whoever may change something must not fill our memory, nor keep us from keeping answers."""
    purges = Purges()
    before = purges.number
    tracemalloc.start()
    for number in range(30_000):
        purges.note([b"%d" % number + b"q" * 4000])
    ours = [tracemalloc.Filter(True, each) for each in (str(groups.__file__), __file__)]
    taken = sum(each.size for each in tracemalloc.take_snapshot().filter_traces(ours).traces)
    tracemalloc.stop()

    assert taken < 20_000
    assert sum(purges.none_since(before, [b"mug-%d" % number]) for number in range(100)) > 30


@given(st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c", b"d"]), st.booleans()), max_size=40))
def test_however_few_slots_there_are_nothing_survives_its_purge(
    steps: list[tuple[bytes, bool]],
) -> None:
    """Compared with a memory without bounds."""
    purges, last = Purges(slots=2), dict[bytes, int]()
    asked: list[tuple[bytes, int, int]] = []  # what, the number, and the step
    for at, (name, is_purge) in enumerate(steps):
        if is_purge:
            purges.note([name])
            last[name] = at
        else:
            asked.append((name, purges.number, at))

    for name, number, at in asked:
        if last.get(name, -1) > at:
            assert not purges.none_since(number, [name])
