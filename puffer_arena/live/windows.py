"""The windows attached to a trainer, and the socket that they come through.

A window says once a second that it is there, which streams it wants and how many frames; one that falls silent is
forgotten.  Every message carries the run's key.  Sending only hands bytes to ZeroMQ's own thread and never waits.
"""

import logging
import math
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from puffer_arena.core.errors import ArenaError, ParameterError, TrainingError, require
from puffer_arena.live.messages import KEY_BYTES, MAX_COMMAND, Command, decode_command, encode_header

SILENT_SECONDS = 6.0  # a window that says nothing for so long has gone
MAX_WINDOWS = 8
MAX_READ = 64  # messages taken in at a time
OUTGOING_MESSAGES = 32  # kept for a slow window before new ones are dropped

log = logging.getLogger("puffer_arena.live")


@dataclass
class Window:
    """One that is attached."""

    streams: frozenset[str]
    frame_seconds: float  # it shows no more than a frame in so long
    seen: float


class Windows:
    """All that are attached, by the identity that ZeroMQ gives their connection.

    Args:
        host, port: where to listen; port 0 lets the system choose.
        arrived: called with the identity of a window that is new, or that wants to be told all again.
        asked: called with what a person asks for.
        deserted: called when the last one has gone.

    Raises:
        TrainingError: the port is in use, or the host is not this machine's.
        MissingExtra: pyzmq is not installed.
    """

    def __init__(
        self,
        host: str,
        port: int,
        arrived: Callable[[bytes], None],
        asked: Callable[[Command], None],
        deserted: Callable[[], None],
    ) -> None:
        self._zmq = require("zmq", "window")
        self._arrived, self._asked, self._deserted = arrived, asked, deserted
        self._attached: dict[bytes, Window] = {}
        self._warned = -math.inf
        self.key = secrets.token_hex(KEY_BYTES // 2)
        self._context = self._zmq.Context()
        self._socket = self._listen(host, port)
        self.port = int(self._socket.last_endpoint.decode().rpartition(":")[2])
        here = "127.0.0.1" if host in ("*", "0.0.0.0", "::") else host
        self.local_address = f"tcp://{here}:{self.port}"  # for windows on this machine

    def _listen(self, host: str, port: int) -> Any:
        zmq = self._zmq
        socket = self._context.socket(zmq.ROUTER)
        socket.linger = 500  # milliseconds, for the last message
        socket.sndhwm, socket.rcvhwm = OUTGOING_MESSAGES, MAX_READ
        socket.maxmsgsize = 4 * MAX_COMMAND  # a longer one closes its sender's connection
        socket.heartbeat_ivl, socket.heartbeat_timeout = 3_000, 10_000
        try:
            socket.bind(f"tcp://{host}:{port or '*'}")
        except zmq.ZMQError as error:
            self._context.destroy(0)
            if error.errno == zmq.EADDRINUSE:
                raise TrainingError(
                    f"port {port} is in use by another program; leave --live.port out to get a free one, or choose another"
                ) from None
            raise TrainingError(
                f"cannot listen on {host}:{port}: {error.strerror}; --live.host is the address of "
                "one of this machine's interfaces, --live.port a number from 1024 to 65535"
            ) from None
        return socket

    def __len__(self) -> int:
        return len(self._attached)

    def want(self, stream: str) -> bool:
        """Tell whether anyone wants a stream."""
        return any(stream in window.streams for window in self._attached.values())

    @property
    def frame_seconds(self) -> float:
        """Seconds between frames for the window that shows most of them."""
        return min((window.frame_seconds for window in self._attached.values()), default=0.0)

    def send(self, identity: bytes, kind: bytes, header: dict[str, Any] | bytes, *bodies: bytes) -> None:
        """Send one window a message; it is lost when that one is gone or too slow."""
        head = header if isinstance(header, bytes) else encode_header(header)
        try:
            self._socket.send_multipart([identity, kind, head, *bodies], self._zmq.NOBLOCK)
        except self._zmq.ZMQError as error:
            log.debug("not sent to a window: %s", error)

    def broadcast(self, kind: bytes, header: dict[str, Any] | bytes, *bodies: bytes, stream: str = "") -> None:
        """Send a message to all, or to those who want `stream`."""
        if not self._attached:
            return
        head = header if isinstance(header, bytes) else encode_header(header)
        for identity, window in self._attached.items():
            if not stream or stream in window.streams:
                self.send(identity, kind, head, *bodies)

    def wait(self, seconds: float) -> None:
        """Wait until a message comes, at most so long."""
        self._socket.poll(math.ceil(seconds * 1000))

    def receive(self, now: float) -> None:
        """Take in what the windows sent, at most MAX_READ messages, and forget those that have gone."""
        zmq = self._zmq
        for _ in range(MAX_READ):
            if not self._socket.getsockopt(zmq.EVENTS) & zmq.POLLIN:
                break
            try:
                self._handle(self._socket.recv_multipart(zmq.NOBLOCK), now)
            except (ArenaError, ValueError) as error:
                self._warn(now, error)
        for identity in [i for i, window in self._attached.items() if now - window.seen > SILENT_SECONDS]:
            self._drop(identity)

    def close(self) -> None:
        """Let all of them go; what was sent still arrives."""
        self._attached.clear()
        self._socket.close()
        self._context.term()

    def _handle(self, parts: list[bytes], now: float) -> None:
        """Carry out one message.

        Raises:
            ArenaError: it is not one of ours, or not allowed.
        """
        if len(parts) != 3 or not secrets.compare_digest(parts[1], self.key.encode()):
            raise ParameterError("a message without this run's key")
        identity, command = parts[0], decode_command(parts[2])
        match command.name:
            case "here":
                given = command.arguments
                self._keep(identity, Window(frozenset(given["streams"]), given["frame_seconds"], now))
            case "hello":
                self._arrived(identity)
            case "leave":
                self._drop(identity)
            case _:
                self._asked(command)

    def _keep(self, identity: bytes, window: Window) -> None:
        """Note that a window is there; one that wants another stream than before counts as new."""
        known = self._attached.get(identity)
        if known is None and len(self._attached) >= MAX_WINDOWS:
            raise ParameterError(f"one window more than the {MAX_WINDOWS} that can watch at once")
        self._attached[identity] = window
        if known is None:
            log.info("a window is watching")
        if known is None or known.streams != window.streams:
            self._arrived(identity)

    def _drop(self, identity: bytes) -> None:
        if self._attached.pop(identity, None) is not None:
            log.info("a window has left")
            if not self._attached:
                self._deserted()

    def _warn(self, now: float, error: Exception) -> None:
        """Log a message that was ignored; at most one line a second."""
        if now - self._warned >= 1.0:
            self._warned = now
            log.warning("ignored a message from a window: %s", error)
