"""Whoever follows a link on one of our pages arrives."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from tests.architecture.house import ROOT, nobody

CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
TARGET = re.compile(r"\]\(\s*<?([^)\s>]+)")
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


def test_every_link_of_every_page_leads_somewhere() -> None:
    nobody(
        (
            f"{page.relative_to(ROOT)}: {target}"
            for page in _pages()
            for target in _targets(page)
            if not _leads_somewhere(page, target)
        ),
        "A link names a file or folder that is there, and a heading that is on that page.",
    )


def _pages() -> list[Path]:
    """The pages of the repository; not those that tools leave in folders beside it."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "*.md"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    names = listed.stdout.split("\0") if listed.returncode == 0 else []
    found = [ROOT / name for name in names if name and (ROOT / name).is_file()]
    return found or [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")]


def _targets(page: Path) -> Iterator[str]:
    """Where the relative links of a page lead; what looks like one in code is none."""
    for target in TARGET.findall(CODE.sub("`code`", page.read_text())):
        if not ELSEWHERE.match(target):
            yield unquote(target)


def _leads_somewhere(page: Path, target: str) -> bool:
    path, _, heading = target.partition("#")
    there = (page.parent / path).resolve() if path else page
    if not there.exists() or not there.is_relative_to(ROOT):
        return False
    return not heading or there.suffix != ".md" or heading in _anchors(there)


def _anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as forges make them."""
    titles = HEADING.findall(page.read_text())
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}
