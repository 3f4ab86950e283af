"""What all tests share: logs as the services write them."""

from __future__ import annotations

from importlib.util import find_spec

from shared import logging

# The browser's driver is installed by `make browser` only.
collect_ignore = [] if find_spec("playwright") else ["browser"]

logging.set_up("tests", style="console", level="INFO")
