"""A worker whose bus is away ends as soon as it is told to."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.shared.bus.wires import ROOT, eventually

ENDS_WITHIN = 60.0


def test_a_worker_that_tries_to_reach_the_bus_stops_when_told(tmp_path: Path) -> None:
    with an_unused_port() as port, (tmp_path / "log").open("w+") as log:
        environment = {
            **os.environ,
            "QUINTET_VAR": str(tmp_path),
            "QUINTET_BUS_URL": f"amqp://guest:guest@127.0.0.1:{port}/",
            "CATALOG_DATABASE_URL": f"sqlite:///{tmp_path}/catalog.db",
        }
        command = [sys.executable, "-m", "catalog_service"]
        subprocess.run([*command, "migrate"], cwd=ROOT, env=environment, stderr=log, check=True)
        worker = subprocess.Popen(
            [*command, "work"], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
        told = eventually(
            lambda: "no connection" in (tmp_path / "log").read_text(), within=ENDS_WITHIN
        )

        worker.terminate()
        code = worker.wait(ENDS_WITHIN)

    assert told
    assert code == 0


@contextmanager
def an_unused_port() -> Iterator[int]:
    """A port where nobody listens, and nobody will: it is taken, without listening."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
