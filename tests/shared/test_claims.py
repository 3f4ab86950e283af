"""A large thing travels as a claim, and what is fetched is what was claimed, or an error."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from pydantic import ValidationError

from shared import claims
from shared.claims import Claim, ClaimBroken
from shared.events import Event
from shared.service import Service
from shared.testing import sent_by
from shared.uploads import Files

REPORT = b"one line of a long report\n" * 20_000  # half a megabyte: no event carries that


class ReportMade(Event, type="tally.report.made.v1", key="name"):
    """A report is there to be fetched."""

    name: str
    report: Claim


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path / "claims")


@pytest.fixture
def claim(files: Files) -> Claim:
    return claims.keep(files, REPORT, name="Report", media_type="text/plain", suffix="txt")


def lies(files: Files, claim: Claim) -> Path:
    path = files.path_of(claim.key)
    assert path
    return path


def test_an_event_carries_a_claim_and_the_receiver_gets_the_content(
    service: Service, files: Files, claim: Claim
) -> None:
    with service.transactions.begin() as work:
        work.publish(ReportMade(name="May", version=1, report=claim))

    [heard] = sent_by(service)
    content = claims.redeem(ReportMade.model_validate(heard.data).report, claims.from_files(files))

    assert content == REPORT
    assert len(heard.to_json()) < 1000


@pytest.mark.parametrize(
    ("tampered", "complaint"),
    [
        (REPORT + b"!", "larger"),
        (REPORT[:-1], "of 520,000 bytes"),
        (REPORT[:-1] + b"!", "not the content"),
    ],
)
def test_content_that_was_tampered_with_is_refused(
    files: Files, claim: Claim, tampered: bytes, complaint: str
) -> None:
    lies(files, claim).write_bytes(tampered)

    with pytest.raises(ClaimBroken, match=complaint):
        claims.redeem(claim, claims.from_files(files))


def test_no_more_is_read_than_was_claimed(claim: Claim) -> None:
    read: list[int] = []

    def endless(_: str) -> Iterator[bytes]:
        while True:
            read.append(1)
            yield b"x" * claims.CHUNK

    with pytest.raises(ClaimBroken, match="larger"):
        claims.redeem(claim, endless)

    assert len(read) * claims.CHUNK <= claim.bytes + claims.CHUNK


@pytest.mark.parametrize(
    "key", ["../../etc/passwd", "/etc/passwd", "", "missing.0123456789abcdef.txt"]
)
def test_a_claim_reaches_no_other_file(files: Files, claim: Claim, key: str) -> None:
    with pytest.raises(ClaimBroken, match="not there"):
        claims.redeem(claim.model_copy(update={"key": key}), claims.from_files(files))


@pytest.mark.parametrize("change", [{"sha256": "abc"}, {"bytes": -1}, {"bytes": claims.MOST + 1}])
def test_a_claim_that_makes_no_sense_is_no_claim(claim: Claim, change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Claim.model_validate(claim.model_dump() | change)


def test_what_nobody_could_hold_is_not_kept(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "MOST", 10)

    with pytest.raises(ValueError, match="at most 10"):
        claims.keep(files, REPORT, name="r", media_type="text/plain", suffix="txt")


class TestOverTheWeb:
    """The same by HTTP, from one address only."""

    @pytest.fixture
    def base(self, files: Files) -> Iterator[str]:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = files.path_of(self.path.rpartition("/")[2])
                self.send_response(200 if path else 404)
                self.end_headers()
                self.wfile.write(path.read_bytes() if path else b"")

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/claims"
        server.shutdown()
        server.server_close()

    def test_it_is_fetched_and_checked(self, files: Files, base: str) -> None:
        claim = claims.keep(
            files, REPORT, name="r", media_type="text/plain", suffix="txt", base_url=base
        )

        assert claims.redeem(claim, claims.from_web(base)) == REPORT
        lies(files, claim).write_bytes(b"x" + REPORT[1:])
        with pytest.raises(ClaimBroken, match="not the content"):
            claims.redeem(claim, claims.from_web(base))
        lies(files, claim).unlink()
        with pytest.raises(ClaimBroken, match="answered 404"):
            claims.redeem(claim, claims.from_web(base))

    @pytest.mark.parametrize(
        "url",
        [
            "http://127.0.0.1:1/claims/x",
            "{base}/../secret",
            "{base}.evil.example/x",
            "file:///etc/passwd",
        ],
    )
    def test_an_event_does_not_choose_whom_we_call(self, claim: Claim, base: str, url: str) -> None:
        elsewhere = claim.model_copy(update={"url": url.format(base=base)})

        with pytest.raises(ClaimBroken, match="not below"):
            claims.redeem(elsewhere, claims.from_web(base))
