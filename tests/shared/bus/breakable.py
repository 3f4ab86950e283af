"""A road to the broker that can be cut, frozen and mended."""

from __future__ import annotations

import socket
import struct
import threading
from urllib.parse import urlsplit, urlunsplit

FRAME_HEAD = struct.Struct(">BHL")  # AMQP: which kind, of which channel, how long
METHOD_HEAD = struct.Struct(">HH")
METHOD = 1


class Road:
    """Forwards a local port to the broker; `cut` refuses and resets, `freeze` swallows."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._broker = (parts.hostname or "127.0.0.1", parts.port or 5672)
        self._moving = threading.Event()
        self._moving.set()
        self._carried: list[socket.socket] = []
        self._door: socket.socket | None = None
        self.port = 0
        self.mend()
        user = f"{parts.username}:{parts.password}"
        self.url = urlunsplit(parts._replace(netloc=f"{user}@127.0.0.1:{self.port}"))

    def mend(self) -> None:
        """Carry traffic (again)."""
        self._moving.set()
        if self._door is None:
            self._door = socket.create_server(("127.0.0.1", self.port))
            self.port = self._door.getsockname()[1]
            threading.Thread(target=self._welcome, args=(self._door,), daemon=True).start()

    def freeze(self) -> None:
        """Take everything and carry nothing, as a stopped machine does."""
        self._moving.clear()

    def cut(self) -> None:
        """Break every connection, and refuse new ones."""
        self._moving.set()
        if self._door is not None:
            self._door.shutdown(socket.SHUT_RDWR)
            self._door.close()
            self._door = None
        for end in self._carried:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self._carried.clear()

    def _welcome(self, door: socket.socket) -> None:
        while True:
            try:
                here, _ = door.accept()
            except OSError:
                return
            there = socket.create_connection(self._broker)
            self._carried += [here, there]
            for source, target in ((here, there), (there, here)):
                threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while chunk := source.recv(65536):
                self._moving.wait()
                target.sendall(chunk)
            target.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        finally:
            source.close()


class Sieve(Road):
    """A road on which answers of the broker can be lost, and nothing else: heartbeats pass."""

    def __init__(self, url: str) -> None:
        self.lost = threading.Event()
        self._kept_back: tuple[tuple[int, int], ...] = ()
        super().__init__(url)

    def keep_back(self, *answers: tuple[int, int]) -> None:
        """From now on these methods, told by their class and number, and no others, are lost."""
        self._kept_back = answers

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        if source.getpeername() != self._broker:
            super()._carry(source, target)
            return
        try:
            with source.makefile("rb") as frames:
                while head := frames.read(FRAME_HEAD.size):
                    kind, _, size = FRAME_HEAD.unpack(head)
                    body = frames.read(size + 1)  # and the mark at its end
                    if kind == METHOD and METHOD_HEAD.unpack_from(body) in self._kept_back:
                        self.lost.set()
                    else:
                        target.sendall(head + body)
            target.shutdown(socket.SHUT_RDWR)
        except (OSError, ValueError, struct.error):
            pass
        finally:
            source.close()
