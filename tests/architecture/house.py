"""Reads the sources, so that a rule can be one short test."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("auth_service", "catalog_service", "shop_service")
PIECES = ("shared", "gateway", *SERVICES)
FOLDERS = (*PIECES, "deploy", "tests")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def sources(*folders: str) -> list[str]:
    """Every Python file of these folders (all, if none is named), as paths from the root."""
    found = (path for folder in folders or FOLDERS for path in (ROOT / folder).rglob("*.py"))
    return sorted(str(path.relative_to(ROOT)) for path in found)


def own_code() -> list[str]:
    """What runs in production, migrations aside."""
    return [path for path in sources(*PIECES) if not is_migration(path)]


def is_migration(path: str) -> bool:
    """A list of tables, written by a tool and then never changed."""
    return "migrations/versions/" in path


@cache
def lines(path: str) -> list[str]:
    """The lines of a file."""
    return (ROOT / path).read_text().splitlines()


@cache
def tree(path: str) -> ast.Module:
    """The syntax of a file."""
    return ast.parse((ROOT / path).read_text(), path)


def functions(path: str) -> Iterator[Function]:
    """Every function and method of a file, inner ones too."""
    return (node for node in ast.walk(tree(path)) if isinstance(node, Function))


def calls(path: str) -> Iterator[tuple[str, ast.Call]]:
    """Every call, with the last part of what is called: `work.session.commit()` is `commit`."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            called = node.func
            name = getattr(called, "attr", None) or getattr(called, "id", None)
            yield name or "", node


def imports(path: str) -> Iterator[tuple[str, int]]:
    """Every imported name in full, with its line."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def nobody(offenders: Iterable[str], rule: str) -> None:
    """Fail with the rule and everyone who breaks it."""
    found = sorted(offenders)
    assert not found, f"{rule}\n  " + "\n  ".join(found)
