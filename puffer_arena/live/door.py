"""Letting nobody in for a while, at a socket that listens, without a look at those who knock.

ZeroMQ accepts whoever comes, and closing its listener ends the connections made through it.  So the kernel drops what
arrives there: a packet filter of one instruction, `ret 0` (Linux, socket(7), SO_ATTACH_FILTER).  Clients try again by
themselves.  On other systems connections are bounded by the descriptors of the gate's process alone.
"""

import contextlib
import ctypes
import socket
import struct
import sys

SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27
RETURN = 0x06  # BPF_RET | BPF_K


def shut_door(listener: socket.socket) -> None:
    """Let no new connections be made; those in the queue still are."""
    if sys.platform == "linux":
        program = ctypes.create_string_buffer(struct.pack("=HBBI", RETURN, 0, 0, 0))
        with contextlib.suppress(OSError):
            filters = struct.pack("HL", 1, ctypes.addressof(program))
            listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, filters)


def open_door(listener: socket.socket) -> None:
    """Let connections be made again."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # it was open
            listener.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
