"""A platform for breaking: one for all tests of this folder, on the stack that is asked for."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared.testing import STACK
from tests.faults.catalogue import scenarios_for
from tests.faults.rig import Rig
from tests.faults.rounds import Result, make_whole, play, settle_in
from tests.faults.servers import CannotBreak, Servers

FEW_ORDERS = 40


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """Not pytest's own, which nobody else may enter: PostgreSQL runs as a user of its own."""
    with tempfile.TemporaryDirectory(prefix="quintet-faults-", ignore_cleanup_errors=True) as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture(scope="session")
def rig(folder: Path) -> Iterator[Rig]:
    try:
        servers = Servers(folder, STACK)
    except CannotBreak as reason:
        if os.environ.get("CI"):
            pytest.fail(str(reason))
        pytest.skip(str(reason))
    with servers.running():
        rig = Rig(servers, folder / "rig")
        try:
            settle_in(rig)
            yield rig
        finally:
            rig.close()


@pytest.fixture
def survive(rig: Rig, tmp_path: Path) -> Callable[[str], Result]:
    """Play a scenario with few orders, and leave the platform whole."""

    def play_it(name: str, seed: int = 7) -> Result:
        (scenario,) = (each for each in scenarios_for(STACK) if each.name == name)
        few = replace(scenario, orders=FEW_ORDERS)
        result = play(rig, few, seed, tmp_path / "history.jsonl")
        make_whole(rig)
        return result

    return play_it
