"""Two gateways behind one port: a new process takes over, and no client is turned away.

With SO_REUSEPORT the kernel spreads new connections over all processes that listen on a port. When
one of them stops listening, connections that it has not yet accepted are reset: they were promised
to it. So before it stops, it asks the kernel to send new ones to somebody else, and takes what was
already promised. The request is a classic BPF program of one instruction, "return n": the nth
socket of the port gets the connection. It needs no privileges.
"""

from __future__ import annotations

import ctypes
import socket
import struct

# asm-generic/socket.h; Python has no names for them.
_ATTACH_REUSEPORT_CBPF = 51
_DETACH_REUSEPORT_BPF = 68
_RETURN = 0x06  # linux/bpf_common.h: BPF_RET | BPF_K


def shared_socket(host: str, port: int) -> socket.socket:
    """A socket bound to a port that other processes of ours may share. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


def spread(listening: socket.socket) -> None:
    """Let the kernel spread new connections over all who listen, as it does by itself."""
    try:
        listening.setsockopt(socket.SOL_SOCKET, _DETACH_REUSEPORT_BPF, 0)
    except OSError:
        return  # nobody had asked for anything else


def send_to(listening: socket.socket, index: int) -> bool:
    """Send new connections to one of the sockets, in the order in which they began to listen.

    If there is none of that number the kernel spreads them. False: this kernel cannot do it.
    """
    instruction = ctypes.create_string_buffer(struct.pack("HBBI", _RETURN, 0, 0, index))
    program = struct.pack("HL", 1, ctypes.addressof(instruction))
    try:
        listening.setsockopt(socket.SOL_SOCKET, _ATTACH_REUSEPORT_CBPF, program)
    except OSError:
        return False
    return True
