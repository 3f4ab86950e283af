"""A consumer of the tally service in a process of its own, to be killed: DATABASE BUS FAILPOINTS.

A thing by the name of `killer` ends the process. Says `ready` when it listens.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
from pathlib import Path

from shared.bus import connect
from shared.consuming import Consumer, retrying
from shared.work import Work
from tests.shared.conftest import Counted, Settings, create_service


def main(database: str, bus_url: str, failpoints: str) -> None:
    """Consume until SIGTERM, or until something kills us."""
    vars(retrying)["LEASE"] = 0.1  # a test does not wait for what a killed try has reserved
    settings = Settings(
        database_url=database,
        var=Path(tempfile.gettempdir()),
        failpoints=failpoints,
        _env_file=None,
    )
    service = create_service(settings)

    @service.handlers.on(Counted)
    def die_of(work: Work, event: Counted) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    bus, stop = connect(bus_url, client="program"), threading.Event()
    consumer = Consumer(service, bus)
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    threads = [
        threading.Thread(target=consumer.run, args=(stop,)),
        threading.Thread(target=consumer.keep_retrying, args=(stop,)),
    ]
    for each in threads:
        each.start()
    while not stop.wait(0.05):
        pass
    consumer.wake()
    for each in threads:
        each.join()
    bus.close()
    service.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
