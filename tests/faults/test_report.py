"""What the page of results says is what the results say."""

from __future__ import annotations

from tests.faults.report import INVARIANTS, add_section, page
from tests.faults.rounds import Result


def result(seed: int, *, stack: str = "embedded", broken: str = "") -> Result:
    wrong = [broken] if broken else []
    return Result("poison", (13,), stack, seed, attempted=200, acknowledged=199, broken=wrong)


def test_a_later_suite_gets_a_section_of_its_own_and_changes_no_figure_of_the_first() -> None:
    first = page([result(1), result(2)])

    both = add_section("Later", "Another machine.", [result(3, stack="real")], to=first)

    before, _, section = both.partition("## Later\n")
    assert first == before + INVARIANTS
    assert "Another machine." in section
    assert "| real | 1 | 200 | 199 |" in section
    assert section.endswith(INVARIANTS)


def test_a_section_that_is_made_anew_takes_the_place_of_the_old_one() -> None:
    first = page([result(1)])
    once = add_section("Later", "", [result(2)], to=first)

    twice = add_section("Later", "", [result(2), result(3)], to=once)

    assert twice.count("## Later\n") == 1
    assert "| embedded | 2 | 400 |" in twice


def test_a_run_that_did_not_hold_is_on_the_page_with_how_to_repeat_it() -> None:
    section = add_section("Later", "", [result(5, broken="I3: a shelf")], to=page([result(1)]))

    assert "0 of 1" in section
    assert "SEED=5 ONLY='poison'" in section
