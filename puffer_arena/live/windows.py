"""The windows attached to a trainer, as the trainer sees them: what they want, and what they ask for.

The trainer holds the socket that windows knock at, and looks at it now and then.  Who knocks is let in by a process of
its own, the gate (`live.gate`), which ends when nobody has been there for a while.  Sending hands bytes to the gate
and never waits; frames and policies are left out while it has not taken the ones before.
"""

import contextlib
import errno
import json
import logging
import math
import selectors
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from puffer_arena.errors import ArenaError, MissingExtra, TrainingError, printable, require
from puffer_arena.live.commands import MAX_COMMAND, Command, decode_command, decode_header, encode_header
from puffer_arena.live.door import open_door
from puffer_arena.live.line import Line

QUEUE = 16  # connections that the system keeps until the gate takes them
BUFFER = 1 << 20  # bytes on their way to the gate, where the system allows so much
MAX_READ = 16  # messages taken in at a time
MAX_WAITING = 64_000_000  # bytes that the gate has not taken; a gate so far behind is given up
MAX_POINTS = 1_000_000  # bytes of metrics after which the gate is told them all again, in short
AGAIN_SECONDS, FAILED_SECONDS = 1.0, 5.0  # until another gate is opened after one that ended, or failed
GRACE = 2.0  # seconds that a gate may take to end
START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from puffer_arena.live.gate import main; main()"

log = logging.getLogger("puffer_arena.live")


class Windows:
    """All that are attached.

    Args:
        host, port: where to listen; port 0 lets the system choose.
        greeting: returns what a new window is told first: a header, and the metrics so far.
        arrived: called when a window has come, or wants something else than before.
        asked: called with what a person asks for.
        deserted: called when the last one has gone.

    Raises:
        TrainingError: the port is in use, or the host is not this machine's.
        MissingExtra: pyzmq is not installed, or has no CURVE.
    """

    def __init__(
        self,
        host: str,
        port: int,
        greeting: Callable[[], tuple[dict[str, Any], bytes]],
        arrived: Callable[[], None],
        asked: Callable[[Command], None],
        deserted: Callable[[], None],
    ) -> None:
        self._greeting, self._arrived, self._asked, self._deserted = greeting, arrived, asked, deserted
        self.key, self._secret = make_keys()
        self._listener = listen(host, port)
        self.port = int(self._listener.getsockname()[1])
        here = "127.0.0.1" if host in ("*", "0.0.0.0", "::") else host
        self.local_address = f"tcp://{f'[{here}]' if ':' in here else here}:{self.port}"  # for windows on this machine
        self._gate: _Gate | None = None
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._next_gate = self._warned = -math.inf
        self._count, self._streams, self._arrivals, self._points = 0, frozenset[str](), 0, 0
        self.frame_seconds = 0.0  # between frames, for the window that shows most of them

    def __len__(self) -> int:
        return self._count

    def want(self, stream: str) -> bool:
        """Tell whether anyone wants a stream, and the gate has taken the last of it."""
        return stream in self._streams and self._gate is not None and not self._gate.line.waiting

    def send(self, kind: bytes, header: dict[str, Any] | bytes, *bodies: bytes) -> None:
        """Send a message to all who want it."""
        if self._gate is None:
            return
        if self._gate.line.waiting > MAX_WAITING:
            self._gate.line.ended = True  # noticed by `receive`
            return
        head = header if isinstance(header, bytes) else encode_header(header)
        self._gate.line.send(kind, head, *bodies)
        if kind == b"metrics":
            self._points += len(head)
            if self._points > MAX_POINTS:
                self._greet()

    def flush(self) -> None:
        """Hand over more of what the gate has not taken yet."""
        if self._gate is not None and self._gate.line.waiting:
            self._gate.line.flush()

    def wait(self, seconds: float) -> None:
        """Wait until a message comes, or can go on its way; at most so long."""
        if self._gate is not None:
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._gate.line.waiting else 0)
            self._selector.modify(self._gate.line.socket, events)
        self._selector.select(seconds)

    def receive(self, now: float) -> None:
        """Open a gate to those who knock, and take in what came through it."""
        if self._gate is None:
            if now >= self._next_gate and self._selector.select(0):
                self._open(now)
            return
        line = self._gate.line
        line.flush()
        for message in line.receive(MAX_READ):
            try:
                self._handle(message)
            except (ArenaError, ValueError, KeyError, TypeError) as error:
                self._warn(now, printable(error))
        if line.ended:
            failed = self._shut()
            self._next_gate = now + (FAILED_SECONDS if failed else AGAIN_SECONDS)
            if failed:
                log.warning("the process that serves the windows ended with code %d; training goes on", failed)
            self._take_report({"windows": 0, "streams": [], "frame_seconds": 0.0, "arrivals": 0})

    def close(self) -> None:
        """Let all of them go; what was sent still arrives."""
        self._count = 0
        self._listener.close()
        if self._gate is not None:
            self._shut()
        self._selector.close()

    def _open(self, now: float) -> None:
        """Start a gate."""
        try:
            self._gate = _Gate(self.key, self._secret, self._listener)
        except OSError as error:  # no process or descriptor to be had; training goes on
            self._next_gate = now + FAILED_SECONDS
            log.warning("windows cannot be served now: %s", error)
            return
        self._selector.unregister(self._listener)
        self._selector.register(self._gate.line.socket, selectors.EVENT_READ)
        self._greet()

    def _greet(self) -> None:
        """Tell the gate what it tells new windows."""
        self._points = 0
        header, history = self._greeting()
        self.send(b"hello", header, history)

    def _shut(self) -> int:
        """End the gate; return its exit code."""
        assert self._gate is not None  # callers looked
        gate, self._gate = self._gate, None
        self._selector.unregister(gate.line.socket)
        if self._listener.fileno() >= 0:
            open_door(self._listener)
            self._selector.register(self._listener, selectors.EVENT_READ)
        return gate.end()

    def _handle(self, message: list[bytes]) -> None:
        """Take in one message of the gate.

        Raises:
            ArenaError: it passed on something that is no command.
        """
        match message:
            case [b"command", data]:
                self._asked(decode_command(data))
            case [b"report", data]:
                self._take_report(decode_header(data))
            case [b"warning", data]:
                log.warning("ignored a message from a window: %s", printable(data.decode()))

    def _take_report(self, report: dict[str, Any]) -> None:
        """Note who is here."""
        before, self._count = self._count, int(report["windows"])
        self._streams, self.frame_seconds = frozenset(report["streams"]), float(report["frame_seconds"])
        arrivals, self._arrivals = self._arrivals, int(report["arrivals"])
        if self._count != before:
            log.info("%d windows are watching", self._count)
        if self._arrivals > arrivals:
            self._arrived()
        if before and not self._count:
            self._deserted()

    def _warn(self, now: float, error: str) -> None:
        """Log a message that was ignored; at most one line a second."""
        if now - self._warned >= 1.0:
            self._warned = now
            log.warning("ignored a message from a window: %s", error)


