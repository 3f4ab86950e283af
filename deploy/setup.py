"""`make setup`: the virtual environment in .venv, exactly as locked in requirements/.

Runs on the Python that is there, before anything is installed: standard library only, and old
enough a syntax that an old Python gets to the sentence that says it is too old.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
STAMPS = VENV / "stamps"
OLDEST = (3, 11)
NEWER = ("python3.11", "python3.12", "python3.13", "python3.14")


class SetupFailed(Exception):
    """Something is missing on this machine; the text says what to do."""


def main(which: str) -> int:
    """Bring .venv to what requirements/<which>.txt says; costs nothing when it already is."""
    use_a_python_that_is_new_enough()
    try:
        make_venv()
        put_the_repository_on_the_path()
        install(ROOT / "requirements" / (which + ".txt"))
    except SetupFailed as reason:
        say("✗", str(reason))
        return 1
    return 0


def use_a_python_that_is_new_enough() -> None:
    """Go on in a newer Python when this one is too old; say so when there is none."""
    if sys.version_info >= OLDEST:
        return
    found = [path for path in map(shutil.which, NEWER) if path]
    if not found:
        version = ".".join(map(str, sys.version_info[:3]))
        say("✗", f"Quintet needs Python 3.11 or newer; this is {version}.")
        say(" ", "Install one, then: make setup PYTHON=/path/to/python3.12")
        sys.exit(1)
    os.execv(found[0], [found[0], *sys.argv])


def make_venv() -> None:
    """Make .venv, or make it anew when its Python has gone."""
    if VENV_PYTHON.exists() and succeeds([str(VENV_PYTHON), "-c", "import pip"]):
        return
    say("·", "making .venv with Python {}.{}.{}".format(*sys.version_info[:3]))
    done = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(VENV)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(done.stdout, done.stderr)
        raise SetupFailed("Could not make .venv. On Debian and Ubuntu: apt install python3-venv")


def put_the_repository_on_the_path() -> None:
    """What an editable install does: our packages are importable from anywhere in .venv."""
    [packages] = (VENV / "lib").glob("python3*/site-packages")
    line = f"{ROOT}\n"
    pointer = packages / "quintet.pth"
    if not pointer.exists() or pointer.read_text() != line:
        pointer.write_text(line)


def install(requirements: Path) -> None:
    """Install what is locked, unless the stamp says that this was done."""
    stamp = STAMPS / requirements.stem
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        pip_install(requirements)
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(wanted)


def pip_install(requirements: Path) -> None:
    """Every package at its locked version, each file checked against its locked hash."""
    count = sum("==" in line for line in requirements.read_text().splitlines())
    say("·", f"installing {count} packages from requirements/{requirements.name}")
    began = time.monotonic()
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    exactly = ["--no-deps", "--require-hashes", "--requirement", str(requirements)]
    done = subprocess.run(
        [str(VENV_PYTHON), "-m", "pip", "install", *quiet, *exactly],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(done.stdout, done.stderr)
        raise SetupFailed("pip could not install everything; what it said is above.")
    say("✓", f"installed in {time.monotonic() - began:.0f} s")


def succeeds(command: list[str]) -> bool:
    """Whether this command runs and ends well."""
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def say(mark: str, text: str) -> None:
    """One line for the person who waits."""
    print(mark, text, flush=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
