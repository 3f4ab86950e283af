"""Publish numbered messages, a few at a time, and say when all are confirmed.

Usage: publish.py URL TYPE PREFIX COUNT
"""

from __future__ import annotations

import sys
from uuid import uuid4

from shared.bus import connect
from shared.bus.protocol import Message, Outcome

url, type_, prefix, count = sys.argv[1:]
bus = connect(url, client="publisher")
publisher = bus.publisher()
messages = [Message(str(uuid4()), type_, f"{prefix}{n}".encode()) for n in range(int(count))]
outcomes: list[Outcome] = []
for start in range(0, len(messages), 7):
    outcomes += publisher.publish(messages[start : start + 7])
print("confirmed" if set(outcomes) == {Outcome.CONFIRMED} else outcomes)  # noqa: T201
bus.close()
