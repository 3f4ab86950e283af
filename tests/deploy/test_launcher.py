"""`make run`: everything starts, stays up, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import http.server
import os
import signal
from collections.abc import Callable
from http.client import RemoteDisconnected

from tests.deploy.stand_ins import Launcher, eventually

Start = Callable[..., Launcher]


def test_parts_are_reported_ready_in_the_order_in_which_they_depend_on_each_other(
    start: Start,
) -> None:
    launcher = start(auth={"slow": 0.5})

    launcher.wait_for("Quintet is ready")

    ready = [line.split()[1] for line in launcher.output.splitlines() if " ready  " in line]
    assert ready == ["auth", "catalog", "shop", "gateway"]


def test_every_part_is_told_where_the_others_are(start: Start, port: int) -> None:
    launcher = start("--var", "data")
    launcher.wait_for("Quintet is ready")

    told = launcher.ask("/env")

    assert told["GATEWAY_AUTH_URL"] == f"http://127.0.0.1:{port + 1}"
    assert told["QUINTET_JWKS_URL"] == f"http://127.0.0.1:{port + 1}/oauth2/jwks"
    assert told["QUINTET_PUBLIC_URL"] == f"http://127.0.0.1:{port}"
    assert told["QUINTET_VAR"] == str(launcher.folder / "data")
    assert told["QUINTET_DEMO"] == "1"


def test_log_lines_of_all_parts_come_out_in_one_stream_with_their_names(start: Start) -> None:
    launcher = start()
    launcher.wait_for("Quintet is ready")

    launcher.ask("/hello")
    launcher.ask("/hello", offset=2)

    launcher.wait_for("gateway | gateway answers /hello")
    launcher.wait_for("catalog | catalog answers /hello")
    assert "\033[" not in launcher.output  # no terminal, no colours


def test_a_part_that_dies_is_started_again_each_time_a_little_later(start: Start) -> None:
    launcher = start()
    launcher.wait_for("Quintet is ready")

    for _ in range(2):
        die(launcher, offset=3)
        launcher.wait_for("shop ended with code 3")
        eventually(lambda: answers(launcher, offset=3), lambda: launcher.output)

    assert "starting it again in 0.5 s" in launcher.output
    assert "starting it again in 1 s" in launcher.output


def test_a_part_that_cannot_start_ends_the_run_and_its_last_words_are_shown(start: Start) -> None:
    launcher = start(shop={"exit": 4, "why": "no database"})

    code = launcher.process.wait(60)

    assert code == 1
    assert "shop    | cannot go on: no database" in launcher.output
    assert "shop ended with code 4 before it was ready" in launcher.output
    launcher.must_leave_nobody()


def test_ctrl_c_stops_the_entrance_first_and_leaves_nobody(start: Start) -> None:
    launcher = start()
    launcher.wait_for("Quintet is ready")

    launcher.signal(signal.SIGINT)

    assert launcher.process.wait(60) == 0
    stopped = [line.split()[1] for line in launcher.output.splitlines() if "stopped" in line]
    assert stopped == ["gateway", "shop", "catalog", "auth"]
    assert launcher.left_over() == []


def test_ctrl_c_while_starting_stops_too(start: Start) -> None:
    launcher = start(auth={"slow": 30})
    launcher.wait_for("starting auth")

    launcher.signal(signal.SIGINT)

    assert launcher.process.wait(60) == 0
    launcher.must_leave_nobody()


def test_a_second_ctrl_c_does_not_wait_for_a_part_that_will_not_listen(start: Start) -> None:
    launcher = start(gateway={"deaf": True})
    launcher.wait_for("Quintet is ready")

    launcher.signal(signal.SIGINT)
    launcher.wait_for("stopping in order")
    launcher.signal(signal.SIGINT)

    launcher.process.wait(60)
    assert "gateway stopped (had to be killed)" not in launcher.output
    assert launcher.left_over() == []


def test_a_launcher_that_is_killed_leaves_nobody_not_even_grandchildren(start: Start) -> None:
    launcher = start(catalog={"child": True}, shop={"deaf": True})
    launcher.wait_for("Quintet is ready")

    launcher.signal(signal.SIGKILL)
    launcher.process.wait(60)

    launcher.must_leave_nobody()


def test_what_a_dead_part_started_is_ended_with_it(start: Start) -> None:
    launcher = start(catalog={"child": True})
    launcher.wait_for("Quintet is ready")
    before = len(launcher.left_over())

    die(launcher, offset=2)
    eventually(lambda: answers(launcher, offset=2), lambda: launcher.output)

    eventually(
        lambda: len(launcher.left_over()) == before,
        lambda: f"{before} processes before, now {launcher.left_over()}",
    )


def test_a_taken_port_is_named_with_its_holder_and_the_way_out(start: Start, port: int) -> None:
    address = ("127.0.0.1", port + 2)
    with http.server.HTTPServer(address, http.server.BaseHTTPRequestHandler):
        launcher = start()

        assert launcher.process.wait(60) == 1

    assert f"Port {port + 2} (for catalog) is taken by process {os.getpid()}" in launcher.output
    assert f"make run PORT={port + 100}" in launcher.output


def test_two_launchers_on_one_data_folder_are_refused(start: Start) -> None:
    first = start("--var", "data")
    first.wait_for("Quintet is ready")

    second = start("--var", "data")

    assert second.process.wait(60) == 1
    assert f"already runs on data (process {first.process.pid})" in second.output


def test_a_killed_launcher_does_not_keep_the_next_one_out(start: Start) -> None:
    first = start("--var", "data")
    first.wait_for("Quintet is ready")
    first.signal(signal.SIGKILL)
    first.process.wait(60)

    second = start("--var", "data")

    second.wait_for("Quintet is ready")


def die(launcher: Launcher, *, offset: int) -> None:
    """Make a stand-in end itself."""
    with contextlib.suppress(RemoteDisconnected):
        launcher.ask("/die", offset=offset)


def answers(launcher: Launcher, *, offset: int) -> bool:
    """Whether the stand-in serves."""
    try:
        launcher.ask("/readyz", offset=offset)
    except OSError:
        return False
    return True
