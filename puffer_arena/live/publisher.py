"""The trainer's end: frames, metrics and the policy go out, commands come in, and training never waits for either.

    publisher = Publisher(batch, "snake", run_dir)      # its address and key are in run_dir/live.json
    publisher.tend(steps)                               # after every step of a rollout
    publisher.metrics(steps, {"episode_return": 3.2})   # after every update
    publisher.close("finished")

Nobody watching costs one look at the clock per call.  Sending only hands bytes to ZeroMQ's own thread; a
window that cannot keep up loses frames.
"""

import logging
import math
import os
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.core.errors import ArenaError, ParameterError, TrainingError, UnknownName, require
from puffer_arena.core.fields import Array
from puffer_arena.live.address import Address, remove_address, write_address
from puffer_arena.live.history import History
from puffer_arena.live.messages import (
    KEY_BYTES,
    MAX_COMMAND,
    MAX_ROWS,
    PROTOCOL,
    Command,
    Frame,
    decode_command,
    encode_frame,
    encode_header,
)

FRAME_SECONDS = 1 / 20  # in full flight, where two frames have little in common anyway and each costs 0.05%
SLOW_FRAME_SECONDS = 1 / 60  # where a person has limited the speed
IDLE_SECONDS = 0.2  # between looks for a window while there is none
POLICY_SECONDS = 3.0  # between policies for windows in smooth mode
STATUS_SECONDS = 1.0
CLIENT_SECONDS = 6.0  # a window that says nothing for so long has gone
MAX_CLIENTS = 8
MAX_READ = 64  # messages taken in at a time
MAX_FRAME_BYTES = 1_000_000  # rows beyond it are left out
OUTGOING_MESSAGES = 32  # kept for a slow window before new ones are dropped

log = logging.getLogger("puffer_arena.live")


@dataclass
class Client:
    """A window that is attached."""

    streams: frozenset[str]
    seen: float


