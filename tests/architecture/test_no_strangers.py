"""A page asks nobody but us for anything, and what we install names no registry."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.exceptions import VENDORED
from tests.architecture.house import PIECES, ROOT, nobody

FETCHED = {".html", ".css", ".js", ".svg", ".xml", ".txt"}
# What makes a browser fetch: attributes, url(), @import and calls with an absolute address.
REACHES_OUT = re.compile(
    r"""(?:\b(?:src|srcset|href|action|poster|data)\s*=\s*["']?|url\(\s*["']?|@import\s+["']|"""
    r"""\b(?:fetch|import|Worker|EventSource|WebSocket)\(\s*["'`])(?:https?:|wss?:)?//""",
    re.IGNORECASE,
)


def test_no_page_asks_a_foreign_host_for_anything() -> None:
    nobody(
        (
            f"{path.relative_to(ROOT)}:{number} {line.strip()[:80]}"
            for path in _what_browsers_get()
            for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
            if REACHES_OUT.search(line)
        ),
        "Styles, scripts, fonts and pictures are ours and come from our own address.",
    )


def test_requirements_name_no_host() -> None:
    nobody(
        (
            f"{path.relative_to(ROOT)}:{number} {line.strip()[:80]}"
            for path in (ROOT / "requirements").iterdir()
            for number, line in enumerate(path.read_text().splitlines(), 1)
            if "://" in line or line.startswith(("-i ", "--index-url", "--extra-index-url"))
        ),
        "Where packages come from is the affair of the machine that installs them.",
    )


def test_every_requirement_is_pinned_with_hashes() -> None:
    nobody(
        (
            f"{path.relative_to(ROOT)}: {entry.split()[0]}"
            for path in (ROOT / "requirements").glob("*.txt")
            for entry in re.split(r"\n(?=\S)", path.read_text().strip())
            if not entry.startswith("#") and ("==" not in entry or "--hash=sha256:" not in entry)
        ),
        "What is installed is what was locked.",
    )


def test_everything_that_is_declared_is_locked() -> None:
    nobody(
        (
            f"{piece}/pyproject.toml: {wanted} is not in requirements/{file}"
            for piece in PIECES[1:]
            for file in (f"{piece.removesuffix('_service')}.txt", "run.txt", "dev.txt")
            for wanted in _declared("shared") | _declared(piece)
            if f"\n{wanted}==" not in "\n" + (ROOT / "requirements" / file).read_text()
        ),
        "Run `make lock` after changing what a piece needs.",
    )


def _declared(piece: str) -> set[str]:
    wanted = tomllib.loads((ROOT / piece / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.split(r"[^A-Za-z0-9._-]", each)[0].lower().replace("_", "-") for each in wanted}
    return {name for name in names if not name.startswith("quintet-")}


def _what_browsers_get() -> Iterator[Path]:
    for piece in PIECES:
        for path in (ROOT / piece).rglob("*"):
            ours = not any(path.is_relative_to(ROOT / folder) for folder in VENDORED)
            if ours and path.suffix in FETCHED and {"templates", "static", "pages"} & {*path.parts}:
                yield path
