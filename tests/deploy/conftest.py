"""Launchers for tests, ended with everything they started."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.deploy.stand_ins import Launcher, end, launch
from tests.ports import free_ports


@pytest.fixture
def port() -> int:
    """The first of four neighbouring free ports."""
    return free_ports(4)[0]


@pytest.fixture
def start(tmp_path: Path, port: int) -> Iterator[Callable[..., Launcher]]:
    """Start the launcher over stand-ins in a folder of this test."""
    started: list[Launcher] = []

    def start_one(*arguments: str, **plans: dict[str, object]) -> Launcher:
        started.append(launch(tmp_path, port, *arguments, **plans))
        return started[-1]

    yield start_one
    end(started)