class Publisher:
    """Serves windows from inside the training loop.

    Args:
        batch: the rows that train.
        title: what the window shows as the run's name.
        run_dir: where `live.json` goes; None writes none.
        host: the interface to listen on; every command carries the run's key, on loopback too.
        port: 0 lets the system choose.
        obey: carries out what a window asks of the trainer and returns a note for the person.
        policy: returns the newest policy as bytes.
        stopping: tells that training is to end, also while a window holds it.
        changed: called after every command of a person, before training is held by it.

    Raises:
        TrainingError: the port is in use, or the host is not this machine's.
        MissingExtra: pyzmq is not installed.
    """

    def __init__(
        self,
        batch: Batch,
        title: str,
        run_dir: Path | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        obey: Callable[[Command], str] | None = None,
        policy: Callable[[], bytes] | None = None,
        stopping: Callable[[], bool] = lambda: False,
        changed: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._zmq = require("zmq", "window")
        self._batch, self._title, self._run_dir = batch, title, run_dir
        self._obey, self._policy, self._clock = obey, policy, clock
        self._stopping, self._changed = stopping, changed
        self._context = self._zmq.Context()
        self._socket = self._listen(host, port)
        self.key = secrets.token_hex(KEY_BYTES // 2)
        self.rows = self._fit_rows(range(min(batch.num_envs, 16)))
        self.speed, self.steps = 0.0, 0
        self._paused, self._single_steps, self._note = False, 0, ""
        # A window's own players take their parameters from the first row's next episode.
        self._columns = {name: batch.rows.following[name] for name in batch.env.parameters}
        self._clients: dict[bytes, Client] = {}
        self.history = History()
        self._sent_metrics = 0
        self._next_look = self._next_status = self._next_policy = self._next_step = 0.0
        self._warned = -math.inf
        self._where = Address(self.local_address, self.key, _portable(batch.env_id), os.getpid())
        if run_dir is not None:
            write_address(run_dir, self._where)

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
        self.port = int(socket.last_endpoint.decode().rpartition(":")[2])
        self.host = host
        return socket

    @property
    def local_address(self) -> str:
        """Where a window on this machine finds the trainer."""
        everywhere = self.host in ("*", "0.0.0.0", "::")
        return f"tcp://{'127.0.0.1' if everywhere else self.host}:{self.port}"

    @property
    def paused(self) -> bool:
        """Whether a window has stopped the training."""
        return self._paused

    @property
    def num_windows(self) -> int:
        """How many windows are attached."""
        return len(self._clients)

    # -- what the training loop calls -----------------------------------------------------------------

    def tend(self, steps: int, look: Callable[[Array], tuple[Array | None, Array | None]] | None = None) -> None:
        """Serve the windows after a step of the rollout; waits only where a person asked for it.

        Args:
            steps: environment steps of the run so far.
            look: watched rows -> their action probabilities (k, agents or 1, choices) and values
                (k, agents or 1), or None for either.
        """
        self.steps = steps
        now = self._clock()
        if now < self._next_look and not self._paused and not self.speed:
            return
        self._serve(now, look)
        if self._paused or self.speed:
            self._hold(look)

    def metrics(self, steps: int, values: Mapping[str, float]) -> None:
        """Keep the metrics of an update and send them to the windows."""
        self.steps = steps
        kept = self.history.add(steps, values)
        self._sent_metrics += 1
        self._receive(self._clock())
        self._broadcast(b"metrics", {"count": self._sent_metrics, "steps": steps, "values": kept})

    def say(self, note: str) -> None:
        """Show one line in the windows."""
        self._note = note
        self._send_status()

    def close(self, status: str = "stopped") -> None:
        """Say goodbye, let the windows go and delete the address."""
        if self._socket.closed:
            return
        self._receive(self._clock())
        self._send_status(status)
        if self._run_dir is not None:
            remove_address(self._run_dir, os.getpid())
        self._socket.close()
        self._context.term()

    # -- sending ------------------------------------------------------------------------------------

    def _serve(self, now: float, look: Any) -> None:
        """Take in commands, and send what is due."""
        self._receive(now)
        if not self._clients:
            self._next_look = now + IDLE_SECONDS
        elif now >= self._next_look:
            self._next_look = now + (SLOW_FRAME_SECONDS if self.speed else FRAME_SECONDS)
            self._publish(now, look)

    def _publish(self, now: float, look: Any) -> None:
        if self._wanted("frame"):
            frame = self._take_frame(look)
            self._broadcast(b"frame", *encode_frame(frame), stream="frame")
        if now >= self._next_policy and self._policy is not None and self._wanted("policy"):
            self._next_policy = now + POLICY_SECONDS
            self._broadcast(b"policy", {"steps": self.steps}, self._policy(), stream="policy")
        if now >= self._next_status:
            self._send_status()

    def _take_frame(self, look: Any) -> Frame:
        rows, held = self.rows, self._batch.rows
        probs, values = look(rows) if look is not None else (None, None)
        return Frame(self.steps, rows, _take(held.states, rows), _take(held.params, rows), probs, values)

    def _broadcast(self, kind: bytes, header: dict[str, Any] | bytes, *bodies: bytes, stream: str = "") -> None:
        if not self._clients:
            return
        head = header if isinstance(header, bytes) else encode_header(header)
        for identity, client in self._clients.items():
            if not stream or stream in client.streams:
                self._send(identity, kind, head, *bodies)

    def _send(self, identity: bytes, *parts: bytes) -> None:
        try:
            self._socket.send_multipart([identity, *parts], self._zmq.NOBLOCK)
        except self._zmq.ZMQError as error:  # gone, or too slow: it may have the next one
            log.debug("not sent to a window: %s", error)

    def _send_status(self, status: str = "") -> None:
        self._next_status = self._clock() + STATUS_SECONDS
        self._broadcast(b"status", self._describe(status))

    def _describe(self, status: str = "") -> dict[str, Any]:
        """Return what may change while a window is attached."""
        return {
            "status": status or ("paused" if self._paused else "training"),
            "note": self._note,
            "steps": self.steps,
            "speed": self.speed,
            "rows": self.rows.tolist(),
            "values": {name: column[0].item() for name, column in self._columns.items()},
        }

    def _greet(self, identity: bytes) -> None:
        """Tell a new window what it needs to read everything else."""
        header = {
            "protocol": PROTOCOL,
            "title": self._title,
            "env": self._where.env,
            "version": self._batch.env.version,
            "params": asdict(self._batch.param_values),
            "num_envs": self._batch.num_envs,
            "count": self._sent_metrics,
            **self._describe(),
        }
        self._send(identity, b"hello", encode_header(header), self.history.encode())

    def _wanted(self, stream: str) -> bool:
        return any(stream in client.streams for client in self._clients.values())

    # -- receiving ------------------------------------------------------------------------------------

    def _receive(self, now: float) -> None:
        """Take in what the windows sent, at most MAX_READ messages, and forget those that have gone."""
        zmq = self._zmq
        for _ in range(MAX_READ):
            if not self._socket.getsockopt(zmq.EVENTS) & zmq.POLLIN:
                break
            try:
                self._handle(self._socket.recv_multipart(zmq.NOBLOCK), now)
            except (ArenaError, ValueError) as error:
                self._warn(now, error)
        silent = [identity for identity, client in self._clients.items() if now - client.seen > CLIENT_SECONDS]
        for identity in silent:
            self._drop(identity)

    def _handle(self, parts: list[bytes], now: float) -> None:
        """Carry out one message.

        Raises:
            ArenaError: it is not one of ours, or not allowed.
        """
        if len(parts) != 3 or not secrets.compare_digest(parts[1], self.key.encode()):
            raise ParameterError("a message without this run's key")
        identity, command = parts[0], decode_command(parts[2])
        if command.name == "leave":
            self._drop(identity)
        elif command.name == "here":
            self._keep(identity, frozenset(command.arguments["streams"]), now)
        elif command.name == "hello":
            self._greet(identity)
        else:
            self._execute(command)
            self._send_status()

    def _keep(self, identity: bytes, streams: frozenset[str], now: float) -> None:
        """Note that a window is there."""
        known = self._clients.get(identity)
        if known is None:
            if len(self._clients) >= MAX_CLIENTS:
                raise ParameterError(f"one window more than the {MAX_CLIENTS} that can watch at once")
            log.info("a window is watching")
        if "policy" in streams and (known is None or "policy" not in known.streams):
            self._next_policy = 0.0
        self._clients[identity] = Client(streams, now)
        if known is None:
            self._greet(identity)
            self._next_look = 0.0

    def _drop(self, identity: bytes) -> None:
        """Forget a window; the last one to go takes its brakes along."""
        if self._clients.pop(identity, None) is None:
            return
        log.info("a window has left")
        if not self._clients:
            self._paused, self.speed, self._single_steps, self._note = False, 0.0, 0, ""

    def _warn(self, now: float, error: Exception) -> None:
        """Log a message that was ignored; at most one line a second."""
        if now - self._warned >= 1.0:
            self._warned = now
            log.warning("ignored a message from a window: %s", error)

    # -- commands -------------------------------------------------------------------------------------

    def _execute(self, command: Command) -> None:
        """Carry out a person's command; what cannot be done is said in the windows."""
        given = command.arguments
        self._note = ""
        try:
            match command.name:
                case "pause":
                    self._paused = True
                case "resume":
                    self._paused, self._single_steps = False, 0
                case "step":
                    self._paused, self._single_steps = True, self._single_steps + 1
                case "speed":
                    self.speed, self._next_step = float(given["value"]), self._clock()
                case "rows":
                    self.rows = self._fit_rows(given["indices"])
                case _:
                    self._note = self._ask_trainer(command)
        except ArenaError as error:
            self._note = str(error)
        except Exception as error:  # whatever a window asks for, training goes on
            log.exception("could not carry out '%s'", command.name)
            self._note = f"'{command.name}' failed: {error}"
        log.info("a window asks: %s %s", command.name, given or "")
        self._changed()

    def _ask_trainer(self, command: Command) -> str:
        if self._obey is None:
            raise UnknownName(f"nothing here carries out '{command.name}'")
        return self._obey(command)

    def _fit_rows(self, indices: Any) -> Array:
        """Return the rows that exist and fit into a frame.

        Raises:
            ParameterError: none of them exists.
        """
        rows = [i for i in dict.fromkeys(indices) if i < self._batch.num_envs][:MAX_ROWS]
        if not rows:
            raise ParameterError(f"row {min(indices)} does not exist; rows are 0 to {self._batch.num_envs - 1}")
        held = self._batch.rows
        size = held.states.dtype.itemsize + held.params.dtype.itemsize
        return np.array(rows[: max(1, MAX_FRAME_BYTES // size)], np.int64)

    # -- pausing ------------------------------------------------------------------------------------

    def _hold(self, look: Any) -> None:
        """Wait while a person has paused training or limited its speed, serving the windows meanwhile."""
        while self._clients and not self._stopping():
            now = self._clock()
            if self._single_steps:
                self._single_steps -= 1
                self._next_look = 0.0  # the frame after this step goes out at once
                break
            wait = 0.25 if self._paused else min(0.25, self._next_step - now)
            if wait <= 0 or not (self._paused or self.speed):
                break
            self._socket.poll(math.ceil(wait * 1000))
            self._serve(self._clock(), look)
        if self.speed:
            interval = 1.0 / (self.speed * self._batch.env.steps_per_second)
            self._next_step = max(self._next_step, self._clock() - interval) + interval


def _take(records: Array, rows: Array) -> Array:
    """Copy some records; as bytes, which numpy does much faster than field by field."""
    raw = records.view(np.uint8).reshape(len(records), records.dtype.itemsize)
    return np.asarray(raw[rows].view(records.dtype)[:, 0])


def _portable(env_id: str) -> str:
    """Return an id that means the same from another working directory."""
    return str(Path(env_id).resolve()) if env_id.endswith(".py") else env_id
