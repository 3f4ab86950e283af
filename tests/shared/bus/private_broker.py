"""A RabbitMQ of our own, to be stopped, frozen, starved and killed at will.

Its name, ports, port mapper, cookie and data are nobody else's, so the broker of the machine never
hears of it. Starting takes some ten seconds: use one per session, or per slow test.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from tests.ports import free_ports

SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # the one on the PATH changes the user
STARTS_WITHIN = 60.0
PLENTY_OF_DISK = 1 << 50  # more free bytes than any disk has
LITTLE_DISK = 50_000_000


class PrivateBroker:
    """One node. `url` leads to it; the rest are the faults that can be done to it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port, distribution, mapper = free_ports(3)
        self._mapper_port = mapper
        self.url = f"amqp://guest:guest@127.0.0.1:{self._port}/%2F"
        self._processes: list[subprocess.Popen[bytes]] = []
        self._environment = _environment(folder, self._port, distribution, mapper)

    def start(self) -> None:
        """Start, or start again with what was kept; returns when clients are served."""
        if not self._processes:
            mapper = ["epmd", "-port", str(self._mapper_port), "-address", "127.0.0.1"]
            self._spawn(mapper)
        self._spawn([str(SERVER)])
        deadline = time.monotonic() + STARTS_WITHIN
        while not self._answers():
            if time.monotonic() > deadline or self._processes[-1].poll() is not None:
                raise RuntimeError(f"the private broker did not start; see {self._folder}/log")
            time.sleep(0.2)

    def ctl(self, *arguments: str) -> str:
        """Ask the operator's tool of this node."""
        done = subprocess.run(
            [str(SERVER.with_name("rabbitmqctl")), "-q", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"rabbitmqctl {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def kill(self) -> None:
        """The node dies without a word (kill -9). `start` brings it back."""
        os.kill(self._pid(), signal.SIGKILL)
        self._processes.pop().wait(10)

    def freeze(self) -> None:
        """The node stands still, its sockets stay open (SIGSTOP)."""
        os.kill(self._pid(), signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on (SIGCONT)."""
        os.kill(self._pid(), signal.SIGCONT)

    def stop_app(self) -> None:
        """The broker stops in good order, the node stays."""
        self.ctl("stop_app")

    def start_app(self) -> None:
        """The broker starts again."""
        self.ctl("start_app")

    def memory_alarm(self, *, on: bool) -> None:
        """Publishers are blocked, for want of memory."""
        self.ctl("set_vm_memory_high_watermark", "0" if on else "0.6")

    def disk_alarm(self, *, on: bool) -> None:
        """Publishers are blocked, for want of disk."""
        self.ctl("set_disk_free_limit", str(PLENTY_OF_DISK if on else LITTLE_DISK))

    def listeners(self, *, on: bool) -> None:
        """New connections are taken or refused; those that are open stay."""
        expression = "resume" if on else "suspend"
        self.ctl("eval", f"rabbit_maintenance:{expression}_all_client_listeners().")

    def close_connections(self) -> None:
        """Every client is thrown out."""
        self.ctl("close_all_connections", "a test")

    def close_connection(self, name: str) -> None:
        """The client that calls itself so is thrown out."""
        for row in self.ctl("list_connections", "pid", "client_properties").splitlines():
            pid, _, properties = row.partition("\t")
            if f'"{name}"' in properties:
                self.ctl("close_connection", pid, "a test")

    def delete_queue(self, name: str) -> None:
        """A queue goes away with all it holds."""
        self.ctl("delete_queue", name)

    def consumers(self, queue: str) -> int:
        """How many consumers the broker counts on a queue; -1 when the queue is not there."""
        return self._count("consumers", queue)

    def messages(self, queue: str) -> int:
        """How many messages a queue holds, handed out or not; -1 when it is not there."""
        return self._count("messages", queue)

    def close(self) -> None:
        """End the node and its port mapper; the last of its processes first."""
        while self._processes:
            process = self._processes.pop()
            if self._processes and process.poll() is None:
                self.thaw()
                os.kill(self._pid(), signal.SIGKILL)
            elif process.poll() is None:
                process.kill()
            process.wait(10)

    def _count(self, what: str, queue: str) -> int:
        rows = [row.split("\t") for row in self.ctl("list_queues", "name", what).splitlines()]
        found = [row[1] for row in rows if row[0] == queue]
        return int(found[0]) if found else -1

    def _spawn(self, command: list[str]) -> None:
        with (self._folder / "log").open("ab") as log:
            self._processes.append(
                subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)
            )

    def _pid(self) -> int:
        return int((self._folder / "pid").read_text())

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._port), 1) as connection:
                connection.sendall(b"AMQP\x00\x00\x09\x01")
                connection.settimeout(5)
                return bool(connection.recv(1))
        except OSError:
            return False


@contextmanager
def private_broker() -> Iterator[PrivateBroker]:
    """A broker that is started now and gone afterwards; skips where RabbitMQ is not installed."""
    if not SERVER.exists() or shutil.which("epmd") is None:
        missing = f"no RabbitMQ to start: {SERVER} is missing"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    with tempfile.TemporaryDirectory(prefix="quintet-rabbit-", ignore_cleanup_errors=True) as name:
        broker = PrivateBroker(Path(name))
        try:
            broker.start()
            yield broker
        finally:
            broker.close()


def _environment(folder: Path, port: int, distribution: int, mapper: int) -> dict[str, str]:
    """What makes the node ours, and nothing of what makes the machine's broker what it is."""
    (folder / ".erlang.cookie").write_text(uuid4().hex)
    (folder / ".erlang.cookie").chmod(0o400)
    (folder / "plugins").write_text("[].\n")
    (folder / "rabbitmq.conf").write_text(
        f"listeners.tcp.default = 127.0.0.1:{port}\n"
        "vm_memory_high_watermark.relative = 0.6\n"
        f"disk_free_limit.absolute = {LITTLE_DISK}\n"
        "log.console = false\n"
    )
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "ERL_EPMD_PORT": str(mapper),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"quintet-{uuid4().hex[:8]}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "config"),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "logs"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+sbwt none +sbwtdcpu none +sbwtdio none",
    }
