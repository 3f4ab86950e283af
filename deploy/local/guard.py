"""Ends what a vanished launcher left running.

The launcher tells this small process over a pipe which process groups it started. When the
launcher goes, in whatever way (`kill -9`, a crash, a closed laptop), the pipe closes and every
group still on the list is ended. A pipe works on every Unix and reaches grandchildren too,
which a parent-death signal does not.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable

GRACE = 3.0  # seconds between asking a group to end and ending it


class Guard:
    """The launcher's end of the pipe."""

    def __init__(self, *, holding: Iterable[int] = ()) -> None:
        # The guard inherits the lock, so that a data folder is free only when nobody uses it.
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            bufsize=0,
            pass_fds=tuple(holding),
            start_new_session=True,
        )

    def watch(self, group: int) -> None:
        """End this process group when we are gone."""
        self._tell(f"+{group}\n")

    def forget(self, group: int) -> None:
        """This process group has ended."""
        self._tell(f"-{group}\n")

    def close(self) -> None:
        """Let the guard go; it ends whatever is still on its list."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # somebody killed the guard: we still run
            self._process.stdin.write(line.encode())


def end(groups: set[int], grace: float = GRACE) -> None:
    """Ask these process groups to end; after `grace` seconds, end them."""
    deadline = time.monotonic() + grace
    groups = {group for group in groups if send(group, signal.SIGTERM)}
    while groups and time.monotonic() < deadline:
        time.sleep(0.05)
        groups = {group for group in groups if send(group, 0)}
    for group in groups:
        send(group, signal.SIGKILL)


def send(group: int, number: int) -> bool:
    """Signal a process group; False when there is none any more."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS says the latter of a dead group
        return False
    return True


def main() -> None:
    """Keep the list until the pipe closes, then end what is on it."""
    groups: set[int] = set()
    for line in sys.stdin:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    end(groups)


if __name__ == "__main__":
    main()
