"""What the launcher shows: progress, then everybody's log lines with the name in front."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from typing import TextIO

COLOURS = {"auth": 35, "catalog": 36, "shop": 33, "gateway": 34}
GREEN, RED, YELLOW, GREY = 32, 31, 33, 90
WIDTH = 7  # of the longest name


class Console:
    """Writes for a person; in colour only on a terminal, and never when NO_COLOR is set."""

    def __init__(self, stream: TextIO, environment: Mapping[str, str] = os.environ) -> None:
        self._stream = stream
        self._coloured = stream.isatty() and not environment.get("NO_COLOR")

    def step(self, text: str) -> None:
        """Something begins or goes on."""
        self._write(f"{self._paint('·', GREY)} {text}")

    def done(self, text: str) -> None:
        """Something succeeded."""
        self._write(f"{self._paint('✓', GREEN)} {text}")

    def warn(self, text: str) -> None:
        """Something went wrong, and we go on."""
        self._write(f"{self._paint('!', YELLOW)} {text}")

    def fail(self, text: str) -> None:
        """Something went wrong, and we do not."""
        self._write(f"{self._paint('✗', RED)} {text}")

    def log(self, name: str, line: str) -> None:
        """One line that a process wrote."""
        self._write(f"{self._paint(f'{name:<{WIDTH}} |', COLOURS.get(name, GREY))} {line}")

    def box(self, lines: Sequence[str]) -> None:
        """A few lines that must not be overlooked."""
        width = max(map(len, lines))
        self._write(f"╭{'─' * (width + 2)}╮")
        for line in lines:
            self._write(f"│ {line:<{width}} │")
        self._write(f"╰{'─' * (width + 2)}╯")

    def _paint(self, text: str, colour: int) -> str:
        return f"\033[{colour}m{text}\033[0m" if self._coloured else text

    def _write(self, line: str) -> None:
        # A terminal that was closed must not keep us from stopping the services in order.
        with contextlib.suppress(OSError, ValueError):
            print(line, file=self._stream, flush=True)
