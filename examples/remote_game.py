"""A game that lives in a program of its own and is trained in from another: one page, Python's standard library alone.

    python -m puffer_arena train remote:127.0.0.1:4500 --num-envs 4
    python examples/remote_game.py 4500 4

The messages are in puffer_arena/wire/protocol.json, part "game".  Write Game anew and leave the rest.
"""

import contextlib
import hashlib
import hmac
import json
import os
import random
import socket
import ssl
import struct
import sys
import threading
import time


class Game:
    """Stand on a line of 11 places and reach the flag."""

    ABOUT = {
        "protocol": 1,
        "name": "line",
        "observation": {"type": "box", "shape": [2], "dtype": "float32", "low": 0, "high": 10},
        "action": {"type": "discrete", "n": 2},
        "counters": ["reached"],
    }

    def reset(self, seed: int) -> None:
        self.place, self.flag = random.Random(seed).sample(range(11), 2)
        self.steps = 0

    def step(self, action: int) -> tuple[float, bool, bool, list[float]]:
        self.place = min(max(self.place + (1 if action else -1), 0), 10)
        self.steps += 1
        reached = self.place == self.flag
        return (1.0 if reached else -0.1), reached, self.steps >= 30, [float(reached)]

    def observe(self) -> bytes:
        return struct.pack("<2f", self.place, self.flag)


def connect(host: str, port: int, certificate: str) -> socket.socket:
    """Return a connection to a trainer, encrypted where its certificate, a PEM file, is given."""
    connection = socket.create_connection((host, port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not certificate:
        return connection
    return ssl.create_default_context(cafile=certificate).wrap_socket(connection, server_hostname=host)


def serve(game: Game, port: int, host: str = "127.0.0.1", key: str = "", certificate: str = "") -> None:
    """Register at a trainer and play until it parts."""
    with connect(host, port, certificate) as connection, connection.makefile("rb") as incoming:

        def receive() -> bytes:
            head = incoming.read(4)
            return incoming.read(*struct.unpack("<I", head)) if len(head) == 4 else b""

        def send(message: bytes) -> None:
            connection.sendall(struct.pack("<I", len(message)) + message)

        if nonce := json.loads(receive())["nonce"]:
            send(hmac.new(key.encode(), nonce.encode(), hashlib.sha256).hexdigest().encode())
        send(json.dumps(game.ABOUT).encode())
        while message := receive():
            if message[0] == 1:  # a new episode, by its seed
                game.reset(*struct.unpack_from("<Q", message, 8))
                send(struct.pack("<BBHI", 1, 0, 0, 0) + game.observe())
            else:  # a step; a discrete action is one int64
                reward, terminated, truncated, counters = game.step(*struct.unpack_from("<q", message, 8))
                head = struct.pack("<BBHI", 2, terminated | truncated << 1, 0, 0)
                send(head + struct.pack(f"<{1 + len(counters)}d", reward, *counters) + game.observe())


def serve_always(game: Game, port: int, key: str, certificate: str) -> None:
    """Register again whenever the trainer has gone, or is not there yet."""
    while True:
        with contextlib.suppress(ConnectionError, ValueError):
            serve(game, port, key=key, certificate=certificate)
        time.sleep(1.0)


def read_numbers(arguments: list[str]) -> tuple[int, int]:
    """Return the port and how many games, or end with a word on how to give them."""
    if not 1 <= len(arguments) <= 2 or not all(word.isascii() and word.isdigit() for word in arguments):
        usage = "usage: python examples/remote_game.py PORT [GAMES]\n" + (__doc__ or "")
        print(usage, file=sys.stdout if {"-h", "--help"} & {*arguments} else sys.stderr)
        sys.exit(not {"-h", "--help"} & {*arguments})
    return int(arguments[0]), int(arguments[-1]) if len(arguments) > 1 else 1


if __name__ == "__main__":
    port, count = read_numbers(sys.argv[1:])
    secrets = os.environ.get("PUFFER_ARENA_KEY", ""), os.environ.get("PUFFER_ARENA_TLS_CERT", "")
    games = [threading.Thread(target=serve_always, args=(Game(), port, *secrets), daemon=True) for _ in range(count)]
    for game in games:
        game.start()
    games[0].join()
