"""The gateway as a process: its commands, its log, its end."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

import gateway as package
from gateway.proxy.records.accesslog import AccessLog
from gateway.settings import GatewaySettings
from tests.gateway.conftest import Services
from tests.gateway.stage import RunningGateway, Seen, answer, connect, says, wait_until
from tests.listening import listening_ports

Open = Callable[..., RunningGateway]


def command(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gateway", *words],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_table_of_routes_can_be_printed() -> None:
    printed = command("routes", GATEWAY_SHOP_URL="http://shop.internal:80")

    assert printed.returncode == 0
    assert re.search(r"^/api/shop and below +shop +http://shop.internal:80\b", printed.stdout, re.M)
    assert re.search(r"^/healthz +gateway", printed.stdout, re.M)


def test_the_check_fails_when_a_service_is_not_ready(services: Services) -> None:
    services.shop.on("/readyz", says(answer(b"{}", status="503 Not Ready")))
    urls = {f"GATEWAY_{each.name.upper()}_URL": each.url for each in vars(services).values()}

    checked = command("check", **urls)

    assert checked.returncode == 1
    assert "auth: ready" in checked.stdout
    assert "shop: not ready" in checked.stderr


def test_wrong_settings_are_said_in_words() -> None:
    checked = command("check", GATEWAY_TRUSTED_PROXIES="everybody")

    assert checked.returncode == 2
    assert "trusted_proxies" in checked.stderr


def test_the_process_answers_logs_and_stops(services: Services, tmp_path: Path) -> None:
    environment = os.environ | {
        "GATEWAY_PORT": "0",
        "GATEWAY_CATALOG_URL": services.catalog.url,
        "QUINTET_VAR": str(tmp_path),
        "QUINTET_LOG_STYLE": "json",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "gateway", "run"], env=environment, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        lines = (json.loads(line) for line in process.stdout)
        url = next(line["address"] for line in lines if line["event"] == "listening")
        (port,) = listening_ports(process.pid)
        response = httpx.get(f"{url}/products/mug?token=secret", trust_env=False, verify=False)
        process.send_signal(signal.SIGTERM)
        written = [*lines]

    (line,) = [line for line in written if line["event"] == "request"]
    assert url == f"http://127.0.0.1:{port}"
    assert response.status_code == 200
    assert (line["method"], line["path"], line["status"]) == ("GET", "/products/mug", 200)
    assert line["request_id"] == response.headers["x-request-id"]
    assert "secret" not in json.dumps(written)


def test_the_log_says_listening_only_when_that_is_so(services: Services) -> None:
    taken = command("run", GATEWAY_PORT=str(services.shop.port), QUINTET_LOG_STYLE="json")

    assert taken.returncode != 0
    assert '"listening"' not in taken.stdout


def test_streams_do_not_keep_the_process_from_stopping(
    open_gateway: Open, services: Services
) -> None:
    async def script(_: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: x\n\n")
        await reader.read()

    services.shop.on("/cart/events", script)
    gateway = open_gateway(stop_timeout=1)

    with connect(gateway.port) as client:
        client.sendall(b"GET /cart/events HTTP/1.1\r\nhost: a\r\n\r\n")
        head = client.recv(1000)
        gateway.close()
        rest = b"".join(iter(lambda: client.recv(1000), b""))

    assert b"text/event-stream" in head
    assert not rest.endswith(b"0\r\n\r\n")
    wait_until(lambda: services.shop.open == 0)


@pytest.mark.parametrize(
    "path", [b'/a"b', b"/a\\b", b"/caf%C3%A9", "/\u00e9".encode("latin-1"), b"/%s%d"]
)
def test_whatever_the_path_a_line_is_one_json_object(path: bytes) -> None:
    written: list[str] = []
    log = AccessLog("json", written.append)

    log.add("GET", path, 200, 0.001, 10, "shop", "::1", "id")
    log.flush()

    (line,) = "".join(written).splitlines()
    assert json.loads(line)["path"] == path.decode("latin-1")


def test_what_is_vendored_is_what_was_recorded() -> None:
    folder = Path(str(package.__file__)).parent / "static" / "swagger-ui"
    recorded = dict(
        re.findall(r"\| `([^`]+)` \| `([0-9a-f]{64})` \|", (folder / "VENDORED.md").read_text())
    )

    sums = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in recorded}

    assert len(recorded) == 2
    assert sums == recorded


def test_no_secret_need_be_set_to_leave_the_laptop() -> None:
    settings = GatewaySettings(debug=False, host="0.0.0.0")

    assert len(settings.secret_key.get_secret_value()) > 32
