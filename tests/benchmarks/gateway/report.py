"""The figures as tables: on the terminal as they come, and as the reference page."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version

from tests.benchmarks.gateway.races import Row
from tests.benchmarks.whole import cpu

BESIDE = "@fastify/http-proxy"


@dataclass
class Report:
    """Collects, prints, and in the end is a page."""

    load_before: float
    _lines: list[str] = field(default_factory=list)
    _seconds: float = 0.0

    def race(self, connections: int, rows: Sequence[Row]) -> None:
        """Everybody's cost at so many connections."""
        beside = next((row.median("cpu_us") for row in rows if row.name == BESIDE), None)
        lines = [f"## {connections} connections", ""]
        lines += [f"| who | µs CPU a request | to {BESIDE} | requests/s | p50 ms | p99 ms | MB |"]
        lines += ["|---|---|---|---|---|---|---|"]
        for row in rows:
            us = row.median("cpu_us")
            name = f"**{row.name}**" if row.ours else row.name
            share = f"{us / beside:.2f}" if beside else "–"
            lines.append(
                f"| {name} | {us:.0f} | {share} | {row.median('per_s'):.0f} |"
                f" {row.median('p50'):.2f} | {row.median('p99'):.2f} | {row.median('rss_mb'):.0f} |"
            )
        spread = ", ".join(
            f"{row.name} {'/'.join(str(round(each['cpu_us'])) for each in row.rounds)}"
            for row in rows
        )
        self._say([*lines, "", f"µs of every round: {spread}."])

    def finish(self, seconds: float) -> None:
        """How long it took, and on what."""
        self._seconds = seconds
        print(f"\n{self._circumstances()}")

    def text(self) -> str:
        """The page."""
        head = [
            "# What the gateway costs",
            "",
            "Written by `make bench-gateway`: everybody passes the same 1 KB of JSON from the same"
            " origin to the same load, in turn, in processes of their own. CPU is user and system"
            " time of the proxy's processes, and the figure to compare; requests per second and"
            " latencies depend on how the load, the origin and the proxy share the cores. Ours has"
            " all its features on, the access log too; the others only pass on, without a log.",
            "",
            self._circumstances(),
            "",
        ]
        return "\n".join([*head, *self._lines]).rstrip() + "\n"

    def _circumstances(self) -> str:
        names = ("uvicorn", "httptools", "uvloop", "fastapi", "httpx")
        versions = ", ".join(f"{name} {version(name)}" for name in names)
        return (
            f"Measured on {cpu.machine()}, Python {platform.python_version()}, {versions},"
            f" Node {_node()}; took {self._seconds:.0f} s. Other work on the machine (load average"
            f" over a minute, of {os.cpu_count()} cores): {self.load_before:.1f} before,"
            f" {os.getloadavg()[0]:.1f} after, the race itself included."
        )

    def _say(self, lines: list[str]) -> None:
        if self._lines:
            lines = ["", *lines]
        self._lines += lines
        print("\n".join(lines), flush=True)


def _node() -> str:
    node = shutil.which("node")
    if node is None:
        return "none"
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    return said.stdout.strip()
