"""A RabbitMQ node and a PostgreSQL server of our own, to break without breaking anybody else's."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pika
import psycopg
from pika.exceptions import AMQPError

from tests.ports import free_ports

RABBITMQ = Path("/usr/lib/rabbitmq/bin")
STARTING = 90.0


class CannotBreak(RuntimeError):
    """This fault needs something that this machine does not have; the text says what."""


class Broker:
    """A private RabbitMQ node: own name, ports, data and cookie."""

    def __init__(self, folder: Path) -> None:
        if not (RABBITMQ / "rabbitmq-server").exists():
            raise CannotBreak("RabbitMQ is not installed here.")
        self.port, distribution = free_ports(2)
        self._folder = folder / "broker"
        self._folder.mkdir()
        self.node = f"faults{os.getpid()}@localhost"
        # Every node of the test is our child; nothing is taken from the machine's own broker.
        self._env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._folder),
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_MNESIA_BASE": str(self._folder / "data"),
            "RABBITMQ_LOG_BASE": str(self._folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(self._folder / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._folder / "plugins"),
            "RABBITMQ_PID_FILE": str(self._folder / "pid"),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }
        (self._folder / "plugins").write_text("[].\n")
        (self._folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\nconsumer_timeout = 1800000\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, vhost: str, port: int | None = None) -> str:
        """Where this virtual host is."""
        return f"amqp://guest:guest@127.0.0.1:{port or self.port}/{vhost}"

    def start(self) -> None:
        """Start the node; returns when it takes connections."""
        self._process = subprocess.Popen(
            [RABBITMQ / "rabbitmq-server"], env=self._env, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.wait()

    def wait(self) -> None:
        """Wait until the node takes connections."""
        deadline = time.monotonic() + STARTING
        parameters = pika.URLParameters(self.url("%2F"))
        while time.monotonic() < deadline:
            with suppress(AMQPError, OSError):
                pika.BlockingConnection(parameters).close()
                return
            time.sleep(0.2)
        raise CannotBreak("The private RabbitMQ node did not start.")

    def signal(self, which: signal.Signals) -> None:
        """Stop, continue or kill the whole node."""
        if self._process is not None:
            os.killpg(self._process.pid, which)
            if which == signal.SIGKILL:
                self._process.wait()

    def stop(self) -> None:
        """End the node."""
        if self._process is None or self._process.poll() is not None:
            return
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)

    def ctl(self, *words: str) -> str:
        """Run rabbitmqctl on this node."""
        done = subprocess.run(
            [RABBITMQ / "rabbitmqctl", "-q", "-n", self.node, *words],
            env=self._env, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        if done.returncode:
            raise CannotBreak(f"rabbitmqctl {' '.join(words)}: {done.stderr.strip()[-300:]}")
        return done.stdout

    @contextmanager
    def channel(self, vhost: str) -> Iterator[pika.adapters.blocking_connection.BlockingChannel]:
        """A channel for somebody who meddles."""
        connection = pika.BlockingConnection(pika.URLParameters(self.url(vhost)))
        try:
            yield connection.channel()
        finally:
            with suppress(AMQPError):
                connection.close()


class Postgres:
    """A private PostgreSQL server, as the system user that the package made when we are root."""

    def __init__(self, folder: Path) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        if not found:
            raise CannotBreak("PostgreSQL is not installed here.")
        self._bin = found[-1].parent
        self._folder = folder / "postgres"
        self._folder.mkdir()
        self._as = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self._as:
            shutil.chown(self._folder, "postgres")
        (self.port,) = free_ports(1)
        self.user = "postgres" if self._as else os.environ.get("USER", "postgres")
        self._run("initdb", "-D", "data", "-A", "trust", "--no-sync", "-E", "UTF8", "-U", self.user)

    @property
    def admin_url(self) -> str:
        """Where databases are made."""
        return self.url("postgres")

    def url(self, database: str) -> str:
        """Where this database is."""
        return f"postgresql://{self.user}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = f"-p {self.port} -k {self._folder} -h 127.0.0.1 -c max_connections=300"
        self._run("pg_ctl", "-D", "data", "-w", "-o", options, "-l", "log", "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop: `fast` ends every session, `immediate` is as sudden as a power cut."""
        with suppress(CannotBreak):
            self._run("pg_ctl", "-D", "data", "-w", "-m", mode, "stop")

    def admin(self) -> psycopg.Connection:
        """A superuser's session."""
        return psycopg.connect(self.admin_url, autocommit=True, connect_timeout=5)

    def dump(self, databases: list[str], folder: Path) -> None:
        """Keep what these databases hold, as far as they can still be read."""
        for name in databases:
            with (folder / f"{name}.sql").open("wb") as file:
                subprocess.run(
                    [self._bin / "pg_dump", "-h", "127.0.0.1", "-p", str(self.port), "-U", self.user, name],
                    stdout=file, stderr=subprocess.DEVNULL, timeout=300, check=False,
                )  # fmt: skip

    def _run(self, program: str, *words: str) -> None:
        done = subprocess.run(
            [*self._as, self._bin / program, *words], cwd=self._folder, timeout=300, check=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        if done.returncode:
            raise CannotBreak(f"{program} {' '.join(words)} failed")


class Servers:
    """What the real stack stands on; on the embedded stack, nothing."""

    def __init__(self, folder: Path, stack: str) -> None:
        self.stack = stack
        self.folder = folder
        self.broker = Broker(folder) if stack == "real" else None
        self.postgres = Postgres(folder) if stack == "real" else None

    @contextmanager
    def running(self) -> Iterator[Servers]:
        """For as long as the context lasts."""
        try:
            if self.postgres and self.broker:
                self.postgres.start()
                self.broker.start()
            yield self
        finally:
            if self.postgres and self.broker:
                self.broker.stop()
                self.postgres.stop("immediate")

    @contextmanager
    def small_disk(self, size: str) -> Iterator[Path]:
        """A file system of its own for PostgreSQL; only root can make one."""
        disk = self.folder / "small-disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk], check=True)
        try:
            space = disk / "space"
            space.mkdir()
            shutil.chown(space, "postgres")
            yield space
        finally:
            subprocess.run(["umount", "--lazy", disk], check=True)
            disk.rmdir()
