"""What the workers of all three services need when nothing happens."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx

from tests.benchmarks.whole import cpu
from tests.ports import free_ports

SERVICES = ("auth", "catalog", "shop")
SETTLE = 6.0
PATIENCE = 60.0


def measure(environment: dict[str, str], folder: str, seconds: float) -> dict[str, float]:
    """The share of one core, in percent, of each worker and of all."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("QUINTET_")}
    env |= environment | {"QUINTET_VAR": folder, "QUINTET_LOG_LEVEL": "WARNING"}
    for name in SERVICES:
        _run(name, "migrate", env, folder).wait(60)
    ports = dict(zip(SERVICES, free_ports(len(SERVICES)), strict=True))
    env |= {f"{name.upper()}_WORK_PORT": str(port) for name, port in ports.items()}
    workers = {name: _run(name, "work", env, folder) for name in SERVICES}
    try:
        for port in ports.values():
            _wait_until_ready(port)
        time.sleep(SETTLE)  # the first looks of everything are behind us
        before = {name: cpu.cpu_seconds([each.pid]) for name, each in workers.items()}
        time.sleep(seconds)
        spent = {
            name: (cpu.cpu_seconds([each.pid]) - before[name]) / seconds * 100
            for name, each in workers.items()
        }
        memory, _ = cpu.resident_mb([each.pid for each in workers.values()])
    finally:
        for each in workers.values():
            each.terminate()
        for each in workers.values():
            each.wait(30)
    return {**spent, "all": sum(spent.values()), "resident_mb": memory}


def _wait_until_ready(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(httpx.HTTPError):
            if httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=2).status_code == 200:
                return
        time.sleep(0.2)
    raise AssertionError("a worker did not become ready")


def _run(name: str, command: str, env: dict[str, str], folder: str) -> subprocess.Popen[bytes]:
    log = (Path(folder) / f"{name}-{command}.log").open("ab")
    arguments = [sys.executable, "-m", f"{name}_service", command]
    return subprocess.Popen(arguments, env=env, stdout=log, stderr=log)
