"""The release that is rolled out in the suite is one that the gate for contracts would let out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.releases import NEW_TYPES, make_next_release


@pytest.fixture(scope="module")
def next_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_next_release(tmp_path_factory.mktemp("releases") / "next")


def python(code: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words], cwd=code, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_gate_lets_the_next_release_through(next_release: Path) -> None:
    python(next_release, "-m", "deploy.compatibility")


def test_the_next_release_reads_what_this_one_does_not(next_release: Path) -> None:
    told = python(
        next_release,
        "-c",
        "import sys; from pathlib import Path; from deploy.contracts import services\n"
        "for each in services(Path(sys.argv[1])): print(each.name, *each.handlers.types)",
        str(next_release / "var"),
    )
    reads = {name: set(types) for name, *types in (line.split() for line in told.splitlines())}

    assert all(types <= reads[name] for name, types in NEW_TYPES.items())
