"""One line per request, and a way out for lines that never holds anybody up."""

from __future__ import annotations

import json
import os
import time
from typing import Any

import pytest

from gateway.proxy.records.accesslog import AccessLog, Chosen
from gateway.proxy.records.outlet import Outlet
from tests.gateway.stage import wait_until

ONE = ("GET", b"/api/shop/v1/orders", 200, 0.0123, 512, "shop", "203.0.113.9", "req-1")


def lines(style: str, *calls: tuple[Any, ...], chosen: Chosen | None = None) -> list[str]:
    """What is written for these requests."""
    written: list[str] = []
    log = AccessLog(style, written.append, chosen)
    for call in calls:
        log.add(*call)
    log.flush()
    return "".join(written).splitlines()


def test_a_line_of_json_has_all_facts() -> None:
    more = (("replica", "shop-2"), ("tries", 2), ("cache", "miss"), ("refused", "rate-limited"))

    (line,) = lines("json", (*ONE, more))

    said = json.loads(line)
    assert said.pop("timestamp").endswith("Z")
    assert said == {
        "level": "info", "logger": "gateway.access", "event": "request", "service": "gateway",
        "method": "GET", "path": "/api/shop/v1/orders", "status": 200, "ms": 12.3, "bytes": 512,
        "upstream": "shop", "client": "203.0.113.9", "request_id": "req-1",
        "replica": "shop-2", "tries": 2, "cache": "miss", "refused": "rate-limited",
    }  # fmt: skip


def test_a_line_for_people_has_them_too() -> None:
    (line,) = lines("console", (*ONE, (("replica", "shop-2"), ("tries", 2))))

    assert line.endswith("request_id=req-1 replica=shop-2 tries=2")
    assert "GET /api/shop/v1/orders 200 12.30 ms 512 bytes upstream=shop client=203.0.113.9" in line


@pytest.mark.parametrize("path", [b'/a"b', b"/a\\b", b"/caf\xc3\xa9", b"/a\x7fb"])
def test_no_path_can_break_a_line(path: bytes) -> None:
    (line,) = lines("json", ("GET", path, *ONE[2:]))

    assert json.loads(line)["path"] == path.decode("latin-1")


def test_a_share_of_the_good_ones_and_all_that_failed_are_told() -> None:
    fine = [ONE] * 100
    failed = [("GET", b"/x", status, *ONE[3:]) for status in (500, 503, 0)]

    told = lines("json", *fine, *failed, chosen=Chosen(share=0.1))

    statuses = [json.loads(line)["status"] for line in told]
    assert statuses.count(200) == 10
    assert statuses[-3:] == [500, 503, 0]


def test_told_to_look_for_slow_ones_it_leaves_out_the_rest() -> None:
    slow = (*ONE[:3], 2.0, *ONE[4:])

    told = lines("json", ONE, slow, ONE, chosen=Chosen(slow=1.0))

    assert [json.loads(line)["ms"] for line in told] == [2000.0]


def test_a_full_pipe_stops_nobody_and_what_is_lost_is_counted() -> None:
    read, write = os.pipe()
    outlet = Outlet(write, most=100_000)
    line = "x" * 999 + "\n"

    for _ in range(1000):
        assert outlet.write(line) == 1000

    assert outlet.dropped >= 800  # what neither the pipe nor the buffer holds
    got = b""
    while got.count(b"\n") + outlet.dropped < 1000:
        got += os.read(read, 65536)
    outlet.write("again\n")
    outlet.close()
    assert os.read(read, 65536).endswith(b"again\n")
    os.close(read)
    os.close(write)


def test_a_pipe_without_a_reader_is_counted_too() -> None:
    read, write = os.pipe()
    os.close(read)
    outlet = Outlet(write)

    outlet.write("one\ntwo\n")

    wait_until(lambda: outlet.dropped == 2)
    outlet.close()
    os.close(write)
    assert dict((name, value) for name, *_, value in outlet.samples())["log_waiting_bytes"] == 0


def test_the_last_words_of_a_process_are_written_too() -> None:
    read, write = os.pipe()
    outlet = Outlet(write)
    outlet.write("one\n")
    outlet.close()

    outlet.write("last\n")

    assert os.read(read, 100) == b"one\nlast\n"
    os.close(read)
    os.close(write)


def test_stopping_writes_what_is_left_but_waits_only_so_long() -> None:
    read, write = os.pipe()
    outlet = Outlet(write)
    outlet.write("y" * 3_000_000)
    started = time.monotonic()

    outlet.close(0.2)

    assert time.monotonic() - started < 20  # and not for ever: nobody reads
    os.close(read)
