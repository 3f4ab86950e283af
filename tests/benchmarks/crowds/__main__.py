"""`make stress-gateway`: thousands of idle clients, slow readers, gigabytes; writes the figures."""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import tempfile
from pathlib import Path

from gateway.proxy.lasting import pairs_of_files
from tests.benchmarks.crowds.bulk import Passage, download, upload
from tests.benchmarks.crowds.crowd import EVENTS, LARGE, LIVE, Cost, gather_crowd
from tests.benchmarks.crowds.rig import MANY, Rig, most_clients, rig

GIB = 1 << 30
Row = tuple[str, int, Cost]  # who came, and to how many processes
PAGE = Path("docs/reference/gateway-limits.md")
WORDS = """# What crowds and large bodies cost the gateway

Made by `make stress-gateway`: a gateway with default pools before one service, everything on one machine by loopback. Clients come fifty at a time, ask once and stay. *KiB per client*: growth of the gateway's resident memory, both of
its sockets and all its objects included (kernel buffers are not). *Idle CPU*: of one core, while nobody does anything.
*Others*: 300 ordinary requests one after the other meanwhile, and how long they took. *Left open*: sockets that the gateway
still had when the crowd was gone. A client of a stream takes two open files, so the limit on open files is the limit on
streams. Each process raises its own to the hard limit, which was {files:,} here: {most:,} clients. For more there are more
processes at the same port (`GATEWAY_REUSE_PORT=true`); figures are for all of them together.

Other work on the machine when it began (load average over a minute, of {cores} cores): {load:.1f}.
"""


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--clients", type=int, default=most_clients())
    parser.add_argument("--many", type=int, default=MANY, help="clients of two processes")
    parser.add_argument("--size", type=int, default=GIB)
    asked = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        with rig(Path(folder)) as running:
            crowds = asyncio.run(_crowds(running, asked.clients))
        if asked.clients < asked.many:
            with rig(Path(folder), processes=2) as running:
                crowds[2:2] = asyncio.run(_streams(running, asked.many))
        with rig(Path(folder)) as running:  # a fresh one, whose memory has not grown yet
            passages = asyncio.run(_passages(running, asked.size))
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    words = WORDS.format(files=files, most=pairs_of_files(), load=load, cores=os.cpu_count())
    text = words + _crowd_table(crowds) + _passage_table(passages)
    PAGE.write_text(text)
    print(text)


async def _streams(running: Rig, clients: int) -> list[Row]:
    processes = len(running.pids)
    return [
        ("event streams", processes, await gather_crowd(running, clients, EVENTS, b"hello")),
        ("WebSockets", processes, await gather_crowd(running, clients, LIVE, b"\r\n\r\n")),
    ]


async def _crowds(running: Rig, clients: int) -> list[Row]:
    rows = await _streams(running, clients)
    deaf = await gather_crowd(running, 100, LARGE, b"\r\n\r\n", deaf=True)
    return [*rows, ("downloads nobody reads", 1, deaf)]


async def _passages(running: Rig, size: int) -> list[tuple[str, Passage]]:
    return [("up", await upload(running, size)), ("down", await download(running, size))]


def _crowd_table(rows: list[Row]) -> str:
    lines = [
        "\n| clients | number | processes | KiB per client | idle CPU | others: good / failed | p50, p99 in ms | left open |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, processes, cost in rows:
        lines.append(
            f"| {name} | {cost.clients:,} | {processes} | {cost.kib_per_client:.1f} | {cost.idle_cpu:.1%} "
            f"| {cost.others} / {cost.others_failed} | {cost.p50:.1f}, {cost.p99:.1f} "
            f"| {cost.left_open} |"
        )
    return "\n".join(lines) + "\n"


def _passage_table(rows: list[tuple[str, Passage]]) -> str:
    lines = ["\n| body | size | seconds | memory grew by at most |", "|---|---|---|---|"]
    for name, passage in rows:
        lines.append(
            f"| {name} | {passage.size >> 20:,} MiB | {passage.seconds:.1f} "
            f"| {passage.most_kept / 2**20:.1f} MiB |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
