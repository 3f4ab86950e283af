"""Are our ports free, and if not, who holds them?"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from pathlib import Path

from deploy.local.plan import Part
from deploy.local.refusal import CannotStart

LISTENING = "0A"


def must_be_free(parts: Iterable[Part], suggestion: int) -> None:
    """Refuse to start on a port that somebody else uses, and name them if we can."""
    for part in parts:
        if not is_free(part.port):
            holder = holder_of(part.port)
            raise CannotStart(
                f"Port {part.port} (for {part.name}) is taken"
                + (f" by {holder}" if holder else "")
                + f". Stop that, or use other ports: make run PORT={suggestion}"
            )


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        # As servers do: connections of an earlier run that are still winding down do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def holder_of(port: int) -> str:
    """The process that listens there, as far as /proc tells us; otherwise nothing."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for process in Path("/proc").glob("[0-9]*") if sockets else ():
        try:
            links = {str(link.readlink()) for link in (process / "fd").iterdir()}
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
        except OSError:  # it ended meanwhile, or belongs to another user
            continue
        if links & sockets:
            return f"process {process.name} ({command[:80]})"
    return ""


def _listening_inodes(port: int) -> set[str]:
    found = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        rows = table.read_text().splitlines()[1:] if table.exists() else []
        for row in map(str.split, rows):
            if row[3] == LISTENING and int(row[1].rpartition(":")[2], 16) == port:
                found.add(row[9])
    return found
