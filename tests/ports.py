"""Ports for servers that must be told their port: nobody else's, whoever else is testing here."""

from __future__ import annotations

import os
import socket

from deploy.local.ports import is_free

# Not of the system's own choosing: those it may give to the next outgoing connection.
LOWEST, HIGHEST = 10_000, 32_000
_claims: list[socket.socket] = []


def free_ports(count: int = 1) -> list[int]:
    """So many neighbouring ports that nobody uses, and that no other test will be given."""
    blocks = range(LOWEST, HIGHEST - count + 1, count)
    start = os.getpid() * 7 % len(blocks)  # processes that start together look in different places
    for at in range(len(blocks)):
        first = blocks[(start + at) % len(blocks)]
        ports = list(range(first, first + count))
        if all(_claimed(port) and is_free(port) for port in ports):
            return ports
    raise AssertionError("no free ports")


def _claimed(port: int) -> bool:
    """A port stays ours as long as this process lives: a name in the kernel says so."""
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f"\0quintet-test-port-{port}")
    except OSError:
        claim.close()
        return False
    _claims.append(claim)
    return True
