"""Whoever claims messages in the bus file is known for dead only when that is sure."""

from __future__ import annotations

import os

from shared.bus.embedded import claimants
from tests.shared.bus.wires import eventually


def test_a_process_is_gone_only_when_that_is_sure() -> None:
    us = claimants.this_process()

    assert not claimants.is_gone(us)
    assert claimants.is_gone(claimants.Claimant("another boot", us.pids, us.pid, us.started))
    assert claimants.is_gone(claimants.Claimant(us.boot, us.pids, us.pid, us.started - 1))
    assert not claimants.is_gone(claimants.Claimant(us.boot, "another house", 999_999_999, 0))
    assert claimants.is_gone(claimants.Claimant(us.boot, us.pids, 999_999_999, 0))


def test_a_dead_child_that_nobody_buried_is_gone() -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(reader, 1)
        os._exit(0)
    started = claimants._start_of(child)
    us = claimants.this_process()
    assert started is not None
    who = claimants.Claimant(us.boot, us.pids, child, started)
    assert not claimants.is_gone(who)

    os.write(writer, b"!")

    assert eventually(lambda: claimants.is_gone(who))
    os.waitpid(child, 0)
    os.close(reader)
    os.close(writer)
