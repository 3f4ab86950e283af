"""Where the frames of a WebSocket begin and end; nobody looks inside: RFC 6455, section 5.2."""

from __future__ import annotations

import random

GOING_AWAY = 1001
_CLOSE = 0x8


def close_frame(code: int, *, masked: bool) -> bytes:
    """A close frame; clients mask what they send (section 5.1), servers never do."""
    payload = code.to_bytes(2, "big")
    if not masked:
        return b"\x88\x02" + payload
    mask = random.randbytes(4)
    return b"\x88\x82" + mask + bytes(a ^ b for a, b in zip(payload, mask, strict=False))


class Frames:
    """Follows one direction of a WebSocket: where is the next frame, has it said goodbye?"""

    __slots__ = ("_head", "_left", "closed")

    def __init__(self) -> None:
        self.closed = False  # a close frame has gone by
        self._head = b""  # the beginning of a frame, while its length is not known
        self._left = 0  # bytes of the current frame still to come

    @property
    def between(self) -> bool:
        """Whether a frame could be put in right here."""
        return not self._left and not self._head

    def follow(self, data: bytes) -> int:
        """Take note of what goes by; returns how much of it belongs to the frame at its start."""
        at, first, size = 0, -1, len(data)
        while at < size:
            if self._left:
                step = min(self._left, size - at)
                self._left -= step
                at += step
            else:
                at += self._read_head(data[at : at + 14])
            if first < 0 and self.between:
                first = at
        return size if first < 0 else first

    def _read_head(self, data: bytes) -> int:
        """Read as much of a frame's head as is here; returns how much that was."""
        before = len(self._head)
        head = self._head + data
        needed = _length_of_head(head)
        if len(head) < needed:
            self._head = head
            return len(data)
        self._head = b""
        short = head[1] & 0x7F
        self._left = (
            short if short < 126 else int.from_bytes(head[2 : 4 if short == 126 else 10], "big")
        )
        if head[0] & 0x0F == _CLOSE:
            self.closed = True
        return needed - before


def _length_of_head(head: bytes) -> int:
    if len(head) < 2:
        return 2
    short = head[1] & 0x7F
    return 2 + {126: 2, 127: 8}.get(short, 0) + (4 if head[1] & 0x80 else 0)
