"""The gate: a process of its own between a trainer and its windows, so that no client reaches the run.

Whatever clients do, they do it to this process: it holds the connections and their memory, is served last by the
processor, and when it ends the trainer starts another as soon as somebody knocks.  Bounded here:

- who: ZeroMQ's CURVE handshake (https://rfc.zeromq.org/spec/26) opens only to those who know the run's public key,
  and closes after HANDSHAKE_SECONDS;
- how many: MAX_CONNECTIONS, and CONNECTIONS_A_SECOND, beyond which no more are made (`live.door`); MAX_WINDOWS of them
  are served;
- how much: MAX_MESSAGE bytes a part, COMMANDS_A_SECOND passed on, MEMORY of the whole process, within which one
  message of endless many parts also ends.

There are no ZMTP heartbeats: together with a high-water mark they abort libzmq 4.3.  The system's own (TCP keepalive)
find peers that vanished.
"""

import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import zmq
from zmq.utils import z85
from zmq.utils.monitor import recv_monitor_message

from puffer_arena.errors import ArenaError, ParameterError, printable
from puffer_arena.live.commands import MAX_COMMAND, Command, decode_command
from puffer_arena.live.door import open_door, shut_door
from puffer_arena.live.line import Line

HANDSHAKE_SECONDS = 5
MAX_CONNECTIONS = 32
MAX_WINDOWS = 8
MAX_MESSAGE = 4 * MAX_COMMAND  # bytes of a part; a longer one closes its sender's connection
MAX_READ = 16  # messages taken in at a time, and then none for PAUSE
PAUSE = 0.01  # seconds
CONNECTIONS_A_SECOND = 20
OUTGOING_MESSAGES = 16  # kept for a slow window before new ones are dropped
COMMANDS_A_SECOND, COMMANDS_AT_ONCE = 10.0, 30.0
SILENT_SECONDS = 6.0  # a window that says nothing for so long has gone
IDLE_SECONDS = 60.0  # without a connection, until the gate ends
TICK = 250  # milliseconds between looks at the clock
REPORT_SECONDS = 0.1  # between two reports to the trainer
MEMORY = 750_000_000  # bytes of address space
MAX_FILES = 128
NICENESS = 10  # the trainer comes first where both want the same core
LINGER = 500  # milliseconds, for the last message
MAX_UP = 1_000_000  # bytes that a trainer may leave unread before it is told no more
MAX_DOWN = 600_000_000  # bytes of a message from the trainer
KEEPALIVE = {zmq.TCP_KEEPALIVE: 1, zmq.TCP_KEEPALIVE_IDLE: 10, zmq.TCP_KEEPALIVE_INTVL: 3, zmq.TCP_KEEPALIVE_CNT: 3}


@dataclass
class Attached:
    """A window that is watching."""

    streams: frozenset[str]
    frame_seconds: float  # it shows no more than a frame in so long
    seen: float


