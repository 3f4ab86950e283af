"""The bell wakes those who wait on the same database, also in another process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from shared.service import Service
from tests.shared.bus.wires import eventually
from tests.shared.conftest import count_up

ROOT = Path(__file__).resolve().parents[2]

SAY_SOMETHING = """
import sys
from tests.shared.bus.wires import eventually
from tests.shared.conftest import Settings, count_up, create_service
service = create_service(Settings(database_url=sys.argv[1], _env_file=None))
with service.transactions.begin() as work:
    count_up(work, "far", 1)
service.close()
"""


def test_a_commit_that_says_something_rings_at_once(service: Service) -> None:
    rang = service.bell.listener()

    with service.transactions.begin() as work:
        count_up(work, "sheep", 1)

    assert rang.is_set()


def test_a_commit_that_says_nothing_rings_nobody(service: Service) -> None:
    rang = service.bell.listener()

    with service.transactions.begin():
        pass

    assert not rang.is_set()


def test_a_commit_in_another_process_is_heard(service: Service) -> None:
    rang = service.bell.listener()
    service.bell.hear_neighbours()
    assert eventually(lambda: bool(service.bell._ears))
    url = service.database.url.render_as_string(hide_password=False)

    subprocess.run([sys.executable, "-c", SAY_SOMETHING, url], cwd=ROOT, check=True)

    assert rang.wait(30)
