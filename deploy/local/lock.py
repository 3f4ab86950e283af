"""One launcher per data folder: two of them would fight over the same files."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import TextIO

from deploy.local.refusal import CannotStart

PATIENCE = 8.0  # seconds; a launcher that was killed needs this long to have its services ended


def take_lock(var: Path, *, patience: float = PATIENCE) -> TextIO:
    """Keep others out of `var` until the file is closed, or refuse because somebody is in."""
    var.mkdir(parents=True, exist_ok=True)
    lock = (var / "launcher.lock").open("a+")
    deadline = time.monotonic() + patience
    while not _locked(lock):
        holder = _written_in(lock)
        if _is_alive(holder) or time.monotonic() > deadline:
            lock.close()
            raise CannotStart(
                f"Quintet already runs on {var} (process {holder or 'unknown'}). "
                "Stop it with Ctrl-C, or use another folder and ports: make run VAR=other PORT=8100"
            )
        time.sleep(0.1)  # its launcher is gone; what it left is being ended right now
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _locked(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _written_in(lock: TextIO) -> int:
    lock.seek(0)
    text = lock.read().strip()
    return int(text) if text.isdigit() else 0


def _is_alive(process: int) -> bool:
    if not process:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