class Gate:
    """Serves the windows with what the trainer says.

    Args:
        line: to the trainer.
        listener: the socket that clients knock at.
        public, secret: the run's keys, as ZeroMQ writes them.
    """

    def __init__(self, line: Line, listener: socket.socket, public: bytes, secret: bytes) -> None:
        self._line, self._listener = line, listener
        self._context = zmq.Context()
        self._front = front = self._context.socket(zmq.ROUTER)
        front.linger, front.maxmsgsize = LINGER, MAX_MESSAGE
        front.sndhwm, front.rcvhwm = OUTGOING_MESSAGES, 4 * MAX_READ
        front.handshake_ivl = HANDSHAKE_SECONDS * 1000
        front.curve_server, front.curve_publickey, front.curve_secretkey = True, public, secret
        for option, value in KEEPALIVE.items():
            front.setsockopt(option, value)
        self._monitor = front.get_monitor_socket(zmq.EVENT_ACCEPTED | zmq.EVENT_ACCEPT_FAILED | zmq.EVENT_DISCONNECTED)
        self._connections: set[Any] = set()  # their descriptors
        self._second, self._accepted = 0.0, 0  # connections let in since then
        self._is_shut = False
        front.setsockopt(zmq.USE_FD, listener.dup().detach())
        front.bind("tcp://127.0.0.1:*")  # where does not count: the descriptor is bound already
        self._attached: dict[bytes, Attached] = {}
        self._hello: list[bytes] = []
        self._points: list[bytes] = []  # metrics since the greeting was written
        self._status = b""
        self._allowance, self._refilled = COMMANDS_AT_ONCE, time.monotonic()
        self._arrivals, self._told, self._reported, self._warned = 0, "", 0.0, 0.0
        self._used = time.monotonic()

    def serve(self) -> None:
        """Serve until the trainer closes the line, or nobody has been here for long."""
        poller = zmq.Poller()
        poller.register(self._front, zmq.POLLIN)
        poller.register(self._monitor, zmq.POLLIN)
        while not self._line.ended:
            poller.register(self._line.socket, zmq.POLLIN | (zmq.POLLOUT if self._line.waiting else 0))
            poller.poll(TICK)
            now = time.monotonic()
            self._count_connections(now)
            if self._hear_windows(now) == MAX_READ:
                time.sleep(PAUSE)
            self._line.flush()
            for parts in self._line.receive(4 * MAX_READ):
                self._pass_on(parts)
            if now - self._reported >= REPORT_SECONDS:
                self._report()
            if self._connections:
                self._used = now
            elif now - self._used > IDLE_SECONDS:
                break

    def close(self) -> None:
        """Let everybody go; what was sent still arrives."""
        self._front.disable_monitor()
        self._monitor.close()
        self._front.close()
        self._context.term()
        self._line.close()

    # -- clients --------------------------------------------------------------------------------------

    def _count_connections(self, now: float) -> None:
        """Keep the door open while there is room."""
        is_full = False
        if now - self._second >= 1.0:
            self._second, self._accepted = now, 0
        while self._monitor.poll(0):
            event: dict[str, Any] = dict(recv_monitor_message(self._monitor))
            match event["event"]:
                case zmq.EVENT_ACCEPTED:
                    self._connections.add(event["value"])
                    self._accepted += 1
                case zmq.EVENT_DISCONNECTED:
                    self._connections.discard(event["value"])
                case _:  # no file descriptors left
                    is_full = True
        is_full |= len(self._connections) >= MAX_CONNECTIONS or self._accepted >= CONNECTIONS_A_SECOND
        if is_full != self._is_shut:
            (shut_door if is_full else open_door)(self._listener)
            self._is_shut = is_full

    def _hear_windows(self, now: float) -> int:
        """Take in what the windows sent, and forget those that have gone; return how many messages there were."""
        count = 0
        while count < MAX_READ and self._front.poll(0):
            count += 1
            parts = self._front.recv_multipart(zmq.NOBLOCK)
            try:
                if len(parts) != 2:
                    raise ParameterError(f"a message of {len(parts) - 1} parts; a command has 1")
                self._obey(parts[0], decode_command(parts[1]), parts[1], now)
            except (ArenaError, ValueError) as error:
                self._warn(error, now)
        self._forget([i for i, window in self._attached.items() if now - window.seen > SILENT_SECONDS])
        return count

    def _forget(self, identities: Sequence[bytes]) -> None:
        """Let windows go; when those were the last, the trainer hears of it before another can come."""
        were_there = bool(self._attached)
        for identity in identities:
            self._attached.pop(identity, None)
        if were_there and not self._attached:
            self._report()

    def _obey(self, identity: bytes, command: Command, data: bytes, now: float) -> None:
        """Carry out one command, or pass it on.

        Raises:
            ParameterError: one too many.
        """
        match command.name:
            case "here":
                given = command.arguments
                self._keep(identity, Attached(frozenset(given["streams"]), given["frame_seconds"], now))
            case "hello":
                self._greet(identity)
            case "leave":
                self._forget([identity])
            case _:
                self._allowance += (now - self._refilled) * COMMANDS_A_SECOND
                self._allowance, self._refilled = min(self._allowance, COMMANDS_AT_ONCE), now
                if self._allowance < 1.0 or not self._tell(b"command", data):
                    raise ParameterError(f"more than {COMMANDS_A_SECOND:g} commands a second")
                self._allowance -= 1.0

    def _keep(self, identity: bytes, window: Attached) -> None:
        """Note that a window is there; one that wants another stream than before counts as new."""
        known = self._attached.get(identity)
        if known is None and len(self._attached) >= MAX_WINDOWS:
            raise ParameterError(f"one window more than the {MAX_WINDOWS} that can watch at once")
        self._attached[identity] = window
        if known is None:
            self._greet(identity)
        if known is None or known.streams != window.streams:
            self._arrivals += 1

    def _greet(self, identity: bytes) -> None:
        """Tell a window what it needs to read everything else."""
        if self._hello:
            self._send(identity, b"hello", *self._hello, b"[" + b",".join(self._points) + b"]")
        if self._status:
            self._send(identity, b"status", self._status)

    def _send(self, identity: bytes, *parts: bytes | zmq.Frame) -> None:
        """Send one window a message; it is lost when that one is gone or too slow."""
        with contextlib.suppress(zmq.ZMQError):
            self._front.send_multipart([identity, *parts], zmq.NOBLOCK, copy=False)

    # -- the trainer ------------------------------------------------------------------------------------

    def _pass_on(self, parts: Sequence[bytes]) -> None:
        """Send what the trainer says to all windows that want it, and keep what later ones need."""
        kind = parts[0]
        if kind == b"hello":
            late = () if self._hello else tuple(self._attached)  # windows that were here before the first greeting
            self._hello, self._points = list(parts[1:]), []
            for identity in late:
                self._greet(identity)
            return
        if kind == b"metrics":
            self._points.append(parts[1])
        elif kind == b"status":
            self._status = parts[1]
        stream = kind.decode()
        shared = [zmq.Frame(part, copy=True) for part in parts]  # one copy in memory for all of them
        for identity, window in self._attached.items():
            if stream in window.streams or kind in (b"metrics", b"status"):
                self._send(identity, *shared)

    def _report(self) -> None:
        """Tell the trainer who is here, when that has changed."""
        windows = self._attached.values()
        report = {
            "windows": len(windows),
            "streams": sorted({stream for window in windows for stream in window.streams}),
            "frame_seconds": min((window.frame_seconds for window in windows), default=0.0),
            "arrivals": self._arrivals,
        }
        if (told := json.dumps(report)) != self._told and self._tell(b"report", told.encode()):
            self._told, self._reported = told, time.monotonic()

    def _warn(self, error: Exception, now: float) -> None:
        """Tell the trainer of a message that was ignored; at most one a second."""
        if now - self._warned >= 1.0:
            self._warned = now
            self._tell(b"warning", printable(error).encode())

    def _tell(self, *parts: bytes) -> bool:
        """Tell the trainer something, unless it has left too much unread."""
        has_room = self._line.waiting < MAX_UP
        if has_room:
            self._line.send(*parts)
        return has_room


