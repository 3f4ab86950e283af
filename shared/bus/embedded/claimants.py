"""Who holds a claim, and whether that process is still there to honour it."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

PROC = Path("/proc")
ENDED = -1


@dataclass(frozen=True, slots=True)
class Claimant:
    """A process, told apart from a later one that was given the same number."""

    boot: str
    pids: str  # the namespace in which the number means something
    pid: int
    started: int


def this_process() -> Claimant:
    """Ourselves, as the others will see us."""
    boot, pids = _house()
    pid = os.getpid()
    return Claimant(boot, pids, pid, _start_of(pid) or 0)


def is_gone(claimant: Claimant) -> bool:
    """Whether this process has surely ended. When we cannot know, it has not."""
    boot, pids = _house()
    if claimant.boot != boot:
        return True  # the machine was started again since
    if claimant.pids != pids:
        return False  # another container: its numbers mean nothing here, the lease decides
    if not _answers(claimant.pid):
        return True
    started = _start_of(claimant.pid)
    return started is not None and started != claimant.started


@lru_cache(maxsize=1)
def _house() -> tuple[str, str]:
    """This boot of this machine, and our namespace of process numbers."""
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
        return boot, str((PROC / "self/ns/pid").readlink())
    except OSError:
        return platform.node(), ""


def _start_of(pid: int) -> int | None:
    """When this process started, in ticks; None where nobody can say; ENDED for a dead one."""
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The name in brackets may hold anything, so the fields are counted from its end.
    fields = stat.rpartition(")")[2].split()
    return ENDED if fields[0] in "ZX" else int(fields[19])


def _answers(pid: int) -> bool:
    """Whether any process has this number (even one that only waits to be buried)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
