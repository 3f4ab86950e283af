"""Requests as bytes, and what comes back until the gateway closes."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass

from tests.gateway.conftest import Services
from tests.gateway.stage import RunningGateway, Script, Seen, answer, connect, read_body

HOST = b"host: a\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n"

Case = tuple[str, bytes]


def get(*lines: bytes, path: bytes = b"/", version: bytes = b"1.1") -> bytes:
    """A GET of `path`; each line is a whole header line."""
    return b"GET " + path + b" HTTP/" + version + b"\r\n" + b"".join(lines) + b"\r\n"


def post(*lines: bytes, body: bytes = b"", version: bytes = b"1.1") -> bytes:
    """A POST to the catalog with a Host, these header lines and this body."""
    return b"POST / HTTP/" + version + b"\r\n" + HOST + b"".join(lines) + b"\r\n" + body


def chunks(body: bytes) -> bytes:
    """A POST whose chunked body is written as given."""
    return post(CHUNKED, body=body)


def named(value: object) -> str:
    """The name of a case is its section."""
    return value if isinstance(value, str) else ""


def noting(whole: list[bytes]) -> Script:
    """A script that notes bodies that came whole, and answers."""

    async def script(
        seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await read_body(seen, reader)
        whole.append(seen.body)
        writer.write(answer(b"ok"))

    return script


@dataclass
class Answers:
    """All that came back on a connection, until its end."""

    raw: bytes
    closed: bool

    @property
    def count(self) -> int:
        """How many answers there were."""
        return len(re.findall(rb"HTTP/1\.1 \d{3} ", self.raw))

    @property
    def status(self) -> int:
        """The status of the first; 0 if there was none."""
        return int(self.raw.split(b" ", 2)[1]) if self.raw.startswith(b"HTTP/1.1 ") else 0

    @property
    def head(self) -> bytes:
        """The head of the first."""
        return self.raw.partition(b"\r\n\r\n")[0].lower()

    @property
    def problem(self) -> dict[str, object]:
        """The body of the last, which must be problem details."""
        assert b"content-type: application/problem+json" in self.head
        problem: dict[str, object] = json.loads(self.raw.rpartition(b"\r\n\r\n")[2])
        return problem


def all_answers(port: int, *pieces: bytes, patience: float = 10.0) -> Answers:
    """Send the pieces, and read until the gateway closes or says nothing for too long."""
    got = b""
    with connect(port) as client:
        client.settimeout(patience)
        try:
            for piece in pieces:
                client.sendall(piece)
            while data := client.recv(65536):
                got += data
        except TimeoutError:
            return Answers(got, closed=False)
        except ConnectionError:
            pass
    return Answers(got, closed=True)


def assert_refused(
    gateway: RunningGateway, services: Services, case: str, raw: bytes, *statuses: int
) -> None:
    """One refusal comes back, as a problem; the connection ends; no service hears of anything."""
    answers = all_answers(gateway.port, raw)

    assert answers.status in (statuses or (400,)), f"{case}: {answers.raw[:200]!r}"
    assert answers.count == 1, case
    assert answers.closed, case
    assert b"connection: close" in answers.head, case
    assert answers.problem["status"] == answers.status, case
    assert [each.name for each in vars(services).values() if each.seen] == [], case