def main() -> None:
    """Serve as the line of JSON on standard input says; see `puffer_arena.live.windows`."""
    for name in ("SIGINT", "SIGHUP"):  # meant for the trainer, whose end is noticed anyway
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    given = json.loads(sys.stdin.readline())
    keys = [z85.encode(bytes.fromhex(given[name])) for name in ("public", "secret")]
    gate = Gate(Line(take_over(given["line"]), MAX_DOWN), take_over(given["listener"]), *keys)
    limit_process()
    try:
        gate.serve()
    finally:
        gate.close()


def take_over(shared: Any) -> socket.socket:
    """Return a socket of the parent's: a descriptor, or in hexadecimal what Windows makes of one."""
    if isinstance(shared, str):
        return socket.fromshare(bytes.fromhex(shared))  # type: ignore[attr-defined,no-any-return]  # on Windows only
    return socket.socket(fileno=shared)


def limit_process() -> None:
    """Let the system hold this process to its bounds, where it can."""
    with contextlib.suppress(OSError, AttributeError):
        os.nice(NICENESS)
    with contextlib.suppress(ImportError):
        import resource

        for what, most in (("RLIMIT_AS", MEMORY), ("RLIMIT_NOFILE", MAX_FILES), ("RLIMIT_CORE", 0)):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                _, hard = resource.getrlimit(getattr(resource, what))
                bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
                resource.setrlimit(getattr(resource, what), (bound, hard))
