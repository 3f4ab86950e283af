"""`make faults`: many seeded rounds on both stacks, one line each, and a report from the results.

    python -m tests.faults.suite --runs 200 --seed 1 --stack both --only "kill at relay.after_publish"

Results go to var/faults/results.jsonl as they come; what is in there is not run again, so an
interrupted suite goes on where it was. `--fresh` begins anew.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle, groupby
from pathlib import Path
from typing import NamedTuple

from tests.faults import report
from tests.faults.catalogue import scenarios_for
from tests.faults.rig import Rig
from tests.faults.rounds import Result, Scenario, play, settle_in
from tests.faults.servers import Servers
from tests.system.platform import SERVICES

KEPT = Path("var/faults")
ROUNDS_PER_PLATFORM = 12


class Planned(NamedTuple):
    """A round to be played."""

    stack: str
    scenario: Scenario
    seed: int

    @property
    def key(self) -> tuple[str, str, int]:
        """By which a result is recognised."""
        return (self.stack, self.scenario.name, self.seed)


def main() -> None:
    """Play what is asked for; exit 1 if anything did not hold."""
    asked = _arguments()
    KEPT.mkdir(parents=True, exist_ok=True)
    results_file = KEPT / "results.jsonl"
    if asked.fresh:
        results_file.unlink(missing_ok=True)
    done = {(each.stack, each.scenario, each.seed) for each in report.read(results_file)}
    planned = [each for each in plan(asked) if each.key not in done]
    print(f"{len(planned)} rounds to play, {len(done)} are in {results_file}", flush=True)
    failed = 0
    for number, result in enumerate(_play_all(planned), 1):
        with results_file.open("a") as file:
            file.write(json.dumps(result.as_json()) + "\n")
        print(_line(number, len(planned), result), flush=True)
        failed += not result.ok
    if asked.report:
        report.write(results_file)
    sys.exit(1 if failed else 0)


def plan(asked: argparse.Namespace) -> list[Planned]:
    """Rounds for each stack: every scenario in turn, as often as the number of runs allows."""
    stacks = ["embedded", "real"] if asked.stack == "both" else [asked.stack]
    found = []
    for stack in stacks:
        left = {each.name: each.most for each in scenarios_for(stack)}
        chosen = [each for each in scenarios_for(stack) if asked.only in each.name]
        rounds: list[Planned] = []
        wanted = asked.runs // len(stacks) or 1
        for number, scenario in enumerate(cycle(chosen)):
            if len(rounds) >= wanted or number > 50 * wanted:
                break
            if left[scenario.name] > 0 or asked.only:
                left[scenario.name] -= 1
                rounds.append(Planned(stack, scenario, asked.seed + number))
        found += sorted(rounds, key=lambda each: json.dumps(each.scenario.rig))
    return found


def _play_all(planned: list[Planned]) -> Iterator[Result]:
    for stack, rounds in groupby(planned, key=lambda each: each.stack):
        folder = Path(tempfile.mkdtemp(prefix="quintet-faults-"))
        folder.chmod(0o755)  # PostgreSQL runs as a user of its own
        try:
            with Servers(folder, stack).running() as servers:
                for rig_asked, same in groupby(rounds, key=lambda each: each.scenario.rig):
                    yield from _play_on_one_kind(servers, rig_asked, list(same))
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _play_on_one_kind(
    servers: Servers, rig_asked: dict[str, str], rounds: list[Planned]
) -> Iterator[Result]:
    """A platform serves several rounds, until something was broken: the next gets a new one."""
    rig: Rig | None = None
    played = 0
    try:
        for each in rounds:
            if rig is None:
                rig, played = _new_rig(servers, rig_asked), 0
            result = _play_one(rig, each)
            played += 1
            yield result
            if not result.ok or rig.spent or played >= ROUNDS_PER_PLATFORM:
                rig.close()
                rig = None
    finally:
        if rig is not None:
            rig.close()


def _new_rig(servers: Servers, asked: dict[str, str]) -> Rig:
    rig = Rig(servers, servers.folder / f"rig-{time.monotonic_ns()}", **asked)
    try:
        settle_in(rig)
    except BaseException:
        rig.close()
        raise
    return rig


def _play_one(rig: Rig, each: Planned) -> Result:
    try:
        result = play(rig, each.scenario, each.seed, _history_file(each))
    except Exception as error:  # the suite goes on with a fresh platform
        result = Result(each.scenario.name, each.scenario.faults, each.stack, each.seed)
        result.broken = [f"the round itself failed: {error!r}"[:1000]]
    if not result.ok:
        _keep_evidence(rig, each)
    return result


def _history_file(each: Planned) -> Path:
    folder = KEPT / "history"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{each.stack}-{each.scenario.name.replace(' ', '_')}-{each.seed}.jsonl"


def _keep_evidence(rig: Rig, each: Planned) -> None:
    folder = KEPT / "failed" / f"{each.stack}-{each.scenario.name.replace(' ', '_')}-{each.seed}"
    folder.mkdir(parents=True, exist_ok=True)
    for path in [*rig.folder.glob("*.log"), *rig.folder.glob("*.db*")]:
        shutil.copy(path, folder)
    if rig.servers_used.postgres:
        rig.servers_used.postgres.dump([f"{rig.tag}_{name}" for name in SERVICES], folder)


def _line(number: int, of: int, result: Result) -> str:
    said = (
        f"{number}/{of} {result.stack:<8} {result.scenario:<32} seed {result.seed}  "
        f"{result.attempted} attempted, {result.acknowledged} acknowledged, {result.lost} lost, "
        f"{result.duplicated} duplicated, {result.double_applied} double-applied, "
        f"{result.recovered} recovered, drained in {result.drain_seconds} s, "
        f"{result.seconds} s  {'ok' if result.ok else 'BROKEN'}"
    )
    if result.ok:
        return said
    again = f"make faults STACK={result.stack} SEED={result.seed} ONLY='{result.scenario}' RUNS=1"
    return "\n    ".join([said, *result.broken[:6], result.detail, f"again: {again}"])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stack", choices=["embedded", "real", "both"], default="both")
    parser.add_argument("--only", default="", help="part of a scenario's name")
    parser.add_argument("--fresh", action="store_true", help="forget earlier results")
    parser.add_argument("--report", action="store_true", help="write docs/reference/faults.md")
    return parser.parse_args()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))  # so that nothing is left running
    main()
