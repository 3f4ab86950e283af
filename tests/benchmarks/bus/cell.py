"""One contestant doing one piece of work, alone in a process of its own; prints what it cost."""

from __future__ import annotations

import importlib
import json
import sys

from tests.benchmarks.bus.ground import Ground


def main() -> None:
    """`python -m tests.benchmarks.bus.cell '{"work": "publish", "by": "ours", …}'`."""
    asked = json.loads(sys.argv[1])
    contestant = importlib.import_module(f"tests.benchmarks.bus.{asked['by']}")
    work = getattr(contestant, asked["work"])
    print(json.dumps(work(Ground(**asked["ground"]), **asked["with"])))


if __name__ == "__main__":
    main()
