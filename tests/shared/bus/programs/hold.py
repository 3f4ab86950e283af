"""Take messages from a queue, acknowledge none, and hold them until killed.

Usage: hold.py URL subscribe|listen NAME TYPE
"""

from __future__ import annotations

import sys
import time

from shared.bus import connect

url, how, name, type_ = sys.argv[1:]
bus = connect(url, client="holder")
place = bus.subscribe(name, [type_]) if how == "subscribe" else bus.listen([type_], name=name)
print("ready", flush=True)  # noqa: T201
while True:
    for delivery in place.receive(1.0):
        print(delivery.message.body.decode(), flush=True)  # noqa: T201
    time.sleep(0.01)
