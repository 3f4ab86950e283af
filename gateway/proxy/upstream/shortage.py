"""Whether a connection failed for want of something of ours, and says nothing about the replica."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.proxy.upstream.pool import Address

# Files of this process, files of this machine, and its memory for connections.
_OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


def is_ours(error: OSError, address: Address) -> bool:
    """Whether it is we who can open no connection to `address`, whoever is there."""
    if error.errno == errno.EADDRNOTAVAIL:
        return _has_a_way(address)
    return error.errno in _OURS


def _has_a_way(address: Address) -> bool:
    """Whether we have an address from which to get there: if so, it was ports that ran out.

    A machine without IPv6 says the same of an IPv6 address, and there the replica is to blame.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address.host, address.port))  # finds a way, and sends nothing
    except OSError:
        return False
    return True
