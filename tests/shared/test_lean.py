"""What a process loads at start: nothing heavy that it may never need."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

LOADED = """
import importlib, json, sys
for name in {names}:
    importlib.import_module(name)
print(json.dumps([name for name in {heavy} if name in sys.modules]))
"""
HEAVY = ["alembic", "psycopg", "pygments", "rich", "starlette_admin", "zxcvbn"]
PARTS = ["auth_service", "catalog_service", "shop_service"]


def loaded(*names: str, heavy: list[str]) -> list[str]:
    code = LOADED.format(names=list(names), heavy=heavy)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    found: list[str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("part", PARTS)
def test_a_service_loads_nothing_heavy_before_it_is_needed(part: str) -> None:
    assert loaded(f"{part}.cli", f"{part}.app", "shared.http.serving", heavy=HEAVY) == []


def test_the_gateway_loads_no_database_at_all() -> None:
    heavy = [*HEAVY, "sqlalchemy", "flask", "httpx"]

    assert loaded("gateway.cli", "gateway.server", heavy=heavy) == []


def test_what_is_hidden_from_one_import_is_there_for_the_next() -> None:
    code = (
        "from shared.lean import without\n"
        "with without('json.tool'):\n"
        "    try: import json.tool\n"
        "    except ImportError: print('hidden')\n"
        "import json.tool; print(json.tool.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)

    assert done.stdout.split() == ["hidden", "json.tool"]
