"""Environments that live in other programs, in any language: they connect, say what their spaces are, and are stepped.

    batch = make("remote:127.0.0.1:4500", num_envs=8)     # waits for eight games to connect
    python -m puffer_arena train remote:127.0.0.1:4500

One connection is one environment; a program opens as many as it likes.  The trainer listens, so games may come, go and
come back; the messages are in `puffer_arena/wire/protocol.json`, part "game".  A game is asked for one step at a time and
answers before it is asked again: nothing piles up on either side.  Whoever does not speak the protocol, or sends a message
of another size than its spaces say, is let go.  Beyond the loopback games must know the key in PUFFER_ARENA_KEY; with
PUFFER_ARENA_TLS_CERT and PUFFER_ARENA_TLS_KEY, files of a certificate and its key, connections are encrypted.
"""

import contextlib
import functools
import json
import os
import secrets
import socket
import ssl
import sys
import time
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from puffer_arena.errors import ParameterError, WorkerError, shown
from puffer_arena.wire.frames import (
    ERROR,
    HEAD,
    LENGTH,
    LOOPBACK,
    MOST_BYTES,
    MOST_SECRET,
    PROTOCOL,
    check_key,
    frame,
    proof,
)
from puffer_arena.wire.tls import server_tls

RESET, STEP = 1, 2
TERMINATED, TRUNCATED = 1, 2  # flags of a step
GREETING_SECONDS = 10.0
PATIENCE = 60.0  # seconds for a game to connect, and for one to answer
MOST_REGISTER = 1 << 16  # bytes of what a game says of itself
MOST_PARTS = 64  # of a space
MOST_COUNTERS = 32
BACKLOG = 128  # games that wait to be taken
DTYPES = ("float32", "float64", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)))
Leaf = tuple[tuple[str, ...], tuple[int, ...], np.dtype[Any]]  # path, shape and type of its numbers on the wire


class Lost(WorkerError):
    """A game has gone, or says what nobody can use; another may take its place."""


