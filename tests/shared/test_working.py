"""The bus side of a service as a process runs it: it works, it can be looked at, it ends."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from shared.testing import Databases
from shared.working import working
from tests.ports import free_ports
from tests.shared.bus.wires import eventually


def test_what_works_the_bus_says_how_it_is_and_ends_when_it_is_left(
    databases: Databases, tmp_path: Path
) -> None:
    (port,), bus = free_ports(), f"embedded:{tmp_path}/bus.db"
    with databases.service(work_port=port, bus_url=bus) as service:
        with working(service) as worker:
            assert eventually(lambda: worker.problems() == {})
            assert httpx.get(f"http://127.0.0.1:{port}/readyz").json()["status"] == "ready"

        assert worker.problems() != {}
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{port}/readyz")
