"""`make bench`: what the whole platform costs, on both stacks, beside its peers.

Everything is counted: gateway, services, and on the real stack PostgreSQL and RabbitMQ. The
machine is shared and noisy, so the figures are medians of rounds, and CPU is what to compare.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from shared.testing import STACK
from tests.benchmarks.whole import cpu, load
from tests.benchmarks.whole.peers import PEERS
from tests.system.platform import Platform

ROUNDS = 3
CLIENTS = 8
Read = Callable[[load.Wording], load.Step]
Work = tuple[str, load.Step, int, str]  # its name, what to do, how often, what it costs elsewhere
WORDS = ["lamp", "mug", "wool", "green", "oak", "quiet"]


def main() -> None:
    """Measure the stack that is asked for, or both, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stack", choices=["embedded", "real", "both"], default="both")
    asked = parser.parse_args().stack
    if asked == "both":
        for stack in ("embedded", "real"):
            subprocess.run([sys.executable, "-m", str(__package__), "--stack", stack], check=True)
    elif asked != STACK:  # which stack it is, is decided when the testing kit is loaded
        again = [sys.executable, "-m", str(__package__), "--stack", asked]
        subprocess.run(again, check=True, env=os.environ | {"QUINTET_TEST_STACK": asked})
    else:
        _measure(asked)


def _measure(stack: str) -> None:
    print(f"\n## {stack}: {_what(stack)}\n{cpu.machine()}; {ROUNDS} rounds, {CLIENTS} clients\n")
    with tempfile.TemporaryDirectory() as folder:
        platform = Platform(Path(folder))
        with platform.servers():
            try:
                platform.start()  # makes the tables and the demo data
                _print_footprint(platform)
                _print_work(platform)
            finally:
                platform.stop()


def _what(stack: str) -> str:
    return "SQLite files, bus in a file" if stack == "embedded" else "PostgreSQL and RabbitMQ"


def _print_footprint(platform: Platform) -> None:
    platform.stop_processes()
    started = time.perf_counter()
    platform.start()
    ready = time.perf_counter() - started
    time.sleep(3)
    before, servers = cpu.cpu_seconds(platform.pids), cpu.servers_cpu_seconds()
    time.sleep(10)
    idle = (cpu.cpu_seconds(platform.pids) - before) * 10
    idle_servers = (cpu.servers_cpu_seconds() - servers) * 10
    rss, pss = cpu.resident_mb(platform.pids)
    print("| footprint | measured | budget |\n|---|---|---|")
    print(f"| ready after | {ready:.1f} s | 5 s |")
    print(f"| resident, all processes (proportional) | {rss:.0f} MB ({pss:.0f}) | 450 MB |")
    print(f"| idle, share of a core (servers) | {idle:.1f} % ({idle_servers:.1f}) | 2 % |")


def _print_work(platform: Platform) -> None:
    port = platform.ports["gateway"]
    caller = load.Caller(port)
    listed = caller.call("GET", "/api/catalog/v1/products?limit=100")["items"]
    good = [each for each in listed if each["available"] >= 20]
    skus, slugs = [each["sku"] for each in good], [each["slug"] for each in listed]
    for sku in skus:
        platform.manage("catalog", "receive", sku, "100000")
    works: list[Work] = [
        *_reads("list of 20 with prices", load.list_products, 600, PEERS["list"]),
        *_reads(
            "detail with price and stock", partial(load.detail_of, slugs), 600, PEERS["detail"]
        ),
        *_reads("search", partial(load.search_for, WORDS), 300, PEERS["search"]),
        ("add to cart", load.add_to_cart(skus), 300, PEERS["cart"]),
        ("whole confirmed checkout", load.check_out(skus), 120, PEERS["checkout"]),
    ]
    print("\n| work | CPU ours, ms | CPU servers, ms | p50 ms | p99 ms | best peer, app + PG ms |")
    print("|---|---|---|---|---|---|")
    for name, step, calls, peer in works:
        load.run(port, step, calls=calls // 5, clients=CLIENTS)  # warm up
        print(f"| {name} | {_row(platform, step, calls)} | {peer} |", flush=True)


def _reads(name: str, read: Read, calls: int, peer: str) -> Iterator[Work]:
    """The same read twice: answered from the gateway's cache, and by the service.

    Only the second compares with a peer, which has no cache in front of it either.
    """
    yield f"{name}, from the cache", read(load.as_is), calls * 5, "-"
    yield f"{name}, from the service", read(load.of_service), calls, peer


def _row(platform: Platform, step: load.Step, calls: int) -> str:
    ours, servers, p50, p99 = [], [], [], []
    for _ in range(ROUNDS):
        before, before_servers = cpu.cpu_seconds(platform.pids), cpu.servers_cpu_seconds()
        times = load.run(platform.ports["gateway"], step, calls=calls, clients=CLIENTS)
        time.sleep(0.5)  # what the call set off belongs to its cost
        ours.append((cpu.cpu_seconds(platform.pids) - before) / calls * 1000)
        servers.append((cpu.servers_cpu_seconds() - before_servers) / calls * 1000)
        p50.append(times.p50)
        p99.append(times.p99)
    return " | ".join(f"{statistics.median(each):.2f}" for each in (ours, servers, p50, p99))


if __name__ == "__main__":
    main()