class _Gate:
    """The process, and the line to it.

    Raises:
        OSError: the system has no room for either.
    """

    def __init__(self, public: str, secret: str, listener: socket.socket) -> None:
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        self.line = Line(ours, 4 * MAX_COMMAND)
        options: dict[str, Any] = {}
        if sys.platform == "win32":
            options["creationflags"] = subprocess.CREATE_NEW_PROCESS_GROUP  # Ctrl-C is for the trainer only
        else:
            options["pass_fds"] = (listener.fileno(), theirs.fileno())
        with contextlib.ExitStack() as undo:
            undo.callback(self.line.close)
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-c", START, json.dumps(sys.path)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    **options,
                )
                given = {"public": public, "secret": secret}
                given |= {name: self._share(end) for name, end in (("line", theirs), ("listener", listener))}
                assert self._process.stdin is not None  # asked for above
                with contextlib.suppress(BrokenPipeError), self._process.stdin as pipe:
                    pipe.write(json.dumps(given).encode() + b"\n")
            undo.pop_all()

    def _share(self, end: socket.socket) -> Any:
        """Return what the process makes a socket of."""
        if sys.platform == "win32":
            return end.share(self._process.pid).hex()
        return end.fileno()

    def end(self) -> int:
        """Send what is left, end the process and return its exit code."""
        self.line.close(GRACE)
        try:
            return self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


def make_keys() -> tuple[str, str]:
    """Return a new pair of keys for CURVE, public and secret, in hexadecimal.

    Raises:
        MissingExtra: pyzmq is not installed, or has no CURVE.
    """
    zmq = require_curve()
    from zmq.utils import z85

    public, secret = zmq.curve_keypair()
    return z85.decode(public).hex(), z85.decode(secret).hex()


def require_curve() -> Any:
    """Import zmq.

    Raises:
        MissingExtra: it is not installed, or cannot keep strangers out.
    """
    zmq = require("zmq", "window")
    if not zmq.has("curve"):
        raise MissingExtra(
            f"this ZeroMQ ({zmq.zmq_version()}) was built without CURVE, which keeps strangers out of a run; "
            "install one that has it: pip install --force-reinstall --only-binary :all: pyzmq"
        )
    return zmq


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        TrainingError: the port is in use, or the host is not this machine's.
    """
    where = "0.0.0.0" if host == "*" else host
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(where, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        try:
            if sys.platform != "win32":  # there it would let another program take the port over
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(QUEUE)
            listener.setblocking(False)
        except OSError:
            listener.close()
            raise
    except (OSError, UnicodeError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise TrainingError(
                f"port {port} is in use by another program; leave --live.port out to get a free one, or choose another"
            ) from None
        raise TrainingError(
            f"cannot listen on {host}:{port}: {getattr(error, 'strerror', None) or error}; --live.host is the address "
            "of one of this machine's interfaces, --live.port a number from 1024 to 65535"
        ) from None
    return listener
