"""A bell between the threads and processes of one service: "there is something to send".

Ringing is a hint that saves waiting, never a promise: every listener also looks by itself from
time to time. Inside one process it is an event; between processes on SQLite a local datagram;
on PostgreSQL a NOTIFY inside the transaction.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import select
import socket
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.database import Database

if TYPE_CHECKING:
    import psycopg

LOOK_WHETHER_CLOSED = 1000  # milliseconds
LOOK_AGAIN = 30.0  # seconds after which a broken LISTEN connection is tried anew


class Bell:
    """Rings for everyone who waits on the same database."""

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._name = name
        self._events: list[threading.Event] = []
        self._closing = threading.Event()
        self._ears: list[Any] = []
        self.answered_here = False  # the relay sets it while it alone sends for this database

    @property
    def channel(self) -> str:
        """The PostgreSQL channel to notify in the transaction; empty when nobody needs it."""
        needed = self._database.on_postgresql and not self.answered_here
        return f"quintet_{self._name}" if needed else ""

    def ring(self) -> None:
        """Wake all who wait: here at once, in other processes as soon as the word gets there."""
        for event in self._events:
            event.set()
        if not self._database.on_postgresql and not self.answered_here:
            with contextlib.suppress(OSError):  # they look anyway, every few seconds
                self._poke_neighbours()

    def listener(self) -> threading.Event:
        """An event that is set at every ring; the listener clears it before it looks."""
        event = threading.Event()
        self._events.append(event)
        return event

    def hear_neighbours(self) -> None:
        """Also wake for rings from other processes (used by the worker)."""
        target = self._hear_notify if self._database.on_postgresql else self._hear_datagrams
        threading.Thread(target=target, name="bell", daemon=True).start()

    def close(self) -> None:
        """Stop listening and wake everybody a last time."""
        self._closing.set()
        for ear in self._ears:
            with contextlib.suppress(Exception):  # whatever is wrong with it, we want it no more
                ear.close()
        for event in self._events:
            event.set()

    def _folder(self) -> Path:
        # A socket's path may have some 100 bytes, so it cannot lie beside the database.
        digest = hashlib.sha256(str(self._database.url).encode()).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"quintet-bell-{os.getuid()}-{digest}"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def _poke_neighbours(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.setblocking(False)
            for ear in self._folder().glob("*.sock"):
                try:
                    out.sendto(b"!", str(ear))
                except ConnectionRefusedError:
                    ear.unlink(missing_ok=True)  # its process is gone
                except OSError:
                    continue  # its buffer is full: it has been told already

    def _hear_datagrams(self) -> None:
        path = self._folder() / f"{os.getpid()}-{id(self)}.sock"
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
            ear.bind(str(path))
            ear.settimeout(LOOK_AGAIN)
            self._ears.append(ear)
            while not self._closing.is_set():
                try:
                    ear.recv(16)
                except TimeoutError:
                    continue
                except OSError:
                    break
                self._wake_here()
        path.unlink(missing_ok=True)

    def _hear_notify(self) -> None:
        import psycopg  # heavy, and nothing for SQLite

        url = self._database.url.set(drivername="postgresql").render_as_string(False)
        while not self._closing.is_set():
            try:
                with psycopg.connect(url, autocommit=True) as ear:
                    self._ears[:] = [ear]
                    ear.execute(f"LISTEN quintet_{self._name}")
                    self._hear_from(ear)
            except (psycopg.Error, OSError):
                self._closing.wait(1.0)

    def _hear_from(self, ear: psycopg.Connection[Any]) -> None:
        # The driver's own waiting wakes up ten times a second, for as long as nothing happens.
        waiting = select.poll()
        waiting.register(ear.fileno(), select.POLLIN)
        while not self._closing.is_set():
            if waiting.poll(LOOK_WHETHER_CLOSED):
                for _ in ear.notifies(timeout=0):
                    self._wake_here()

    def _wake_here(self) -> None:
        for event in self._events:
            event.set()
