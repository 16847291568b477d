"""Frames of the wire, version 1: every message is its length, 4 bytes, and so many bytes; numbers are little-endian.

`protocol.json` beside this file is the schema of all messages, of bots that are asked (`serving`) and of games that are
trained in (`foreign.remote`).  A number in it goes up with every change that an older program would not understand.
"""

import hashlib
import hmac
import struct

from puffer_arena.errors import ParameterError

PROTOCOL = 1
HEAD = struct.Struct("<BBHI")  # which message, flags, 0, and a count
LENGTH = struct.Struct("<I")
ERROR = 255  # the first byte of a message that says why, in UTF-8
MOST_BYTES = 16 << 20  # of a message
MOST_SECRET = 64  # bytes of the message that proves a key
LEAST_KEY = 16  # characters of a key
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def frame(payload: bytes) -> bytes:
    """Return a message with its length before it."""
    return LENGTH.pack(len(payload)) + payload


def proof(key: str, nonce: str) -> bytes:
    """Return what a program that knows the key answers to a nonce."""
    return hmac.new(key.encode(), nonce.encode(), hashlib.sha256).hexdigest().encode()


def check_key(host: str, key: str) -> None:
    """Check that who listens beyond this machine asks for a key.

    Raises:
        ParameterError: it does not, or for one that could be guessed.
    """
    if host not in LOOPBACK and len(key) < LEAST_KEY:
        raise ParameterError(f"beyond this machine, on {host}, a key of at least {LEAST_KEY} characters is needed")
