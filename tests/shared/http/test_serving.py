"""The end of a process that serves: it tells, goes on for a moment, and only then closes the door."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.ports import free_ports
from tests.shared.bus.wires import eventually

DRAIN = 1.0


@contextmanager
def catalog(folder: Path, **more: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The catalog as a process, with its worker in it."""
    (port,) = free_ports()
    environment = {
        "QUINTET_VAR": str(folder), "CATALOG_PORT": str(port), "CATALOG_DRAIN_SECONDS": str(DRAIN),
    }  # fmt: skip
    command = [sys.executable, "-m", "catalog_service", "run"]
    process = subprocess.Popen(
        command, env=os.environ | environment | more, stdout=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        assert eventually(lambda: status(url, "/readyz") == 200, within=60)
        yield process, url
    finally:
        process.kill()
        process.wait()


def status(url: str, path: str) -> int:
    try:
        return httpx.get(url + path, trust_env=False, timeout=30.0).status_code
    except httpx.TransportError:
        return 0


def test_whoever_is_told_to_stop_goes_on_for_a_moment(tmp_path: Path) -> None:
    with catalog(tmp_path) as (process, _):
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()

        assert process.wait(60) == 0
        assert time.monotonic() - began >= DRAIN


def test_meanwhile_it_says_so_and_serves_until_a_second_signal_ends_it_at_once(
    tmp_path: Path,
) -> None:
    with catalog(tmp_path, CATALOG_DRAIN_SECONDS="60") as (process, url):
        process.send_signal(signal.SIGTERM)
        assert eventually(lambda: status(url, "/readyz") == 503)
        assert status(url, "/api/catalog/v1/products") == 200
        process.send_signal(signal.SIGTERM)

        assert process.wait(60) == 0
