"""Tables for eyes: aligned, coloured on a terminal only, safe against what strangers wrote."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import typer
from pydantic import BaseModel

GAP = "  "
LEAST = 12  # columns that a cut cell keeps


def plain(text: object) -> str:
    """The text on one line, with control characters shown instead of obeyed."""
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in str(text))


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], *, colour: str = "") -> None:
    """Print rows under heads; on a terminal the last column is cut to what fits."""
    cells = [[plain(cell) for cell in row] for row in rows]
    widths = [max(len(line[at]) for line in [list(heads), *cells]) for at in range(len(heads))]
    if sys.stdout.isatty():
        others = sum(widths[:-1]) + len(GAP) * (len(widths) - 1)
        room = shutil.get_terminal_size().columns - others
        widths[-1] = min(widths[-1], max(room, LEAST))
    typer.secho(_line(heads, widths), bold=True)
    for row in cells:
        typer.secho(_line(row, widths), fg=colour or None)


def facts(pairs: Mapping[str, object]) -> None:
    """Print names and values below each other."""
    width = max(len(name) for name in pairs)
    for name, value in pairs.items():
        typer.echo(f"{GAP}{typer.style(name.ljust(width), dim=True)}{GAP}{plain(value)}")


def paragraph(text: str) -> None:
    """Print a text of several lines, indented."""
    for line in text.splitlines() or [""]:
        typer.echo(f"{GAP}{plain(line)}")


def advise(what: str, do: str) -> None:
    """Say what needs somebody, and what to do."""
    typer.secho(f"! {what}", fg="yellow", bold=True)
    typer.echo(f"{GAP}{GAP}{do}")


def as_json(found: BaseModel | Sequence[BaseModel] | Mapping[str, Any] | Sequence[Any]) -> None:
    """Print for programs."""
    typer.echo(json.dumps(_bare(found), indent=2))


def _bare(found: Any) -> Any:
    if isinstance(found, BaseModel):
        return found.model_dump(mode="json")
    if isinstance(found, Mapping):
        return {name: _bare(value) for name, value in found.items()}
    if isinstance(found, Sequence) and not isinstance(found, str):
        return [_bare(each) for each in found]
    return found if isinstance(found, (str, int, float, bool, type(None))) else str(found)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    fitted = [
        (cell if len(cell) <= width else cell[: width - 1] + "…").ljust(width)
        for cell, width in zip(cells, widths, strict=True)
    ]
    return GAP.join(fitted).rstrip()