class Lobby:
    """Where games connect: a listening socket, and those that wait to be stepped again.

    Args:
        host, port: where to listen.
        key: that games must know; "" for none, which the loopback alone may do without.
        tls: what encrypts connections; see `wire.tls`.

    Raises:
        ParameterError: an address that is not there or taken, or no key beyond the loopback.
    """

    def __init__(self, host: str, port: int, key: str = "", tls: ssl.SSLContext | None = None) -> None:
        check_key(host, key)
        self.key, self._tls = key, tls
        try:
            self._door = socket.create_server(
                (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=BACKLOG
            )
        except (OSError, OverflowError) as error:
            raise ParameterError(f"cannot listen on {host}, port {port}: {error}") from None
        self.address = f"{host}:{self._door.getsockname()[1]}"
        self._idle: list[RemoteEnv] = []

    def take(self, patience: float = PATIENCE) -> "RemoteEnv":
        """Return the next game that registers, waiting so many seconds at most.

        Raises:
            WorkerError: none came.
        """
        if self._idle:
            return self._idle.pop()
        until = time.monotonic() + patience
        while (left := until - time.monotonic()) > 0:
            self._door.settimeout(min(left, 2.0))
            try:
                connection, _ = self._door.accept()
            except TimeoutError:
                continue
            try:
                connection.settimeout(GREETING_SECONDS)
                if self._tls is not None:
                    connection = self._tls.wrap_socket(connection, server_side=True)
                return RemoteEnv(connection, self)
            except (Lost, OSError) as error:
                connection.close()
                print(f"a game at {self.address} was let go: {error}", file=sys.stderr)
        raise WorkerError(f"no game has connected to {self.address} for {patience:g} seconds")

    def give_back(self, game: "RemoteEnv") -> None:
        """Keep a game for who asks next."""
        self._idle.append(game)

    def close(self) -> None:
        """Let all games go."""
        while self._idle:
            self._idle.pop().leave()
        self._door.close()


class RemoteEnv(gymnasium.Env[Any, Any]):
    """A game at the other end of a connection, as an Env; `ask_*` and `hear` are its halves, for who steps several.

    Raises:
        Lost: it does not speak the protocol, or has spaces that are none.
    """

    def __init__(self, connection: socket.socket, lobby: Lobby) -> None:
        self._socket, self._lobby = connection, lobby
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        nonce = secrets.token_hex(16) if lobby.key else ""
        self._send(json.dumps({"protocol": PROTOCOL, "trainer": "puffer_arena", "nonce": nonce}).encode())
        if nonce and not secrets.compare_digest(self._receive(MOST_SECRET), proof(lobby.key, nonce)):
            raise Lost("its key is another one")
        about = read_registration(self._receive(MOST_REGISTER))
        self.name: str = about["name"]
        self.observation_space, self.action_space = about["observation"], about["action"]
        self.counters: list[str] = about["counters"]
        self._sees, self._does = (list(wire_leaves(about[name])) for name in ("observation", "action"))
        size = sum(int(np.prod(shape)) * dtype.itemsize for _, shape, dtype in self._sees)
        self._sizes = {RESET: HEAD.size + size, STEP: HEAD.size + 8 * (1 + len(self.counters)) + size}
        if self._sizes[STEP] > MOST_BYTES:
            raise Lost(f"its observations have {size} bytes; a message holds {MOST_BYTES}")
        self._asked = 0
        connection.settimeout(PATIENCE)

    def ask_reset(self, seed: int) -> None:
        """Ask for a new episode."""
        self._ask(RESET, np.uint64(seed).tobytes())

    def ask_step(self, action: Any) -> None:
        """Ask for a step."""
        parts = [np.asarray(_at(action, path), dtype).tobytes() for path, _, dtype in self._does]
        self._ask(STEP, b"".join(parts))

    def hear(self) -> Any:
        """Return the answer to what was asked, as `reset` or `step` do.

        Raises:
            Lost: none came, or another than the game's spaces say.
        """
        asked = self._asked
        said = self._receive(self._sizes[asked])
        if said[:1] == bytes([ERROR]):
            raise Lost(f"it says: {shown(said[1:500].decode(errors='replace'))}")
        if len(said) != self._sizes[asked] or said[0] != asked:
            raise Lost(
                f"it answered with a message {said[0]} of {len(said)} bytes, not {asked} of {self._sizes[asked]}"
            )
        self._asked = 0
        if asked == RESET:
            return self._seen(said, HEAD.size), {}
        numbers = np.frombuffer(said, "<f8", 1 + len(self.counters), HEAD.size).tolist()
        flags = said[1]
        info = dict(zip(self.counters, numbers[1:], strict=True))
        seen = self._seen(said, HEAD.size + 8 * len(numbers))
        return seen, numbers[0], bool(flags & TERMINATED), bool(flags & TRUNCATED), info

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.ask_reset(0 if seed is None else seed)
        return self.hear()

    def step(self, action: Any) -> Any:
        self.ask_step(action)
        return self.hear()

    def close(self) -> None:
        """Give the game back, for the next who makes an environment; one that owes an answer is let go."""
        if self._asked:
            self.leave()
        elif self._socket.fileno() >= 0:
            self._lobby.give_back(self)

    def leave(self) -> None:
        """Part from the game."""
        self._socket.close()

    def _seen(self, said: bytes, at: int) -> Any:
        if not isinstance(self.observation_space, spaces.Dict):
            _, shape, dtype = self._sees[0]
            return np.frombuffer(said, dtype, -1, at).reshape(shape)
        value: dict[str, Any] = {}
        for path, shape, dtype in self._sees:
            numbers = np.frombuffer(said, dtype, int(np.prod(shape)), at).reshape(shape)
            at += numbers.nbytes
            inner = value
            for name in path[:-1]:
                inner = inner.setdefault(name, {})
            inner[path[-1]] = numbers
        return value

    def _ask(self, message: int, body: bytes) -> None:
        self._asked = message
        with contextlib.suppress(Lost):  # `hear` says it
            self._send(HEAD.pack(message, 0, 0, 0) + body)

    def _send(self, payload: bytes) -> None:
        try:
            self._socket.sendall(frame(payload))
        except OSError as error:
            raise Lost(f"it has gone ({error})") from None

    def _receive(self, most: int) -> bytes:
        (size,) = LENGTH.unpack(self._exactly(LENGTH.size))
        if not 0 < size <= max(most, 512):  # an error may be longer than an answer
            raise Lost(f"it sent a message of {size} bytes; at most {most} were to come")
        return self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        data = bytearray(size)
        view, at = memoryview(data), 0
        while at < size:
            try:
                got = self._socket.recv_into(view[at:])
            except TimeoutError:
                raise Lost("it does not answer") from None
            except OSError as error:
                raise Lost(f"it has gone ({error})") from None
            if not got:
                raise Lost("it has closed the connection")
            at += got
        return bytes(data)


def read_registration(payload: bytes) -> dict[str, Any]:
    """Return what a game says of itself, with its spaces as Gymnasium's.

    Raises:
        Lost: it is no registration, of another version, or has spaces that are none.
    """
    try:
        about = json.loads(payload)
        version, name, counters = about["protocol"], about["name"], about.get("counters", [])
        if version != PROTOCOL:
            raise Lost(f"it speaks version {shown(version)} of the protocol; this is {PROTOCOL}")
        words = [name, *counters]
        if len(counters) > MOST_COUNTERS or not all(isinstance(word, str) and 0 < len(word) <= 64 for word in words):
            raise ValueError("name and counters are short texts")
        left = iter(range(MOST_PARTS))
        made = {role: read_space(about[role], left) for role in ("observation", "action")}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, StopIteration, AssertionError) as error:
        raise Lost(f"what it registers cannot be read: {type(error).__name__}: {error}") from None
    return {"name": name, "counters": [str(word) for word in counters], **made}


