"""The window's end: attaches to a running trainer, notices when it goes, and finds it again when it resumes."""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from puffer_arena.errors import ArenaError, FileError, ParameterError, printable
from puffer_arena.live.address import Address, read_address
from puffer_arena.live.commands import Command, decode_header, decode_list, encode_command, read_count
from puffer_arena.live.history import History
from puffer_arena.live.messages import MAX_BODY, MAX_HISTORY, PROTOCOL, decode_frame, read_steering
from puffer_arena.live.playback import LoadActor
from puffer_arena.live.view import Policy, View
from puffer_arena.live.windows import require_curve
from puffer_arena.machine.running import is_running

HERE_SECONDS = 1.0  # between signs of life, unless frames are wanted much sooner
LEAVE_MILLISECONDS = 2_000  # at most, for the goodbye
MAX_READ = 256  # messages taken in at a time
PATIENT = 2  # failures in a row until the person is told
VIEW_COMMANDS = ("view_pause", "view_resume", "view_step")
ENDINGS = {"finished": "training is complete", "stopped": "training was stopped"}

log = logging.getLogger("puffer_arena.live")


class Subscriber(View):
    """A running trainer, as `puffer_arena.render.window.source.Source` wants it.

    Args:
        address: how to attach; None where nobody trains yet (`StoppedRun`).
        run_dir: the run's folder, when it is on this machine: where a resumed trainer is looked for.
        title: what to show until the trainer has told its own.
        load_actor: see `Playback`; None when no policy can be played here.
        newest: returns the last policy saved, for when the trainer has ended.
        env: the environment, where there is no address that names it.

    Raises:
        MissingExtra: pyzmq is not installed, or has no CURVE.
        UnknownName: the environment does not exist here.
    """

    def __init__(
        self,
        address: Address | None,
        run_dir: Path | None = None,
        title: str = "",
        load_actor: LoadActor | None = None,
        newest: Callable[[], Policy | None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        env: str = "",
    ) -> None:
        self._named = address.env if address else env
        super().__init__(self._named, title or self._named, load_actor, clock)
        self._zmq = require_curve()
        self._run_dir, self._newest = run_dir, newest
        self._context = self._zmq.Context()
        self._training_speed, self._count, self._trainer_note = 0.0, -1, ""
        self._steering_told: object = None  # as it came
        self._unread: list[bytes] | None = None  # the newest frame, which is not to be shown yet
        self._read = -math.inf  # when the one before was
        self._connected, self._warned = False, 0.0
        self._left = ""  # the mode that the person had chosen, while nothing trains and the last policy plays
        self._refusals = self._silences = 0  # in a row: handshakes refused, and attempts without an answer
        self._address: Address | None = None  # of the trainer that is attached to, or was last
        self._socket: Any = None
        self._monitor: Any = None
        self._next_here = self._next_search = 0.0
        if address is not None:
            self._connect(address)

    def _connect(self, address: Address) -> None:
        from zmq.utils import z85

        zmq = self._zmq
        self._address, self._next_here, self._next_search = address, 0.0, self._clock() + HERE_SECONDS
        self._told_seconds, self._unread = 0.0, None
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.linger = 0
        self._socket.rcvhwm, self._socket.sndhwm = 64, 64
        self._socket.maxmsgsize = MAX_BODY
        self._socket.reconnect_ivl, self._socket.reconnect_ivl_max = 200, 2_000
        self._socket.tcp_keepalive, self._socket.tcp_keepalive_idle = 1, 5  # seconds; no heartbeats: see `live.gate`
        self._socket.tcp_keepalive_intvl, self._socket.tcp_keepalive_cnt = 2, 3
        self._socket.ipv6 = "[" in address.address
        self._socket.curve_serverkey = z85.encode(bytes.fromhex(address.key))
        self._socket.curve_publickey, self._socket.curve_secretkey = zmq.curve_keypair()
        self._monitor = self._socket.get_monitor_socket(
            zmq.EVENT_HANDSHAKE_SUCCEEDED
            | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
            | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
            | zmq.EVENT_CONNECTED
            | zmq.EVENT_CONNECT_RETRIED
            | zmq.EVENT_DISCONNECTED
        )
        try:
            self._socket.connect(address.address)
        except zmq.ZMQError as error:
            raise ParameterError(
                f"'{address.address[:100]}' is no address: {error.strerror}; write it as tcp://127.0.0.1:5555"
            ) from None

    @property
    def speed(self) -> float:
        """In smooth mode 1 is natural speed; in time-lapse a limit on training, 0 for none."""
        return super().speed if self.mode == "smooth" else self._training_speed

    def poll(self) -> None:
        """Take in what has come, say that the window is there, and let the policy play on."""
        now = self._clock()
        self._watch_connection()
        self._receive(now)
        if (now >= self._next_here or self.frame_seconds < self._told_seconds / 2) and self._connected:
            self._next_here, self._told_seconds = now + HERE_SECONDS, self.frame_seconds
            stream = "policy" if self.mode == "smooth" else "frame"
            self._tell("here", streams=[stream], frame_seconds=self.frame_seconds)
        if not self._connected and now >= self._next_search:
            self._next_search = now + HERE_SECONDS
            self._search()
        self._play()

    def close(self) -> None:
        """Say goodbye; the trainer goes on."""
        if self._socket is not None:
            if self._connected:
                self._tell("leave")
                self._socket.linger = LEAVE_MILLISECONDS
            self._disconnect()
        self._context.term()
        super().close()

    # -- connection -----------------------------------------------------------------------------------

    def _disconnect(self) -> None:
        self._connected = False
        if self._socket is None:  # when the trainer had said goodbye
            return
        self._socket.disable_monitor()
        self._monitor.close()
        self._socket.close()
        self._socket = self._monitor = None

    def _watch_connection(self) -> None:
        """Learn from ZeroMQ whether the trainer's process is still at the other end."""
        from zmq.utils.monitor import recv_monitor_message

        where = self._address.address if self._address else ""
        while self._monitor is not None and self._monitor.poll(0):
            event, zmq = recv_monitor_message(self._monitor)["event"], self._zmq
            match event:
                case zmq.EVENT_HANDSHAKE_SUCCEEDED:
                    self._connected, self._next_here, self._refusals = True, 0.0, 0
                case zmq.EVENT_CONNECTED:
                    self._silences = 0
                case zmq.EVENT_CONNECT_RETRIED:
                    self._silences += 1
                    if self._silences == PATIENT and self._run_dir is None and self.status not in ENDINGS:
                        self._lose(f"nothing answers at {where}; does the trainer still run there?")
                case zmq.EVENT_DISCONNECTED:
                    if self._connected and self.status not in (*ENDINGS, "waiting"):
                        self._lose("the trainer has gone; waiting for it to come back")
                    self._connected = False
                case _:  # the handshake failed
                    self._refusals += 1
                    if self._refusals == PATIENT and self.status not in ENDINGS:
                        self._lose(
                            f"{where} refuses this key: compare it with what the trainer printed "
                            "(or no trainer of this version listens there)"
                        )

    def _lose(self, note: str) -> None:
        """Say why there is no trainer."""
        self.status, self.asked, self._note = "lost", "", note

    def _search(self) -> None:
        """Look in the run's folder whether the trainer has come back at another address."""
        if self._run_dir is None:
            return
        try:
            address = read_address(self._run_dir)
        except FileError as error:
            self._note = str(error)
            return
        if address is not None:
            address = replace(address, env=self._named)  # not the file chooses what is imported
        if address is not None and address != self._address:
            self._disconnect()
            self._connect(address)
            self.status, self._note = "waiting", "found the trainer again"
            self.mode, self._left = self._left or self.mode, ""
        elif self.status not in ENDINGS and self._address is not None and not is_running(self._address.pid):
            self.status = "lost"
            self._note = f"the trainer's process has ended; resume it with: train --resume {self._run_dir}"

    def _tell(self, command: str, **arguments: Any) -> None:
        try:
            self._socket.send(encode_command(command, **arguments), self._zmq.NOBLOCK)
        except self._zmq.ZMQError:  # its queue is full: the trainer has not read for long
            self._note = f"'{command}' could not be sent; the trainer does not answer"

    def _obey(self, command: Command) -> None:
        """Carry out or pass on a command.

        Raises:
            ArenaError: it cannot be.
        """
        smooth, self._trainer_note = self.mode == "smooth", ""
        plays_here = command.name in VIEW_COMMANDS or (self.status in ENDINGS and self._playback is not None)
        if command.name == "mode":
            self._change_mode(command.arguments["name"])
        elif plays_here or (smooth and command.name == "speed"):
            super()._obey(command)
        elif not self._connected and self.status != "waiting":  # at first ZeroMQ keeps what is sent
            raise ParameterError(f"'{command.name}' needs a trainer, and none is connected")
        else:
            self._tell(command.name, **command.arguments)
            if command.name in ("pause", "resume", "step"):
                self.asked = command.name
            if command.name == "rows":
                self._choose_rows(command.arguments["indices"])

    def _change_mode(self, name: str) -> None:
        if name not in self.modes:
            raise ParameterError(f"mode '{name}' cannot be had here; there is: {', '.join(self.modes)}")
        self.mode, self._next_here, self._left = name, 0.0, ""
        if name == "smooth" and not self._connected:
            self._load_newest()

    def _load_newest(self) -> None:
        """Play the last policy saved, when the trainer sends none any more."""
        if self._newest is None or self._playback is None:
            return
        policy = self._newest()
        if policy is None:
            raise ParameterError("the run has saved no checkpoint to play")
        self._playback.load(*policy)

    # -- messages ---------------------------------------------------------------------------------------

    def _receive(self, now: float) -> None:
        """Take in what has come; of several frames only the newest is read, and no more of them than the window draws."""
        for _ in range(MAX_READ):
            if self._socket is None:
                break
            try:
                parts = self._socket.recv_multipart(self._zmq.NOBLOCK)
            except self._zmq.ZMQError:  # nothing there
                break
            if parts[0] == b"frame":
                self._unread = parts
            else:
                self._try(self._handle, parts, now)
        if self._unread is not None and now >= self._read + self.frame_seconds:
            frame, self._unread, self._read = self._unread, None, now
            self._try(self._show, frame, now)

    def _try(self, handle: Callable[[list[bytes]], None], parts: list[bytes], now: float) -> None:
        try:
            handle(parts)
        except (ArenaError, ValueError, KeyError, TypeError, OverflowError) as error:
            if now - self._warned >= 1.0:
                self._warned = now
                log.warning("ignored a message from the trainer: %s", printable(error))

    def _handle(self, parts: list[bytes]) -> None:
        """Read one message that is no frame.

        Raises:
            FileError: it is not one of ours.
        """
        header = decode_header(parts[1]) if 2 <= len(parts) <= 4 else {}
        match parts[0], len(parts):
            case b"hello", 4:
                self._meet(header, parts[2], parts[3])
            case b"status", 2:
                self._read_status(header)
            case b"metrics", 2:
                self._read_metrics(header)
            case b"policy", 3:
                steps = read_count(header, "steps")
                if self._playback:
                    self._playback.load(parts[2], steps)
            case _:
                raise FileError(f"a message {parts[0][:20]!r} of {len(parts)} parts")

    def _meet(self, header: dict[str, Any], history: bytes, since: bytes) -> None:
        """Learn from the trainer what it trains.

        Args:
            header: who greets.
            history: curves.
            since: the metrics that came after them, as a JSON list of headers.
        """
        if header["protocol"] != PROTOCOL or header["version"] != self.env.version:
            self._note = "the trainer is of another version of puffer_arena; use the same on both sides"
            raise FileError(self._note)
        num_envs, count = read_count(header, "num_envs"), read_count(header, "count")
        if not 0 < num_envs < 2**31 or not isinstance(header["params"], dict):
            raise FileError("a greeting without rows or parameters")
        curves, points = History.decode(history), decode_list(since, MAX_HISTORY)
        self._begin(header["params"], num_envs)
        self._history, self._count = curves, count
        for point in points:
            self._read_metrics(point)
        self.title = printable(header["title"], 200)
        self.total = read_count(header, "total")
        if self._rows:  # chosen before the trainer resumed
            self._tell("rows", indices=self._rows)

    def _read_status(self, header: dict[str, Any]) -> None:
        status, self.asked = header["status"], ""
        if status in ENDINGS:
            self.status, self._note = status, printable(header.get("note")) or ENDINGS[status]
            self._disconnect()
            if self._playback is not None:  # nothing trains any more: the last policy plays on
                self._left, self.mode = self.mode, "smooth"
                self._load_newest()
            return
        self.status = "paused" if status == "paused" else "training"
        if header["note"] != self._trainer_note:  # a note of this side stays until the trainer has a new one
            self._trainer_note = self._note = printable(header["note"])
        self._training_speed = min(max(float(header["speed"]), 0.0), 1000.0)
        self._follow_params(header["values"])
        if (told := header.get("steering")) != self._steering_told:  # the same object as long as it says the same
            self.steering, self._steering_told = read_steering(told, self.env), told

    def _follow_params(self, values: Any) -> None:
        """Let the policy here play with the parameters that training has now."""
        if not isinstance(values, dict):
            raise FileError("parameters that are no object")
        known = {name: value for name, value in values.items() if name in self.env.parameters}
        self._wanted = known
        for name, value in known.items() if self._playback else ():
            if self._playback and self._playback.values.get(name, self._played.get(name)) != value:
                self._playback.set_param(name, value)

    def _read_metrics(self, header: dict[str, Any]) -> None:
        count, values = read_count(header, "count"), header["values"]
        if not isinstance(values, dict):
            raise FileError("metrics that are no object")
        if self._count >= 0 and count != self._count + 1:  # some were lost on the way: ask for all
            self._tell("hello")
            return
        self._count = count
        self._history.add(float(header["steps"]), values)

    def _show(self, parts: list[bytes]) -> None:
        """Read a frame of the training rows."""
        if self.mode == "time-lapse" and self.num_envs:
            self.frame = decode_frame(parts[1:], self.env, self._values, self.num_envs)
