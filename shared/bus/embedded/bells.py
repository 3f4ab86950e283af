"""Bells: how a publisher wakes the consumers of a queue in other processes.

A listener binds a datagram socket in a private folder, a publisher knocks after its commit.
Nothing depends on a knock being heard: whoever waits also looks by itself once in a while.
"""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import socket
import stat
import tempfile
import threading
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)

LONGEST_ADDRESS = 100  # the kernel allows 108 bytes, others as few as 104
SILENT_LOOK = 0.2  # how often to look when no bell could be hung


class Bells:
    """The folder of bells that belongs to one bus file."""

    def __init__(self, bus: Path) -> None:
        digest = hashlib.blake2s(os.fsencode(bus.resolve()), digest_size=6).hexdigest()
        self.folder = _short_temporary_folder() / f"quintet-{os.getuid()}-{digest}"

    def hang(self, queue: int) -> Bell:
        """A bell for one consumer of this queue; a silent one where sockets are impossible."""
        address = self.folder / f"{queue}.{os.getpid()}.{secrets.token_hex(4)}"
        for _ in range(3):  # another may be taking the empty folder away this moment
            try:
                self.folder.mkdir(mode=0o700, exist_ok=True)
                if not _is_private(self.folder):
                    raise PermissionError(f"{self.folder} belongs to somebody else")
                return Bell(address)
            except OSError as error:
                failure = error
        log.warning("no wake-ups, looking often instead: %s", failure)
        return Bell(None)

    def ring(self, queues: Collection[int]) -> None:
        """Wake every consumer of these queues; never waits, never fails."""
        try:
            hung = list(self.folder.iterdir()) if queues else []
        except OSError:
            return
        _knock([bell for bell in hung if _queue_of(bell) in queues])


class Bell:
    """One consumer's bell."""

    def __init__(self, address: Path | None) -> None:
        self._address = address
        self._socket: socket.socket | None = None
        self._rung = threading.Event()  # stands in where there is no socket
        if address is not None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                self._socket.bind(os.fspath(address))
            except OSError:
                self._socket.close()
                raise

    def wait(self, timeout: float) -> None:
        """Sleep until somebody rings, or for `timeout` seconds."""
        if self._socket is None:
            self._rung.wait(min(timeout, SILENT_LOOK))
            self._rung.clear()
            return
        try:
            self._socket.settimeout(max(timeout, 0.001))
            self._socket.recv(8)
            self._socket.setblocking(False)
            while True:  # the knocks that came meanwhile mean the same
                self._socket.recv(8)
        except (TimeoutError, BlockingIOError):
            return
        except OSError:
            time.sleep(min(timeout, SILENT_LOOK))

    def ring(self) -> None:
        """Wake ourselves, from another thread."""
        self._rung.set()
        if self._address is not None:
            _knock([self._address])

    def close(self) -> None:
        """Take the bell down, and with the last one the folder."""
        if self._socket is not None:
            self._socket.close()
        if self._address is not None:
            self._address.unlink(missing_ok=True)
            with suppress(OSError):
                self._address.parent.rmdir()


def _queue_of(bell: Path) -> int:
    number = bell.name.partition(".")[0]
    return int(number) if number.isdigit() else 0


def _knock(bells: Collection[Path]) -> None:
    if not bells:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as knocker:
        knocker.setblocking(False)
        for bell in bells:
            try:
                knocker.sendto(b"!", os.fspath(bell))
            except ConnectionRefusedError:
                bell.unlink(missing_ok=True)  # its process died without taking the bell down
            except OSError:
                continue  # a full socket wakes as well; anything else is found by looking


def _short_temporary_folder() -> Path:
    """Where temporary files go, unless that leaves no room for a socket's name."""
    folder = Path(tempfile.gettempdir())
    room_for_names = 64
    fits = len(os.fsencode(folder)) + room_for_names <= LONGEST_ADDRESS
    return folder if fits else Path("/tmp")


def _is_private(folder: Path) -> bool:
    """Whether the folder is ours alone; somebody may have put one there before us."""
    found = folder.lstat()
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    return ours and not found.st_mode & 0o077
