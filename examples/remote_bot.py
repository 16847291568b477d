"""Play by a bot that another process serves: a client without puffer_arena, one page long.

python -m puffer_arena serve arena:cartpole --port 4400
python examples/remote_bot.py 4400
"""

import hashlib
import hmac
import json
import socket
import ssl
import struct
import sys

import numpy as np


class RemoteBot:
    """A bot at the other end of a socket; its messages are in puffer_arena/serving/wire.py."""

    def __init__(self, port: int, host: str = "127.0.0.1", key: str = "", certificate: str = "") -> None:
        self.socket = socket.create_connection((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if certificate:  # of the server, a PEM file: TLS
            self.socket = ssl.create_default_context(cafile=certificate).wrap_socket(self.socket, server_hostname=host)
        self.file = self.socket.makefile("rb")
        self.about = json.loads(self._receive())
        if self.about["nonce"]:
            self._send(hmac.new(key.encode(), self.about["nonce"].encode(), hashlib.sha256).hexdigest().encode())

    def act(self, parts: list[np.ndarray], actors: np.ndarray, mask: np.ndarray | None = None) -> list[np.ndarray]:
        """Return the actions' leaves, (count, *shape), for the leaves of some observations, (count, *shape)."""
        body = [np.asarray(actors, "<u4")]
        for leaf, part in zip(self.about["observation"], parts, strict=True):
            body.append(np.ascontiguousarray(part, np.dtype(leaf["dtype"]).newbyteorder("<")))
        if mask is not None:
            body.append(np.ascontiguousarray(mask, np.uint8))
        self._send(
            struct.pack("<BBHI", 1, mask is not None, 0, len(actors)) + b"".join(part.tobytes() for part in body)
        )
        said = self._receive()
        if said[0] == 255:
            raise ValueError(said[1:].decode())
        at, actions = 8, []
        for leaf in self.about["action"]:
            dtype, size = np.dtype(leaf["dtype"]).newbyteorder("<"), int(np.prod(leaf["shape"]))
            numbers = np.frombuffer(said, dtype, len(actors) * size, at)
            actions.append(numbers.reshape(len(actors), *leaf["shape"]))
            at += numbers.nbytes
        return actions

    def forget(self, actors: np.ndarray) -> None:
        """Tell that some actors begin an episode."""
        self._send(struct.pack("<BBHI", 2, 0, 0, len(actors)) + np.asarray(actors, "<u4").tobytes())

    def _send(self, message: bytes) -> None:
        self.socket.sendall(struct.pack("<I", len(message)) + message)

    def _receive(self) -> bytes:
        head = self.file.read(4)
        if len(head) < 4:
            raise ConnectionError("the server has closed the connection")
        return self.file.read(*struct.unpack("<I", head))

    def close(self) -> None:
        """Part from the server."""
        self.file.close()
        self.socket.close()


if __name__ == "__main__":
    if len(sys.argv) < 2 or not sys.argv[1].isdigit():
        sys.exit(f"usage: python examples/remote_bot.py PORT [KEY]\n{__doc__}")
    bot = RemoteBot(int(sys.argv[1]), key=sys.argv[2] if len(sys.argv) > 2 else "")
    zeros = [np.zeros((3, *leaf["shape"])) for leaf in bot.about["observation"]]
    print(bot.about["bot"], "chooses", [part.tolist() for part in bot.act(zeros, np.arange(3))])
    bot.close()
