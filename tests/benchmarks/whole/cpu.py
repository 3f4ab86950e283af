"""What processes cost: CPU seconds and resident memory, as the kernel accounts for them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
SERVERS = ("postgres", "beam.smp")


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of these processes and of their ended children."""
    return sum(_ticks(pid) for pid in pids) / TICK


def servers_cpu_seconds() -> float:
    """The same for every PostgreSQL and RabbitMQ process of this machine."""
    return cpu_seconds(pid for pid in _all_pids() if _name(pid) in SERVERS)


def resident_mb(pids: Iterable[int]) -> tuple[float, float]:
    """Resident and proportional memory of these processes, in MB."""
    rss = pss = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:"):
                rss += int(line.split()[1])
            elif line.startswith("Pss:"):
                pss += int(line.split()[1])
    return rss / 1024, pss / 1024


def machine() -> str:
    """The machine in one line."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "unknown processor",
    )
    total = int(Path("/proc/meminfo").read_text().split()[1]) // 1024 // 1024
    return f"{os.cpu_count()} x {model}, {total} GB, Linux {os.uname().release}"


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(int(fields[at]) for at in (11, 12, 13, 14))


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _all_pids() -> list[int]:
    return [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()]
