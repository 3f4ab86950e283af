"""The whole platform on servers of its own, in processes that can be killed, stopped and armed."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psycopg
from sqlalchemy import Engine, create_engine, text

from catalog_service.app import create_service as create_catalog
from catalog_service.settings import Settings as CatalogSettings
from catalog_service.usecases.stock import receive_stock
from tests.faults.proxy import Proxy, commit_spotted, publish_spotted
from tests.faults.servers import Servers
from tests.ports import free_ports
from tests.system.platform import SERVICES, Platform

PLENTY = 8  # products of which there is more than anybody wants
DELIVERED = 100_000

# Every process by its name: which service, which command. A second worker is just another name.
ROLES = {
    "auth": ("auth", "run"),
    "catalog": ("catalog", "run"),
    "shop": ("shop", "serve"),
    "shop-work": ("shop", "work"),
    "gateway": ("gateway", "run"),
    "catalog-work-2": ("catalog", "work"),
    "shop-work-2": ("shop", "work"),
    "shop-work-3": ("shop", "work"),
    "catalog-work-3": ("catalog", "work"),
    "shop-2": ("shop", "serve"),
}
USUAL = ("auth", "catalog", "shop", "shop-work", "gateway")
BUS_SIDE = ("catalog", "shop-work")
OWN_PORT = ("shop-2",)
WINDOWS = ("shop-work",)  # workers that show their health and figures


class Rig(Platform):
    """One platform with empty books, and everything that a fault needs to get at."""

    def __init__(
        self,
        servers: Servers,
        folder: Path,
        *,
        proxied: str = "",
        heartbeat: str = "",
        lease: str = "",
    ) -> None:
        folder.mkdir(parents=True)
        self.servers_used = servers
        self.stack = servers.stack
        self.bus_proxy: Proxy | None = None
        self.database_proxy: Proxy | None = None
        if proxied == "bus" and servers.broker:
            self.bus_proxy = Proxy(servers.broker.port, publish_spotted)
        if proxied == "database" and servers.postgres:
            self.database_proxy = Proxy(servers.postgres.port, commit_spotted)
        self._heartbeat, self._lease = heartbeat, lease
        super().__init__(folder)
        self.ports["shop-2"] = free_ports(1)[0]
        self.work_ports = dict(zip(WINDOWS, free_ports(len(WINDOWS)), strict=True))
        self.vhost = self.tag
        self.engines: dict[str, Engine] = {}
        self.plenty: list[str] = []
        self.rare: list[str] = []
        self.said_before: frozenset[str] = frozenset()  # what was said until all was set up
        self.spent = False  # True: no longer what it was, so the next round gets another

    # Making and ending it.

    def open(self) -> None:
        """Make databases and virtual host, start every process, fill the shelves."""
        self._make_room()
        self.start("auth", "catalog")
        self.manage("shop", "migrate")
        self.start("shop", "shop-work", "gateway")
        self.engines = {name: create_engine(self._direct_url(name), pool_pre_ping=True) for name in SERVICES}  # fmt: skip
        self._fill_shelves()

    def close(self) -> None:
        """End everything, whatever state it is in."""
        for name in list(self._processes):
            with suppress(ProcessLookupError):
                os.killpg(self._processes[name].pid, signal.SIGCONT)
        for name in list(self._processes):
            self.kill(name)
        self.stop()
        for engine in self.engines.values():
            engine.dispose()
        for proxy in (self.bus_proxy, self.database_proxy):
            if proxy:
                proxy.close()
        self._leave_room()

    def kill(self, name: str) -> None:
        """kill -9, or bury what is dead already."""
        process = self._processes.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def start_armed(self, name: str, failpoints: str) -> None:
        """Kill a process and start it with fail points; it may die before it is ever ready."""
        self.kill(name)
        self._spawn(name, {"QUINTET_FAILPOINTS": failpoints})

    def start(self, *names: str, **env: str) -> None:
        """Start these processes, with more in their environment; returns when they are ready."""
        for name in names:
            self._spawn(name, env)
        for name in names:
            if ROLES[name][1] != "work" or name in WINDOWS:
                self._wait_until_ready(name)

    def _spawn(self, name: str, env: dict[str, str]) -> None:
        service, command = ROLES[name]
        module = "gateway" if service == "gateway" else f"{service}_service"
        if name not in self._logs:
            self._logs[name] = (self.folder / f"{name}.log").open("ab")
        own = {f"{service.upper()}_PORT": str(self.ports[name])} if name in OWN_PORT else {}
        if name in WINDOWS:
            own = {f"{service.upper()}_WORK_PORT": str(self.work_ports[name])}
        self._processes[name] = subprocess.Popen(
            [sys.executable, "-m", module, command], cwd=self.code, env=self._env | own | env,
            stdout=self._logs[name], stderr=self._logs[name], start_new_session=True,
        )  # fmt: skip

    # Breaking it.

    def signal(self, name: str, which: signal.Signals) -> None:
        """Send a signal to a process and its children."""
        os.killpg(self._processes[name].pid, which)

    def is_up(self, name: str) -> bool:
        """Whether the process runs."""
        process = self._processes.get(name)
        return process is not None and process.poll() is None

    def restart(self, name: str, **env: str) -> None:
        """kill -9, then start again."""
        self.kill(name)
        self.start(name, **env)

    def end_politely(self, name: str, patience: float = 25.0) -> float | None:
        """SIGTERM; the exit code must be 0. None when it did not end in time."""
        process = self._processes.pop(name)
        process.terminate()
        try:
            return process.wait(patience)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return None

    def why_not_ready(self, name: str) -> str:
        """What its readiness says, empty when it is ready."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port_of(name), timeout=10)
        try:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            return "" if answer.status == 200 else answer.read().decode()
        except OSError as error:
            return repr(error)
        finally:
            connection.close()

    def bury(self) -> list[str]:
        """The processes that ended by themselves; they are forgotten here."""
        dead = [name for name, process in self._processes.items() if process.poll() is not None]
        for name in dead:
            self._processes.pop(name)
        return dead

    @property
    def bus_url(self) -> str:
        """The bus, past every proxy."""
        broker = self.servers_used.broker
        return broker.url(self.tag) if broker else f"embedded:{self.folder}/bus.db"

    def port_of(self, name: str) -> int:
        """Where a process shows whether it is ready."""
        return self.work_ports.get(name) or self.ports[name]

    def all_pids(self) -> list[tuple[str, int]]:
        """Every process by its name."""
        return sorted((name, process.pid) for name, process in self._processes.items())

    def pid(self, name: str) -> int:
        """The number of a process."""
        return self._processes[name].pid

    def rows(self, service: str, statement: str, **values: object) -> list[tuple[object, ...]]:
        """Look into a service's database, past every proxy."""
        with self.engines[service].connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement), values)]

    def administrator(self, service: str) -> psycopg.Connection:
        """A superuser's session in a service's database, on PostgreSQL."""
        postgres = self.servers_used.postgres
        assert postgres is not None
        return psycopg.connect(postgres.url(f"{self.tag}_{service}"), autocommit=True)

    # How it stands on its servers.

    def _environment(self) -> dict[str, str]:
        env = super()._environment()
        broker = self.servers_used.broker
        if broker:
            port = self.bus_proxy.port if self.bus_proxy else broker.port
            query = f"?heartbeat={self._heartbeat}" if self._heartbeat else ""
            env["QUINTET_BUS_URL"] = broker.url(self.tag, port) + query
        elif self._lease:
            env["QUINTET_BUS_URL"] = f"embedded:{self.folder}/bus.db?lease={self._lease}"
        if self._lease:
            env["QUINTET_DATABASE_IDLE_SECONDS"] = self._lease
        env["SHOP_PAYMENT_SECONDS"] = "2"
        env["SHOP_PAYMENT_LEASE_SECONDS"] = "2"
        return env

    def _database_url(self, name: str) -> str:
        if self.stack != "real":
            return f"sqlite:///{self.folder}/{name}.db"
        postgres = self.servers_used.postgres
        assert postgres is not None
        port = self.database_proxy.port if self.database_proxy else postgres.port
        return f"postgresql+psycopg://{postgres.user}@127.0.0.1:{port}/{self.tag}_{name}"

    def _direct_url(self, name: str) -> str:
        postgres = self.servers_used.postgres
        if postgres is None:
            return self.database_urls[name]
        return f"postgresql+psycopg://{postgres.user}@127.0.0.1:{postgres.port}/{self.tag}_{name}"

    def _make_room(self) -> None:
        broker, postgres = self.servers_used.broker, self.servers_used.postgres
        if broker is None or postgres is None:
            return
        with postgres.admin() as admin:
            for name in SERVICES:
                admin.execute(f'CREATE DATABASE "{self.tag}_{name}"'.encode())
        broker.ctl("add_vhost", self.tag)
        broker.ctl("set_permissions", "-p", self.tag, "guest", ".*", ".*", ".*")

    def _leave_room(self) -> None:
        broker, postgres = self.servers_used.broker, self.servers_used.postgres
        if broker and postgres:
            broker.ctl("delete_vhost", self.tag)
            with postgres.admin() as admin:
                for name in SERVICES:
                    admin.execute(f'DROP DATABASE "{self.tag}_{name}" WITH (FORCE)'.encode())
        shutil.rmtree(self.folder, ignore_errors=True)

    def _fill_shelves(self) -> None:
        shelves = self.rows("catalog", "SELECT sku FROM shelves WHERE on_hand > 0 ORDER BY sku")
        skus = [str(sku) for (sku,) in shelves]
        self.plenty, self.rare = skus[:PLENTY], skus[PLENTY:]
        catalog = create_catalog(
            CatalogSettings(database_url=self._direct_url("catalog"), var=self.folder, _env_file=None)
        )  # fmt: skip
        with catalog.transactions.begin() as work:
            for sku in self.plenty:
                receive_stock(work, sku, DELIVERED, note="for the test", by="rig")
        catalog.close()
