"""docs/reference/faults.md, made from the results of a suite.

    python -m tests.faults.report "With the gateway rebuilt" "On a busy machine." results.jsonl

adds a section with its own figures to the page, or makes it anew; the rest stays what it was.
"""

from __future__ import annotations

import json
import platform
import shutil
import sqlite3
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import pika

from tests.benchmarks.whole.cpu import machine
from tests.faults.rounds import DRAINED_WITHIN, Result

PAGE = Path("docs/reference/faults.md")
STACKS = {"embedded": "SQLite files, bus in a file", "real": "PostgreSQL and RabbitMQ"}
INTRO = """# What faults do to orders

Made by `make faults` from its own results. Every run plays {orders} seeded orders by six shoppers at once against the whole
platform (gateway, services, workers, bus and databases as processes), breaks something meanwhile, waits until everything is
at rest, and then reads the databases and the queues: not one word of the services is believed.

*Attempted*: orders that somebody set out to place. *Acknowledged*: answered with an order number. *Refused*: the goods were
sold out. *Lost*: acknowledged orders or written events that are nowhere. *Duplicated*: deliveries that came again and were
recognised. *Double-applied*: effects that happened twice. *Recovered*: orders that exist although their shopper got no
answer. *Drained*: from the end of fault and shopping until every invariant held; more than {limit:.0f} s is a failure.
"""
INVARIANTS = """## What is checked after every run

| | |
|---|---|
| I1 | every event in an outbox is once in the inbox of every subscriber, and nothing else is |
| I2 | every order made each move once, every shelf moved once for each cause |
| I3 | shelves equal the sum of their movements, are never negative, hold nothing for nobody, and gave away what confirmed orders say |
| I4 | confirmed orders keep exactly their total, all others nothing; the bank's books say the same |
| I5 | every checkout has ended |
| I6 | every acknowledged order exists, one for each key, and has one end |
| I7 | every consumer heard each aggregate in the order in which it was said (unless the fault is disorder itself) |
| I8 | nothing is unsent or parked; dead letters are exactly the poison that was poured |
| I9 | the shop's copy of the offer equals the offer |
| I10 | queues are empty, and have the consumers they should have |
| I11 | no process gained threads, files or memory without end; no session sits in a transaction or waits for a lock |
| I12 | every event's cause exists, and belongs to the same story and trace |

The checker is itself tested with falsified books (`tests/faults/test_checker.py`).
"""


def read(path: Path) -> list[Result]:
    """The results so far."""
    if not path.exists():
        return []
    return [Result(**json.loads(line)) for line in path.read_text().splitlines() if line]


def write(path: Path) -> None:
    """Write the page anew."""
    PAGE.write_text(page(read(path)))


def page(results: list[Result]) -> str:
    """The page for these results."""
    most = max((each.attempted for each in results), default=0)
    parts = [INTRO.format(orders=most, limit=DRAINED_WITHIN), _summary(results)]
    for stack, mine in _stacks(results):
        parts.append(f"## {STACKS[stack][0].upper()}{STACKS[stack][1:]}\n\n{_by_scenario(mine)}")
    parts += [_broken(results), INVARIANTS]
    return "\n".join(part for part in parts if part)


def add_section(title: str, note: str, results: list[Result], to: str) -> str:
    """The page with a section of this title, and only one, before what is checked."""
    results = sorted(results, key=lambda each: each.stack)
    tables = [_summary(results)]
    for stack, mine in _stacks(results):
        tables.append(f"### {title}: {STACKS[stack]}\n\n{_by_scenario(mine)}")
    bad = _broken(results).replace("## ", "### ", 1)
    section = "\n".join([f"## {title}\n\n{note}\n", *tables, *([bad] if bad else [])])
    before, found, after = to.partition(INVARIANTS.partition("\n")[0])
    assert found, "the page does not say what is checked"
    kept = before.partition(f"## {title}\n")[0]
    return f"{kept}{section}\n{found}{after}"


def _stacks(results: list[Result]) -> Iterator[tuple[str, list[Result]]]:
    for stack in STACKS:
        mine = [each for each in results if each.stack == stack]
        if mine:
            yield stack, mine


def _summary(results: list[Result]) -> str:
    lines = [
        f"{machine()}; {_versions()}.\n",
        "| stack | runs | attempted | acknowledged | refused | lost | duplicated | double-applied | recovered | drained, s: median / most | held |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    groups: dict[str, list[Result]] = defaultdict(list)
    for each in results:
        groups[each.stack].append(each)
    for stack, mine in groups.items():
        held = sum(each.ok for each in mine)
        lines.append(f"| {stack} | {len(mine)} | {_figures(mine)} | {held} of {len(mine)} |")
    if len(groups) > 1:
        held = sum(each.ok for each in results)
        lines.append(
            f"| **both** | {len(results)} | {_figures(results)} | {held} of {len(results)} |"
        )
    return "\n".join(lines) + "\n"


def _by_scenario(results: list[Result]) -> str:
    lines = [
        "| fault | no. | runs | attempted | acknowledged | refused | lost | duplicated | double-applied | recovered | drained, s: median / most | seeds |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    groups: dict[str, list[Result]] = defaultdict(list)
    for each in results:
        groups[each.scenario].append(each)
    for name, mine in sorted(groups.items(), key=lambda item: (tuple(item[1][0].faults), item[0])):
        numbers = ", ".join(str(number) for number in mine[0].faults)
        seeds = sorted(each.seed for each in mine)
        said = f"{seeds[0]}–{seeds[-1]}" if len(seeds) > 1 else str(seeds[0])
        lines.append(f"| {name} | {numbers} | {len(mine)} | {_figures(mine)} | {said} |")
    return "\n".join(lines) + "\n"


def _figures(results: Iterable[Result]) -> str:
    mine = list(results)
    names = (
        "attempted",
        "acknowledged",
        "refused",
        "lost",
        "duplicated",
        "double_applied",
        "recovered",
    )
    sums = [f"{sum(getattr(each, name) for each in mine):,}" for name in names]
    drains = [each.drain_seconds for each in mine]
    return " | ".join([*sums, f"{statistics.median(drains):.1f} / {max(drains):.1f}"])


def _broken(results: list[Result]) -> str:
    bad = [each for each in results if not each.ok]
    if not bad:
        return ""
    lines = ["## Runs in which something did not hold\n"]
    for each in bad:
        again = f"make faults STACK={each.stack} SEED={each.seed} ONLY='{each.scenario}' RUNS=1"
        lines.append(
            f"- **{each.scenario}** ({each.detail}): {'; '.join(each.broken[:3])}. `{again}`"
        )
    return "\n".join(lines) + "\n"


def _versions() -> str:
    postgres = sorted(
        path.parent.parent.name for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")
    )
    found = [
        f"CPython {platform.python_version()}",
        f"SQLite {sqlite3.sqlite_version}",
        f"PostgreSQL {postgres[-1]}" if postgres else "",
        f"RabbitMQ {_rabbitmq()}",
        f"pika {pika.__version__}",
    ]
    return ", ".join(each for each in found if each)


def _rabbitmq() -> str:
    command = shutil.which("rabbitmqctl")
    if command is None:
        return "absent"
    said = subprocess.run([command, "version"], capture_output=True, text=True, check=False)
    return said.stdout.strip()


if __name__ == "__main__":
    _, name, said, *files = sys.argv
    held = [each for file in files for each in read(Path(file))]
    PAGE.write_text(add_section(name, said, held, to=PAGE.read_text()))
