"""The gateway, one process or several, before a patient service, and what can be seen of it."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.proxy.lasting import SPARE_FILES
from tests.ports import free_ports

KIB = 1024
MANY = 10_000
START_SECONDS = 60
LISTENS = "0A"  # in the kernel's table of sockets


@dataclass(frozen=True)
class Rig:
    """A running gateway; several processes share its port."""

    pids: tuple[int, ...]
    port: int

    def rss(self) -> int:
        """Memory of the processes, in bytes."""
        return sum(map(_rss, self.pids))

    def files(self) -> int:
        """Open files, sockets included."""
        return sum(map(_files, self.pids))

    def seconds(self) -> float:
        """CPU time used so far."""
        return sum(map(_seconds, self.pids))


def _rss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * KIB
    raise RuntimeError("The gateway has gone.")


def _files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - one call, no objects


def _seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def most_clients() -> int:
    """How many clients one process can have here, beside those that look at it."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return min(MANY, (files - 2 * SPARE_FILES) // 2)


def allow_many_files() -> None:
    """Raise our own limit as far as we may."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextmanager
def rig(folder: Path, processes: int = 1) -> Iterator[Rig]:
    """A gateway and its service, ended afterwards."""
    allow_many_files()
    service = _start("-m", "tests.benchmarks.crowds.service", stdout=subprocess.PIPE)
    try:
        assert service.stdout is not None
        url = f"http://127.0.0.1:{int(service.stdout.readline())}"
        (port,) = free_ports()
        settings = _settings(folder, url, port) | {"GATEWAY_REUSE_PORT": str(processes > 1)}
        several = [_start("-m", "gateway", "run", settings=settings) for _ in range(processes)]
        try:
            for each in several:
                _wait_for(each.pid, port)
            yield Rig(tuple(each.pid for each in several), port)
        finally:
            for each in several:
                _end(each)
    finally:
        _end(service)


def _settings(folder: Path, url: str, port: int) -> dict[str, str]:
    return {
        "GATEWAY_PORT": str(port),
        "GATEWAY_SHOP_URL": url,
        "GATEWAY_HEAR_EVENTS": "false",
        "GATEWAY_READ_CONTRACTS": "false",
        "GATEWAY_ACCESS_LOG": "false",
        "GATEWAY_PAGE_BODY": str(2 << 30),
        "GATEWAY_TOTAL_TIMEOUT": "900",
        "GATEWAY_EVENT_TIMEOUT": "3600",
        "GATEWAY_WRITE_TIMEOUT": "600",
        "QUINTET_VAR": str(folder),
    }


def _start(
    *words: str, stdout: int = subprocess.DEVNULL, settings: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    environment = os.environ | dict(settings or {})
    return subprocess.Popen([sys.executable, *words], env=environment, stdout=stdout)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait(10)
    if process.stdout is not None:
        process.stdout.close()


def _wait_for(pid: int, port: int) -> None:
    """Wait until this very process listens: the port may be another's already."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if _listens(pid, port):
            return
        time.sleep(0.05)
    raise RuntimeError("The gateway did not start.")


def _listens(pid: int, port: int) -> bool:
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    rows = (line.split() for line in lines)
    inodes = {row[9] for row in rows if row[3] == LISTENS and row[1].endswith(f":{port:04X}")}
    with suppress(OSError):  # a file that is closed just now
        links = (link.readlink().name for link in Path(f"/proc/{pid}/fd").iterdir())
        return any(link.removeprefix("socket:[").removesuffix("]") in inodes for link in links)
    return False
