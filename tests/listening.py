"""Where a process listens, as the kernel tells it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def listening_ports(pid: int) -> set[int]:
    """The TCP ports on which a process listens, from /proc; none before it listens or once gone."""
    sockets, rows = set[str](), list[str]()
    with suppress(FileNotFoundError, ProcessLookupError):
        for each in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed since it was listed
                sockets.add(each.readlink().name)
        rows = Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
    return {
        int(row.split()[1].split(":")[1], 16)
        for row in rows
        if row.split()[3] == "0A" and f"socket:[{row.split()[9]}]" in sockets
    }
