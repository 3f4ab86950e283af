"""The page that shows every event: a picture, then each with its fields and an example."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from gateway.api.additions import Document
from gateway.api.event_catalogue import Entry, entries_of, flows_of
from gateway.pages.event_picture import draw

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
LONGEST_QUERY = 100
CODE = re.compile(r"`([^`]+)`")


def events_page(document: Document, query: str) -> str:
    """The page for a merged AsyncAPI document; `query` leaves only what has all of its words."""
    query = query.strip()[:LONGEST_QUERY]
    every = entries_of(document)
    shown = [entry for entry in every if entry.matches(query.lower().split())]
    business = [entry for entry in every if not entry.of_platform]
    said = Counter(speaker for entry in business for speaker in entry.said_by)
    groups: dict[str, list[Entry]] = {}
    for entry in shown:
        speaker = "every service" if entry.of_platform else " and ".join(entry.said_by)
        groups.setdefault(speaker or "nobody here", []).append(entry)
    return _template().render(
        query=query,
        count=len(every),
        shown=len(shown),
        groups=groups,
        picture=draw(said, flows_of(every)),
        unavailable=document.get("x-unavailable", []),
        stale=document.get("x-stale", {}),
    )


@cache
def _template() -> Template:
    folder = FileSystemLoader(Path(__file__).parent)
    pages = Environment(
        loader=folder,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters["prose"] = prose
    return pages.get_template("events.html")


def prose(text: str) -> Markup:
    """A sentence from a docstring: what stands between backticks is code."""
    return Markup(CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before
