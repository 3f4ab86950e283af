"""The whole platform as processes, on free ports and databases of its own, for tests to kill."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import httpx
import psycopg
from sqlalchemy import create_engine, make_url, text

from shared.ids import new_id
from shared.testing import ADMIN_URL, STACK
from tests.listening import listening_ports
from tests.ports import free_ports

ROOT = Path(__file__).resolve().parents[2]
AMQP_URL = os.environ.get("QUINTET_TEST_AMQP_URL", "amqp://guest:guest@127.0.0.1/")
SERVICES = ("auth", "catalog", "shop")
PATIENCE = 90.0
ENTRY = re.compile(r"^(?=\d\d:\d\d:\d\d \[)", re.MULTILINE)  # of a log; a trace belongs to it
COMPLAINTS = ("[warning", "[error", "[critical")
COMPLAINTS_KEPT = 15


class Platform:
    """Gateway and services as a newcomer would run them, with their bus and databases."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.code = ROOT  # whose packages the next process runs
        self.tag = f"quintet_system_{os.getpid()}_{new_id().hex[-6:]}"
        self.ports = dict(zip(("gateway", *SERVICES), free_ports(4), strict=True))
        self.url = f"http://127.0.0.1:{self.ports['gateway']}"
        self.database_urls = {name: self._database_url(name) for name in SERVICES}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._logs: dict[str, IO[bytes]] = {}
        self._env = self._environment()

    def start(self, *names: str) -> None:
        """Start these processes (all, if none is named); returns when they are ready."""
        wanted = names or (*SERVICES, "gateway")
        for name in wanted:
            module = "gateway" if name == "gateway" else f"{name}_service"
            if name not in self._logs:
                self._logs[name] = (self.folder / f"{name}.log").open("ab")
            log = self._logs[name]
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", module, "run"],
                cwd=self.code, env=self._env, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        for name in wanted:
            self._wait_until_ready(name)

    def replace(self, name: str) -> None:
        """Restart a process as an operator does: a new one beside it, then the old one leaves.

        A service gets a new port, which it says over the bus; gateways share theirs.
        """
        old = self._processes[name]
        if name != "gateway":
            (self.ports[name],) = free_ports(1)
            self._env[f"{name.upper()}_PORT"] = str(self.ports[name])
        self.start(name)
        self._wait_until_it_listens(name)
        time.sleep(2.0)  # until it is known, and has been asked how it is
        old.terminate()
        assert old.wait(PATIENCE) is not None

    def kill(self, name: str) -> None:
        """kill -9, as the power would."""
        process = self._processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    @property
    def pids(self) -> list[int]:
        """The processes that run now."""
        return [process.pid for process in self._processes.values()]

    def stop_processes(self) -> None:
        """End all processes, politely first; they can be started again."""
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._processes.clear()

    def stop(self) -> None:
        """End everything."""
        self.stop_processes()
        for log in self._logs.values():
            log.close()

    def port_of(self, name: str) -> int:
        """Where a process shows whether it is ready."""
        return self.ports[name]

    def logs(self) -> str:
        """The last lines of every process, for a failure's message."""
        parts = []
        for path in sorted(self.folder.glob("*.log")):
            parts.append(f"--- {path.name}\n" + path.read_text(errors="replace")[-3000:])
        return "\n".join(parts)

    def complaints(self) -> str:
        """What every process warned of and worse, the latest of it."""
        parts = []
        for path in sorted(self.folder.glob("*.log")):
            entries = ENTRY.split(path.read_text(errors="replace"))
            bad = [each.rstrip() for each in entries if each[8:].lstrip().startswith(COMPLAINTS)]
            parts.append("\n".join([f"--- {path.name}", *bad[-COMPLAINTS_KEPT:]]))
        return "\n".join(parts)

    def query(self, service: str, statement: str) -> list[tuple[object, ...]]:
        """Look into a service's database from outside."""
        engine = create_engine(self.database_urls[service])
        try:
            with engine.connect() as connection:
                return [tuple(row) for row in connection.execute(text(statement))]
        finally:
            engine.dispose()

    def manage(self, service: str, *words: str) -> str:
        """Run a service's command, which must succeed; returns what it printed."""
        code, said = self.command(service, *words)
        assert code == 0, said
        return said

    def command(self, service: str, *words: str) -> tuple[int, str]:
        """Run a service's command; returns its exit code and what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", f"{service}_service", *words],
            cwd=self.code, env=self._env, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    @contextmanager
    def servers(self) -> Iterator[None]:
        """Databases and vhost for as long as the context lasts (on the real stack)."""
        if STACK != "real":
            yield
            return
        with psycopg.connect(ADMIN_URL, autocommit=True) as admin:
            for name in SERVICES:
                admin.execute(f'CREATE DATABASE "{self.tag}_{name}"'.encode())
        _rabbitmqctl("add_vhost", self.tag)
        _rabbitmqctl("set_permissions", "-p", self.tag, "guest", ".*", ".*", ".*")
        try:
            yield
        finally:
            _rabbitmqctl("delete_vhost", self.tag)
            with psycopg.connect(ADMIN_URL, autocommit=True) as admin:
                for name in SERVICES:
                    admin.execute(f'DROP DATABASE "{self.tag}_{name}" WITH (FORCE)'.encode())

    def _environment(self) -> dict[str, str]:
        bus = f"{AMQP_URL.rstrip('/')}/{self.tag}" if STACK == "real" else ""
        env = {
            "QUINTET_VAR": str(self.folder),
            "QUINTET_PUBLIC_URL": self.url,
            "QUINTET_JWKS_URL": f"http://127.0.0.1:{self.ports['auth']}/oauth2/jwks",
            "QUINTET_BUS_URL": bus,
            "QUINTET_DEMO": "1",
            "QUINTET_LOG_LEVEL": "INFO",
            "GATEWAY_PORT": str(self.ports["gateway"]),
            "GATEWAY_REUSE_PORT": "1",
            "SHOP_PAYMENT_SECONDS": "4",
        }
        for name in SERVICES:
            env[f"{name.upper()}_PORT"] = str(self.ports[name])
            env[f"{name.upper()}_DATABASE_URL"] = self.database_urls[name]
            env[f"GATEWAY_{name.upper()}_URL"] = f"http://127.0.0.1:{self.ports[name]}"
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("QUINTET_", "GATEWAY_"))}
        return kept | env

    def _database_url(self, name: str) -> str:
        if STACK == "real":
            url = make_url(ADMIN_URL).set(
                drivername="postgresql+psycopg", database=f"{self.tag}_{name}"
            )
            return url.render_as_string(hide_password=False)
        return f"sqlite:///{self.folder}/{name}.db"

    def _wait_until_it_listens(self, name: str) -> None:
        """Wait for this very process: where a port is shared, another may have answered."""
        pid, deadline = self._processes[name].pid, time.monotonic() + PATIENCE
        while self.ports[name] not in listening_ports(pid):
            assert time.monotonic() < deadline, self.logs()
            time.sleep(0.05)

    def _wait_until_ready(self, name: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            process = self._processes[name]
            assert process.poll() is None, f"{name} ended by itself\n{self.logs()}"
            with suppress(httpx.HTTPError):
                if (
                    httpx.get(
                        f"http://127.0.0.1:{self.port_of(name)}/readyz", timeout=30
                    ).status_code
                    == 200
                ):
                    return
            time.sleep(0.05)
        raise AssertionError(f"{name} was not ready after {PATIENCE} s\n{self.logs()}")


def _rabbitmqctl(*words: str) -> None:
    command = shutil.which("rabbitmqctl")
    assert command, "rabbitmqctl is needed to make a virtual host for the test"
    subprocess.run([command, "-q", *words], check=True, capture_output=True, timeout=300)
