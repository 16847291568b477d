"""Messages of several parts between two processes of ours, over a socket that never makes its owner wait."""

import socket
import struct
import time

CHUNK = 65_536  # bytes read at a time
MAX_PARTS = 16


class Line:
    """One end of a stream socket.

    Args:
        end: the socket; this object closes it.
        limit: bytes of the longest message taken in; one beyond it ends the line.
    """

    def __init__(self, end: socket.socket, limit: int) -> None:
        end.setblocking(False)
        self.socket, self.ended = end, False
        self._limit = limit
        self._outgoing, self._incoming = bytearray(), bytearray()

    @property
    def waiting(self) -> int:
        """Bytes that the other side has not taken yet."""
        return len(self._outgoing)

    def send(self, *parts: bytes) -> None:
        """Hand a message over; what does not go at once goes with later calls of `send` and `flush`."""
        self._outgoing += struct.pack(f"!{len(parts) + 1}I", len(parts), *map(len, parts))
        for part in parts:
            self._outgoing += part
        self.flush()

    def flush(self) -> None:
        """Go on sending, as far as that goes without waiting."""
        try:
            while self._outgoing and not self.ended:
                with memoryview(self._outgoing) as view:
                    sent = self.socket.send(view)
                del self._outgoing[:sent]
        except BlockingIOError:
            pass
        except OSError:  # the other side has gone; what it still said can be read
            self._outgoing.clear()

    def receive(self, most: int) -> list[list[bytes]]:
        """Return up to `most` whole messages that have come, and note when the other side has ended."""
        messages: list[list[bytes]] = []
        while len(messages) < most:
            message = self._take()
            if message is not None:
                messages.append(message)
            elif not self._read():
                break
        return messages

    def close(self, seconds: float = 0.0) -> None:
        """Send what is left, waiting no longer than that, and end the line."""
        end = time.monotonic() + seconds
        while self._outgoing and not self.ended and (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            self.flush()
        self.socket.close()
        self.ended = True

    def _read(self) -> bool:
        """Read a little more; False when nothing has come."""
        if self.ended:
            return False
        try:
            data = self.socket.recv(CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        self._incoming += data
        self.ended = not data
        return bool(data)

    def _take(self) -> list[bytes] | None:
        """Return the first message when it is here as a whole; end a line on which something else comes."""
        held = self._incoming
        if len(held) < 4:
            return None
        (count,) = struct.unpack_from("!I", held)
        at = 4 * (count + 1)
        if count <= MAX_PARTS and len(held) < at:
            return None
        sizes = struct.unpack_from(f"!{count}I", held, 4) if count <= MAX_PARTS else ()
        if count > MAX_PARTS or sum(sizes) > self._limit:
            self.ended = True
            held.clear()
            return None
        if len(held) < at + sum(sizes):
            return None
        parts = []
        for size in sizes:
            parts.append(bytes(held[at : at + size]))
            at += size
        del held[:at]
        return parts
