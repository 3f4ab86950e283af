"""What all tests share: logs as the services write them, to where nobody closes the door."""

from __future__ import annotations

import logging as standard
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

import pytest

from shared import logging

# The browser's driver is installed by `make browser` only.
collect_ignore = [] if find_spec("playwright") else ["browser"]


class _Captured:
    """pytest's own stream for what is printed, as long as it is there.

    Gateways and services in threads log at any time, so none that belongs to one test will do.
    """

    def __init__(self) -> None:
        self._stream = sys.stdout

    def write(self, text: str, /) -> None:
        with suppress(ValueError):  # closed: the session is over
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(ValueError):
            self._stream.flush()


_captured = _Captured()


def _set_up_logs() -> standard.Handler:
    logging.set_up("tests", style="console", level="INFO")
    logging.write_to(_captured)
    return standard.getLogger().handlers[0]


_lasting = [_set_up_logs()]


@pytest.fixture(autouse=True)
def _logs_that_outlive_the_test() -> Iterator[None]:
    """Commands under test log to their own output, which is closed when they are done."""
    yield
    if _lasting[0] not in standard.getLogger().handlers:
        _lasting[0] = _set_up_logs()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Deal tests out in our own order, where xdist was asked to deal out files."""
    if config.getoption("dist") != "loadfile":
        return None
    from tests.dealing import Dealing

    config.option.loadscopereorder = False
    return Dealing(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what takes long, when several workers share the tests."""
    if hasattr(config, "workerinput"):
        from tests.dealing import rank

        items.sort(key=lambda item: rank(item.nodeid))
