"""`make independence`: each service is installed alone, from its wheel, and runs.

An editable install has the whole repository on its path, so it proves nothing. This builds the
wheels, makes an empty environment for each service with exactly what is locked for it, starts the
service there, asks it how it is, and sees that no other service can be imported.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

from deploy.local.console import Console
from deploy.local.plan import PACKAGES
from deploy.local.ports import is_free

ROOT = Path(__file__).resolve().parents[1]
UV = ROOT / ".venv" / "bin" / "uv"
LIMIT = 60.0


class NotIndependent(Exception):
    """A service needs more than it says; the text tells what happened."""


def main(names: list[str]) -> int:
    """Prove it for each of these services (all, if none is named)."""
    console = Console(sys.stdout)
    with tempfile.TemporaryDirectory(prefix="quintet-independence-") as folder:
        wheels = Path(folder) / "wheels"
        try:
            for package in ("shared", *PACKAGES.values()):
                build(package, wheels)
            console.done(f"{len(list(wheels.glob('*.whl')))} wheels built")
            for name in names or PACKAGES:
                began = time.monotonic()
                prove(name, wheels, Path(folder) / name)
                console.done(f"{name:<8}runs alone  {time.monotonic() - began:4.1f} s")
        except NotIndependent as reason:
            console.fail(str(reason))
            return 1
    return 0


def build(package: str, wheels: Path) -> None:
    """Make the wheel of one package."""
    options = ["--quiet", "--wheel", "--no-build-isolation", "--python", sys.executable]
    call([str(UV), "build", *options, "--out-dir", str(wheels), str(ROOT / package)])


def prove(name: str, wheels: Path, home: Path) -> None:
    """Install this one alone, look for the others, start it."""
    python = home / "venv" / "bin" / "python"
    call([str(UV), "venv", "--quiet", "--python", sys.executable, str(home / "venv")])
    install = [str(UV), "pip", "install", "--quiet", "--no-deps", "--python", str(python)]
    call([*install, "--require-hashes", "--requirement", str(ROOT / f"requirements/{name}.txt")])
    ours = [str(wheel) for part in ("shared", name) for wheel in wheels.glob(f"quintet_{part}-*")]
    call([*install, "--no-index", *ours])
    others = [package for other, package in PACKAGES.items() if other != name]
    found = f"import importlib.util as u; print(*filter(u.find_spec, {[*others, 'tests']!r}))"
    if strangers := call([str(python), "-c", found], cwd=home):
        raise NotIndependent(f"{name}: can import {strangers}")
    with running(name, python, home) as port:
        wait_until_well(name, port, home)


@contextmanager
def running(name: str, python: Path, home: Path) -> Iterator[int]:
    """The service on a free port, in an environment that tells it nothing else."""
    port = next(port for port in range(29000, 32000) if is_free(port))
    told = {"PATH": os.environ["PATH"], "QUINTET_VAR": str(home), f"{name.upper()}_PORT": str(port)}
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [python, "-m", PACKAGES[name], "run"],
            cwd=home,
            env=told,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield port
    finally:
        process.terminate()
        process.wait(LIMIT)


def wait_until_well(name: str, port: int, home: Path) -> None:
    """Return when /healthz says that all is well."""
    deadline = time.monotonic() + LIMIT
    while not is_well(f"http://127.0.0.1:{port}/healthz"):
        if time.monotonic() > deadline:
            raise NotIndependent(f"{name} does not start:\n{(home / 'log').read_text()[-3000:]}")
        time.sleep(0.2)


def is_well(address: str) -> bool:
    """Whether this address answers 200."""
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False


def call(command: list[str], cwd: Path = ROOT) -> str:
    """Run a command that must succeed; returns what it wrote."""
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotIndependent(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


if __name__ == "__main__":
    if not shutil.which(str(UV)):
        sys.exit("independence needs .venv with the developers' packages: make independence")
    sys.exit(main(sys.argv[1:]))
