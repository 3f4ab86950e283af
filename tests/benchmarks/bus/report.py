"""The figures as tables: on the terminal as they come, and as the reference page."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version

from tests.benchmarks.bus.races import Row
from tests.benchmarks.whole import cpu

TITLES = {
    "publish": "Publishing from memory, confirmed",
    "relay": "From the outbox: read, confirmed, marked",
    "consume": "Consuming: inbox row and effect in one transaction, then acknowledged",
}
EXPLAINED = {
    "publish": "About 1 KB, persistent, mandatory, into a quorum queue. aio-pika and FastStream have"
    " 200 messages on their way at a time, as we; kombu can only wait for each confirm.",
    "relay": "The others read 200 rows with psycopg, send them, and mark them with one statement.",
    "consume": "The others: a transaction for each message with up to 16 at a time (kombu: one),"
    " with psycopg and its pool, and with SQLAlchemy's engine. Ours as it is takes what waits in one"
    " transaction and falls back to one each when something fails; *one by one* is the way of"
    " messages that come singly.",
}


@dataclass
class Report:
    """Collects, prints, and in the end is a page."""

    load_before: float
    full: bool
    _lines: list[str] = field(default_factory=list)
    _seconds: float = 0.0

    def race(self, part: str, rows: Sequence[Row], count: int) -> None:
        """Everybody's cost of one piece of work."""
        best = min(row.median("cpu_us") for row in rows if not row.ours)
        lines = [f"## {TITLES[part]}", "", EXPLAINED[part], ""]
        lines += ["| who | µs CPU a message | to the best of the others | messages/s | MB |"]
        lines += ["|---|---|---|---|---|"]
        for row in rows:
            us = row.median("cpu_us")
            share = f"{us / best:.2f}"
            name = f"**{row.name}**" if row.ours else row.name
            memory = row.median("rss_mb")
            lines.append(
                f"| {name} | {us:.0f} | {share} | {row.median('per_s'):.0f} | {memory:.0f} |"
            )
        self._say(
            [*lines, "", f"{count} messages a round, medians of {len(rows[0].rounds)} rounds."]
        )

    def latency(self, stack: str, found: Mapping[str, float]) -> None:
        """One-way latency."""
        self._head(
            "Latency: the publisher's commit to the effect's, 100 events a second",
            "| stack | p50 ms | p99 ms | worst ms | events |",
        )
        figures = " | ".join(f"{found[each]:.1f}" for each in ("p50", "p99", "max"))
        self._say([f"| {stack} | {figures} | {found['count']:.0f} |"])

    def idle(self, stack: str, found: Mapping[str, float]) -> None:
        """Idle workers."""
        self._head(
            "Idle: the workers of auth, catalog and shop, nothing to do",
            "| stack | auth % | catalog % | shop % | all, % of a core | resident MB |",
        )
        names = ("auth", "catalog", "shop", "all")
        figures = " | ".join(f"{found[each]:.2f}" for each in names)
        self._say([f"| {stack} | {figures} | {found['resident_mb']:.0f} |"])

    def backlog(self, count: int, found: Mapping[str, float], in_order: bool) -> None:
        """An outbox that was full."""
        self._head(
            "The broker was away, and returns",
            "| rows | drained, rows/s | µs CPU a row |"
            " peak memory MB | grown meanwhile by MB | order per aggregate |",
        )
        figures = [found["per_s"], found["cpu_us"], found["rss_mb"], found["grew_mb"]]
        kept = "kept" if in_order else "BROKEN"
        self._say([f"| {count} | {' | '.join(f'{each:.0f}' for each in figures)} | {kept} |"])

    def finish(self, seconds: float) -> None:
        """How long it took, and on what."""
        self._seconds = seconds
        print(f"\n{self._circumstances()}")

    def text(self) -> str:
        """The page."""
        head = [
            "# What the bus costs",
            "",
            "Written by `make bench-bus`: everybody does the same durable work on the same RabbitMQ and"
            " PostgreSQL, in turn, each in a process of its own. CPU is user and system time of that"
            " process, and the figure to compare; messages per second depend on the disk and on"
            " who else uses the machine.",
            "",
            self._circumstances(),
            "",
        ]
        return "\n".join([*head, *self._lines]).rstrip() + "\n"

    def _circumstances(self) -> str:
        names = ("pika", "aio-pika", "kombu", "faststream", "SQLAlchemy", "psycopg")
        versions = ", ".join(f"{name} {version(name)}" for name in names)
        return (
            f"Measured on {cpu.machine()}, Python {platform.python_version()}, {versions}; took"
            f" {self._seconds:.0f} s. Other work on the machine (load average over a minute, of"
            f" {os.cpu_count()} cores): {self.load_before:.1f} before, {os.getloadavg()[0]:.1f} after."
        )

    def _head(self, title: str, columns: str) -> None:
        if f"## {title}" not in self._lines:
            self._say([f"## {title}", "", columns, "|" + "---|" * (columns.count("|") - 1)])

    def _say(self, lines: list[str]) -> None:
        if lines[0].startswith("## ") and self._lines:
            lines = ["", *lines]
        self._lines += lines
        print("\n".join(lines), flush=True)
