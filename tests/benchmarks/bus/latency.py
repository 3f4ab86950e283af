"""From one service's commit to another's effect, at a steady hundred events a second.

Three processes, as deployed: one writes (as `serve` does), one relays, one consumes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from shared.bus import connect
from shared.ids import new_id
from shared.service import Service
from shared.work import Work
from shared.worker import Worker
from tests.benchmarks.bus import teller
from tests.benchmarks.bus.teller import Bumped

RATE = 100
PATIENCE = 60.0  # seconds for a process to become ready
MARK = "= "


def measure(source: dict[str, str], target: dict[str, str], seconds: float) -> dict[str, float]:
    """p50, p99 and the worst, in milliseconds; `source` and `target` are services' addresses."""
    with ExitStack() as running:
        hearing = running.enter_context(_process("hear", target, seconds))
        _await_line(hearing)
        relaying = running.enter_context(_process("work", source, seconds))
        _await_line(relaying)
        writing = running.enter_context(_process("write", source, seconds))
        commits: dict[str, float] = json.loads(_await_line(writing))
        effects: dict[str, float] = json.loads(_tell(hearing, answers=True))
        _tell(relaying, answers=False)
    lost = set(commits) - set(effects)
    assert not lost, f"{len(lost)} of {len(commits)} events took no effect"
    times = sorted((effects[id_] - at) * 1000 for id_, at in commits.items())
    return {"p50": _at(times, 0.5), "p99": _at(times, 0.99), "max": times[-1], "count": len(times)}


def main() -> None:
    """`python -m tests.benchmarks.bus.latency hear|work|write '{…}' seconds`."""
    addresses = json.loads(sys.argv[2])
    create = teller.create if sys.argv[1] == "hear" else teller.create_speaker
    service = create(**addresses)
    {"hear": hear, "work": work, "write": write}[sys.argv[1]](service, float(sys.argv[3]))
    service.close()


def hear(service: Service, _: float) -> None:
    """Consume, and note when each effect was durable; told to stop, say it."""
    effects: dict[str, float] = {}

    def note(work: Work, event: Bumped) -> None:
        work.session.execute(teller.COUNT_UP, {"of_name": "thing-1", "of_by": event.by})
        work.after_commit(partial(_note, effects, event.name))

    service.handlers = type(service.handlers)()
    service.handlers.on(Bumped)(note)
    worker = _working(service)
    _say("ready")
    sys.stdin.readline()
    time.sleep(1)
    _say(json.dumps(effects))
    worker.stop()


def work(service: Service, _: float) -> None:
    """Relay until told to stop."""
    worker = _working(service)
    _say("ready")
    sys.stdin.readline()
    worker.stop()


def write(service: Service, seconds: float) -> None:
    """Commit an event every hundredth of a second, and note when each was durable."""
    commits: dict[str, float] = {}
    begin = time.perf_counter() + 0.5
    for number in range(int(seconds * RATE)):
        time.sleep(max(0.0, begin + number / RATE - time.perf_counter()))
        name = str(new_id())
        with service.transactions.begin() as work:
            work.publish(Bumped(name=name, version=number + 1))
            work.after_commit(partial(_note, commits, name))
    _say(json.dumps(commits))


def _say(what: str) -> None:
    print(MARK + what, flush=True)  # other lines are the log


def _note(times: dict[str, float], name: str) -> None:
    times[name] = time.time()


def _working(service: Service) -> Worker:
    worker = Worker(service, connect(service.settings.bus_url, client=service.name))
    worker.start()
    deadline = time.monotonic() + PATIENCE
    while problems := worker.problems():
        assert time.monotonic() < deadline, problems
        time.sleep(0.05)
    return worker


def _process(role: str, addresses: dict[str, str], seconds: float) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks.bus.latency",
        role,
        json.dumps(addresses),
        str(seconds),
    ]
    said = Path(addresses["folder"]) / f"{role}.log"
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said.open("w"), text=True
    )


def _await_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(MARK):
            return line.removeprefix(MARK)
    raise AssertionError("a process of the measurement ended by itself")


def _tell(process: subprocess.Popen[str], *, answers: bool) -> str:
    assert process.stdin is not None
    process.stdin.write("stop\n")
    process.stdin.flush()
    return _await_line(process) if answers else ""


def _at(times: Sequence[float], share: float) -> float:
    return times[min(len(times) - 1, int(len(times) * share))]


if __name__ == "__main__":
    main()
