"""Small processes that stand in for the services, and a launcher around them.

They are found because the launcher is started in a folder that holds packages of the same names.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("auth_service", "catalog_service", "shop_service", "gateway")
STAND_IN = """
import http.server, json, os, signal, socket, sys, time
name = __package__.removesuffix("_service")
plan = json.loads(open(name + ".json").read()) if os.path.exists(name + ".json") else {}
print(name, "starts", flush=True)
if "exit" in plan:
    print("cannot go on:", plan["why"], flush=True)
    sys.exit(plan["exit"])
if plan.get("deaf"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if plan.get("child"):
    import subprocess
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
time.sleep(plan.get("slow", 0))

class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/die":
            os._exit(3)
        print(name, "answers", self.path, flush=True)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(dict(os.environ) if self.path == "/env" else {}).encode())

    def log_message(self, *ignored):
        pass

class Server(http.server.ThreadingHTTPServer):
    def server_bind(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = self.server_address

Server(("127.0.0.1", int(os.environ[name.upper() + "_PORT"])), Answers).serve_forever()
"""


@dataclass
class Launcher:
    """`python -m deploy.local` as a process, seen from outside."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path
    written: Path

    @property
    def output(self) -> str:
        """All it has written so far."""
        return self.written.read_text()

    def wait_for(self, text: str, *, times: int = 1) -> None:
        """Wait until it has written this."""
        eventually(lambda: self.output.count(text) >= times, lambda: f"{text!r} in:\n{self.output}")

    def ask(self, path: str, *, offset: int = 0) -> dict[str, str]:
        """What the process at PORT + offset answers."""
        address = f"http://127.0.0.1:{self.port + offset}{path}"
        with urllib.request.urlopen(address, timeout=30) as answer:
            told: dict[str, str] = json.load(answer)
        return told

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def left_over(self) -> list[str]:
        """The processes of this run, launcher excepted, that are still there."""
        return [
            f"{one.name} {(one / 'cmdline').read_bytes().decode()}"
            for one in Path("/proc").glob("[0-9]*")
            if _works_in(one, self.folder) and one.name != str(self.process.pid)
        ]

    def must_leave_nobody(self) -> None:
        """Wait until everything it started has ended."""
        eventually(lambda: not self.left_over(), lambda: f"still there: {self.left_over()}")


def launch(folder: Path, port: int, *arguments: str, **plans: dict[str, object]) -> Launcher:
    """Start the launcher over stand-ins; `auth={"slow": 1}` tells one how to behave."""
    for package in PACKAGES:
        (folder / package).mkdir(exist_ok=True)
        (folder / package / "__init__.py").touch()
        (folder / package / "__main__.py").write_text(STAND_IN)
    for name, plan in plans.items():
        (folder / f"{name}.json").write_text(json.dumps(plan))
    command = [sys.executable, "-m", "deploy.local", "--port", str(port), *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    written = folder / f"output-{len(list(folder.glob('output-*')))}"
    with written.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Launcher(process, port, folder, written)


def end(launchers: Sequence[Launcher]) -> None:
    """End launchers that a test has left running, the way that needs no cooperation."""
    for launcher in launchers:
        launcher.process.kill()
        launcher.process.wait()
    for launcher in launchers:
        launcher.must_leave_nobody()


def eventually(holds: Callable[[], bool], otherwise: Callable[[], str], limit: float = 60) -> None:
    """Wait until something holds, or fail and say what was seen instead."""
    deadline = time.monotonic() + limit
    while not holds():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.02)


def _works_in(process: Path, folder: Path) -> bool:
    try:
        alive = "\nState:\tZ" not in (process / "status").read_text()
        return alive and (process / "cwd").readlink() == folder.resolve()
    except OSError:
        return False
