"""The tally service's relay as processes of their own, for tests to kill.

`python -m tests.shared.relay_process <database url> <folder> <bus url> <how many>`
ends when nothing waits any more. QUINTET_FAILPOINTS arms it.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from sqlalchemy import select

from shared import failpoints
from shared.bus import connect
from shared.relay import Relay
from tests.shared.conftest import OutboxRow, Settings, create_service


def relay_until_nothing_waits(url: str, folder: str, bus_url: str) -> None:
    """Run one relay; another process may hold the lease, then it only waits."""
    service = create_service(Settings(database_url=url, var=Path(folder), _env_file=None))
    bus, stop = connect(bus_url, client="relay"), threading.Event()
    relay = Relay(service, bus, look_anyway=0.1)
    thread = threading.Thread(target=relay.run, args=(stop,))
    thread.start()
    unsent = select(OutboxRow.seq).where(OutboxRow.published_at.is_(None)).limit(1)
    while thread.is_alive():
        with service.transactions.read() as work:
            if work.session.execute(unsent).first() is None:
                break
        time.sleep(0.05)
    stop.set()
    service.bell.ring()
    thread.join()
    bus.close()
    service.close()


def main() -> None:
    """Fork as many processes as we were told, and wait for all of them."""
    url, folder, bus_url, count = sys.argv[1:]
    failpoints.arm(os.environ.get("QUINTET_FAILPOINTS", ""))
    children: list[int] = []
    for _ in range(int(count) - 1):
        child = os.fork()
        if not child:
            children.clear()  # they are our siblings
            break
        children.append(child)
    relay_until_nothing_waits(url, folder, bus_url)
    for each in children:
        os.waitpid(each, 0)


if __name__ == "__main__":
    main()
