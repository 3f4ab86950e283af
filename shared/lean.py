"""Import a library without what it would load besides, though we never use it there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast


@contextmanager
def without(name: str) -> Iterator[None]:
    """Whoever is imported here finds no module of this name, unless it is loaded already.

    For libraries that load another wherever they find it, and can do without: rich, say, which
    typer brings along, costs every process 4 MB and a moment at start.
    """
    if name in sys.modules:
        yield
        return
    modules = cast(dict[str, Any], sys.modules)
    modules[name] = None  # an import of it raises ImportError
    try:
        yield
    finally:
        del modules[name]