def read_space(said: Any, left: Iterator[int]) -> spaces.Space[Any]:
    """Return a space as Gymnasium's from how `protocol.json` writes it; `left` runs out after so many parts."""
    next(left)
    match said["type"]:
        case "box":
            shape = tuple(said["shape"])
            if said["dtype"] not in DTYPES or len(shape) > 8 or not all(type(n) is int and n > 0 for n in shape):
                raise ValueError(f"{shown(said)} is no box")
            if int(np.prod(shape)) > MOST_BYTES:
                raise ValueError(f"{shown(shape)} is too large")
            return _box(shape, np.dtype(said["dtype"]), said.get("low"), said.get("high"))
        case "discrete":
            return spaces.Discrete(_count(said["n"]))
        case "multi_discrete":
            return spaces.MultiDiscrete([_count(n) for n in said["nvec"]])
        case "multi_binary":
            return spaces.MultiBinary(_count(said["n"]))
        case "dict":
            return spaces.Dict({str(name): read_space(said["parts"][name], left) for name in sorted(said["parts"])})
    raise ValueError(f"{shown(said['type'])} is no type of a space")


def _box(shape: tuple[int, ...], dtype: np.dtype[Any], low: Any, high: Any) -> spaces.Box:
    limits: Any = np.iinfo(dtype) if dtype.kind in "iu" else None
    least = (-np.inf if limits is None else limits.min) if low is None else low
    greatest = (np.inf if limits is None else limits.max) if high is None else high
    return spaces.Box(least, greatest, shape, dtype.type)


def _count(n: Any) -> int:
    if type(n) is not int or not 0 < n <= 1 << 16:
        raise ValueError(f"{shown(n)} is no number of choices")
    return n


def wire_leaves(space: Any, path: tuple[str, ...] = ()) -> Iterator[Leaf]:
    """Yield how the numbers of a space lie in a message."""
    if isinstance(space, spaces.Dict):
        for name, part in space.spaces.items():
            yield from wire_leaves(part, (*path, name))
        return
    shape = tuple(space.shape or ())
    yield path, shape, np.dtype(space.dtype).newbyteorder("<")


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        value = value[name]
    return value


@functools.cache
def lobby_at(rest: str) -> Lobby:
    """Return the lobby of an address, HOST:PORT; one for a process, so that games stay when batches go.

    Raises:
        ParameterError: it is no address, or nobody can listen there.
    """
    host, _, port = rest.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise ParameterError(f"'remote:{rest}' is remote:HOST:PORT, such as remote:127.0.0.1:4500")
    key = os.environ.get("PUFFER_ARENA_KEY", "")
    if not key and host not in LOOPBACK:
        key = secrets.token_urlsafe(24)
        print(f"games must know the key {key}; choose your own with PUFFER_ARENA_KEY", file=sys.stderr)
    certificate, private = (os.environ.get(f"PUFFER_ARENA_TLS_{part}", "") for part in ("CERT", "KEY"))
    lobby = Lobby(host, int(port), key, server_tls(certificate, private))
    print(f"waiting for games at {lobby.address}", file=sys.stderr)
    return lobby
