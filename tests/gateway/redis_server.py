"""A Redis of our own for tests: without a port, stopped by its process id."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as NobodyThere

from tests.gateway.stage import wait_until

SERVER = shutil.which("redis-server")


def need_redis() -> None:
    """Skip the tests of a file where there is no Redis; in CI that is a failure."""
    if SERVER is None and os.environ.get("CI") != "true":
        pytest.skip("redis-server is not installed", allow_module_level=True)


class Server:
    """A Redis without a port, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "redis"
        self.url = f"unix://{self.socket}"
        self.start()

    def start(self) -> None:
        """Start it, empty."""
        assert SERVER, "redis-server must be installed for this test"
        self.process = subprocess.Popen(
            [SERVER, "--port", "0", "--unixsocket", str(self.socket), "--save", ""],
            cwd=self.socket.parent, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        wait_until(self._answers)

    def _answers(self) -> bool:
        try:
            return bool(self.ask("PING"))
        except NobodyThere:
            return False

    def kill(self) -> None:
        """kill -9, even while it is frozen."""
        self.process.kill()
        self.process.wait()
        self.socket.unlink(missing_ok=True)

    def ask(self, *words: str) -> Any:
        """A command from outside."""
        with Redis.from_url(self.url) as redis:
            return redis.execute_command(*words)
