"""A change of the routes file is in force soon, at once for all, and at nobody's expense."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from gateway.proxy.routing import keeper
from tests.gateway.conftest import Services
from tests.gateway.stage import RunningGateway, Seen, get, says, tell, wait_until
from tests.gateway.stage import answer as plain
from tests.listening import listening_ports

Open = Callable[..., RunningGateway]

HEAD = '[[routes]]\nprefix = "/"\nservice = "catalog"\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "routes.toml"
    path.write_text(HEAD)
    return path


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "LOOK_EVERY", 0.02)


@pytest.fixture
def reloading(open_gateway: Open, file: Path) -> RunningGateway:
    return open_gateway(routes_file=file)


def routed(path: str, service: str) -> str:
    return f'{HEAD}[[routes]]\nprefix = "{path}"\nservice = "{service}"\n'


def served(services: Services, url: str) -> str:
    """Which service gets a request."""
    before = {name: len(each.seen) for name, each in vars(services).items()}
    assert get(url).status_code == 200
    [name] = [name for name, each in vars(services).items() if len(each.seen) > before[name]]
    return name


def test_a_new_route_is_in_force_without_a_restart(
    reloading: RunningGateway, services: Services, file: Path
) -> None:
    url = f"{reloading.url}/new/x"
    assert served(services, url) == "catalog"

    file.write_text(routed("/new", "shop"))

    wait_until(lambda: served(services, url) == "shop")


def test_a_bad_file_changes_nothing_and_is_told(
    reloading: RunningGateway, services: Services, file: Path
) -> None:
    routes = reloading.app.reach.keeper
    file.write_text(routed("/new", "nobody"))

    wait_until(lambda: routes.problems)

    assert served(services, f"{reloading.url}/new") == "catalog"
    assert [each.line for each in routes.problems] == [6]
    told = routes.described()
    assert (told["loaded"], told["refused"]) == (1, 1)
    assert "nobody" in told["problems"][0]["reason"]
    figures = {name: value for name, _, _, _, value in routes.samples()}
    assert (figures["routes_loaded_total"], figures["routes_refused_total"]) == (1, 1)


def test_a_file_that_vanishes_changes_nothing_and_its_return_is_noticed(
    reloading: RunningGateway, services: Services, file: Path
) -> None:
    routes = reloading.app.reach.keeper
    file.unlink()
    wait_until(lambda: routes.problems)
    assert served(services, f"{reloading.url}/new") == "catalog"

    file.write_text(routed("/new", "shop"))

    wait_until(lambda: not routes.problems)
    assert served(services, f"{reloading.url}/new") == "shop"


def test_no_request_fails_while_routes_and_clusters_come_and_go(
    reloading: RunningGateway, services: Services, file: Path
) -> None:
    beta = f'[services.beta]\nurls = ["{services.shop.url}"]\n'
    files = [HEAD, beta + routed("/new", "beta"), routed("/new", "auth"), "what?", HEAD]
    failed: list[int] = []
    stop = threading.Event()

    def hammer() -> None:
        with httpx.Client(base_url=reloading.url, trust_env=False, verify=False) as client:
            while not stop.is_set():
                status = client.get("/new/x").status_code
                if status != 200:
                    failed.append(status)

    hammers = [threading.Thread(target=hammer) for _ in range(3)]
    for each in hammers:
        each.start()
    routes = reloading.app.reach.keeper
    for number in range(25):
        seen = routes.taken + routes.refused
        text = files[number % len(files)]
        file.write_text(f"# {number}\n{text}")
        wait_until(lambda: routes.taken + routes.refused > seen)  # noqa: B023
    stop.set()
    for each in hammers:
        each.join()

    assert failed == []
    assert all(each.seen for each in (services.auth, services.catalog, services.shop))


def test_a_request_under_way_keeps_its_route_and_its_replica(
    reloading: RunningGateway, services: Services, file: Path
) -> None:
    async def slow(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not go_on.is_set():
            await asyncio.sleep(0.01)
        await tell(seen, reader, writer)

    go_on = threading.Event()
    services.shop.on("/new", slow)
    beta = f'[services.beta]\nurls = ["{services.shop.url}"]\n'
    file.write_text(beta + routed("/new", "beta"))
    routes = reloading.app.reach.keeper
    wait_until(lambda: routes.taken == 2)
    answers: list[httpx.Response] = []
    asking = threading.Thread(target=lambda: answers.append(get(f"{reloading.url}/new")))
    asking.start()
    wait_until(lambda: services.shop.seen)

    file.write_text(HEAD)
    wait_until(lambda: routes.taken == 3)
    go_on.set()
    asking.join()

    assert answers[0].status_code == 200
    assert served(services, f"{reloading.url}/new") == "catalog"


def test_an_own_limit_on_bodies_is_the_one_of_the_route(
    reloading: RunningGateway, file: Path
) -> None:
    file.write_text(f"{HEAD}body = 3\n")
    url = f"{reloading.url}/x"

    wait_until(lambda: httpx.post(url, content=b"four", trust_env=False).status_code == 413)
    assert httpx.post(url, content=b"two", trust_env=False).status_code == 200


def test_the_commands_show_and_check_the_file(file: Path) -> None:
    def command(word: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"GATEWAY_ROUTES_FILE": str(file)}
        return subprocess.run(
            [sys.executable, "-m", "gateway", word],
            env=environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip

    file.write_text(routed("/new", "shop") + 'methods = ["POST"]\n')
    printed = command("routes")
    file.write_text(routed("/new", "nobody"))
    checked = command("check")

    assert "/new and below" in printed.stdout
    assert "[POST]" in printed.stdout
    assert checked.returncode == 2
    assert f"{file}:6: there is no service nobody" in checked.stderr


def test_hangup_makes_the_gateway_look_at_once(services: Services, file: Path) -> None:
    environment = os.environ | {
        "GATEWAY_ROUTES_FILE": str(file), "GATEWAY_PORT": "0", "GATEWAY_HEAR_EVENTS": "false",
        "GATEWAY_CATALOG_URL": services.catalog.url, "QUINTET_LOG_STYLE": "json",
    }  # fmt: skip
    services.catalog.on("/healthz", says(plain()))
    with subprocess.Popen(
        [sys.executable, "-m", "gateway", "run"], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            wait_until(lambda: listening_ports(process.pid), 60)
            process.send_signal(signal.SIGHUP)
            told = next(line for line in process.stdout if "routes loaded" in line)
        finally:
            process.terminate()
            process.wait(60)

    assert str(file) in told
