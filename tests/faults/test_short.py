"""A few faults in every test run; `make faults` plays all of them, hundreds of times."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from shared.testing import STACK
from tests.faults.catalogue import scenarios_for
from tests.faults.history import History
from tests.faults.rounds import Result
from tests.faults.shoppers import Crowd, Wish

SHORT = [each.name for each in scenarios_for(STACK) if each.short]


@pytest.mark.parametrize("fault", SHORT)
def test_every_order_survives(survive: Callable[[str], Result], fault: str) -> None:
    result = survive(fault)

    assert result.broken == []
    assert result.acknowledged + result.refused == result.attempted
    assert (result.lost, result.double_applied) == (0, 0)


def test_the_same_seed_gives_the_same_shoppers(tmp_path: Path) -> None:
    history = History(tmp_path / "history.jsonl")

    def wishes(seed: int) -> list[Wish]:
        return Crowd(history, seed, {}, ["A", "B"], "C").wishes()

    assert wishes(3) == wishes(3)
    assert wishes(3) != wishes(4)
    history.close()
