"""`make bench-gateway`: what the gateway costs, beside three other proxies.

Everybody proxies the same 1 KB of JSON from the same origin to the same load, one after the
other in one run, in processes of their own.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from tests.benchmarks.gateway import contestants, report, tokens
from tests.benchmarks.gateway.races import Entry, Race
from tests.ports import free_ports

CONNECTIONS = (32, 256)
PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "benchmarks-gateway.md"


def main() -> None:
    """Measure, print, and (for a whole run) write the reference page."""
    asked = _arguments()
    began, load = time.monotonic(), os.getloadavg()[0]
    page = report.Report(load_before=load)
    key = tokens.Key()
    origin, port = free_ports(2)
    entries = [each for each in _entries(key) if not asked.only or each.name in asked.only]
    with tempfile.TemporaryDirectory() as folder, contestants.origin(origin, key.published()):
        race = Race(entries, origin, Path(folder), asked.seconds, asked.rounds)
        for connections in asked.connections:
            page.race(connections, race.run(port, connections))
    page.finish(time.monotonic() - began)
    if not asked.only and not asked.dry and tuple(asked.connections) == CONNECTIONS:
        PAGE.write_text(page.text())
        print(f"wrote {PAGE}")


def _entries(key: tokens.Key) -> list[Entry]:
    token = b"authorization: Bearer %b\r\n" % key.token().encode()
    plain = _get(b"/api/shop/v1/products/mug")
    return [
        Entry("Quintet", contestants.ours, plain, ours=True),
        Entry("Quintet, verified token", contestants.ours, _get(b"/api/shop/v1/me", token), True),
        Entry("Quintet, from its cache", contestants.ours, _get(b"/api/catalog/v1/kept"), True),
        Entry("nginx", contestants.nginx, plain),
        Entry("@fastify/http-proxy", contestants.fastify, plain),
        Entry("FastAPI + httpx", contestants.by_httpx, plain),
    ]


def _get(path: bytes, fields: bytes = b"") -> bytes:
    """A request as a browser's script would send it."""
    return (
        b"GET %b HTTP/1.1\r\nhost: shop.example\r\naccept: application/json\r\n"
        b"accept-encoding: gzip\r\naccept-language: en\r\nuser-agent: benchmark\r\n%b\r\n"
        % (path, fields)
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[], help="names of contestants")
    parser.add_argument("--connections", nargs="*", type=int, default=list(CONNECTIONS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each round")
    parser.add_argument("--dry", action="store_true", help="do not write the reference page")
    return parser.parse_args()


if __name__ == "__main__":
    main()
