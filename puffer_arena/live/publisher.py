"""The trainer's end: frames, metrics and the policy go out, commands come in, and training never waits for either.

    publisher = Publisher(batch, "snake", run_dir)      # its address and key are in run_dir/live.json
    publisher.tend(steps)                               # after every step of a rollout
    publisher.breathe()                                 # between two minibatches
    publisher.metrics(steps, {"episode_return": 3.2})   # after every update
    publisher.close("finished")

Nobody watching costs one look at the clock per call.  Sending only hands bytes to a process of its own (`live.gate`),
which alone deals with clients; a window that cannot keep up loses frames.
"""

import logging
import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.frame import Frame
from puffer_arena.core.fields import Array
from puffer_arena.errors import ArenaError, ParameterError, UnknownName, printable
from puffer_arena.live.address import Address, remove_address, write_address
from puffer_arena.live.commands import MAX_ROWS, Command
from puffer_arena.live.history import History
from puffer_arena.live.messages import PROTOCOL, encode_frame
from puffer_arena.live.windows import Windows

FRAME_SECONDS = 1 / 15  # at least in full flight, where two frames have little in common anyway and each costs 0.05%
SLOW_FRAME_SECONDS = 1 / 60  # where a person has limited the speed
IDLE_SECONDS = 0.2  # between looks for a window while there is none
POLICY_SECONDS = 3.0  # between policies for windows in smooth mode
POLICY_AGAIN_SECONDS = 1.0  # at least, also where windows come and go
STATUS_SECONDS = 1.0
MAX_FRAME_BYTES = 1_000_000  # rows beyond it are left out

AT_ONCE = ("pause", "resume", "step", "speed", "rows")  # commands that change nothing of what is learned
MOST_DEFERRED = 100  # commands that wait for a step; more are dropped
HELD_SECONDS = 0.25  # between looks at the clock while training is held

Look = Callable[[Array], tuple[Array | None, Array | None]]  # rows -> probabilities and values; see `tend`

log = logging.getLogger("puffer_arena.live")


class Publisher:
    """Serves windows from inside the training loop.

    Args:
        batch: the rows that train.
        title: what the window shows as the run's name.
        run_dir: where `live.json` goes; None writes none.
        host: the interface to listen on; only who knows the run's key comes in, on loopback too.
        port: 0 lets the system choose.
        obey: carries out what a window asks of the trainer and returns a note for the person.
        policy: returns the newest policy as bytes.
        stopping: tells that training is to end, also while a window holds it.
        changed: called after every command of a person, before training is held by it.
        total: environment steps of the whole run; 0 where nobody knows.
        steering: returns what windows are told of the curriculum and of changes; see `messages.read_steering`.

    Raises:
        TrainingError: the port is in use, or the host is not this machine's.
        MissingExtra: pyzmq is not installed, or has no CURVE.
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
        total: int = 0,
        steering: Callable[[], dict[str, Any]] = dict,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._batch, self._title, self._run_dir = batch, title, run_dir
        self._obey, self._policy, self._clock = obey, policy, clock
        self._stopping, self._changed, self._total, self._steering = stopping, changed, total, steering
        self.windows = Windows(host, port, self._greet, self._show_soon, self._execute, self._release)
        self.rows = self._fit_rows(range(min(batch.num_envs, 16)))
        self.paused, self.speed, self.steps = False, 0.0, 0
        self._single_steps, self._note = 0, ""
        self._learning, self._deferred = False, list[Command]()  # between two steps, and what waits for the next one
        self.history = History()
        self._sent_metrics = 0
        self._framed = self._policy_sent = -math.inf
        self._next_look = self._next_status = self._next_policy = self._next_step = 0.0
        self._closed = False
        self._env = str(Path(batch.env_id).resolve()) if batch.env_id.endswith(".py") else batch.env_id
        self.announce()

    def announce(self) -> None:
        """Write where windows find this publisher.

        Raises:
            OSError: the run's folder cannot be written.
        """
        if self._run_dir is not None:
            address = Address(self.windows.local_address, self.windows.key, self._env, os.getpid())
            write_address(self._run_dir, address)

    # -- what the training loop calls -----------------------------------------------------------------

    def tend(self, steps: int, look: Look | None = None) -> None:
        """Serve the windows after a step of the rollout; waits only where a person asked for it.

        Args:
            steps: environment steps of the run so far.
            look: watched rows -> their action probabilities (k, agents or 1, choices) and values
                (k, agents or 1), or None for either.
        """
        self.steps = steps
        now = self._clock()
        if self._deferred:
            deferred, self._deferred = self._deferred, []
            for command in deferred:
                self._execute(command)
        if now < self._next_look and not self.paused and not self.speed:
            self.windows.flush()
            return
        self._serve(now, look)
        if self.paused or self.speed:
            self._hold(look)

    def breathe(self, look: Look | None = None) -> None:
        """Answer the windows between two minibatches, and stand where a person has paused training.

        What would change the training waits for the next `tend`, as an update learns with the settings it began with; a
        training that stands comes to the end of its update for it.

        Args:
            look: as in `tend`.
        """
        self._learning = True
        if self.windows:
            self._serve(self._clock(), look)
        while self.paused and not (self._single_steps or self._deferred) and self.windows and not self._stopping():
            self.windows.wait(HELD_SECONDS)
            self._serve(self._clock(), look)
        self._learning = False

    def metrics(self, steps: int, values: Mapping[str, float]) -> None:
        """Keep the metrics of an update and send them to the windows."""
        self.steps = steps
        kept = self.history.add(steps, values)
        self._sent_metrics += 1
        self.windows.send(b"metrics", {"count": self._sent_metrics, "steps": steps, "values": kept})

    def say(self, note: str) -> None:
        """Show one line in the windows."""
        self._note = note
        self._send_status()

    def close(self, status: str = "stopped", note: str = "") -> None:
        """Say goodbye, and why, let the windows go and delete the address."""
        if self._closed:
            return
        self._closed, self._note = True, note
        self.windows.receive(self._clock())
        self._send_status(status)
        if self._run_dir is not None:
            remove_address(self._run_dir, os.getpid())
        self.windows.close()

    # -- sending ------------------------------------------------------------------------------------

    def _serve(self, now: float, look: Look | None) -> None:
        """Take in commands, and send what is due."""
        self.windows.receive(now)
        if not self.windows:
            self._next_look = now + IDLE_SECONDS
        elif now >= self._next_look:
            self._next_look = now + (SLOW_FRAME_SECONDS if self.speed else FRAME_SECONDS)
            self._publish(now, look)

    def _publish(self, now: float, look: Look | None) -> None:
        windows = self.windows
        if now >= self._next_status:  # first: a window never shows rows of a run whose state it has not heard of
            self._send_status()
        if windows.want("frame") and (self.speed or now >= self._framed + windows.frame_seconds):
            self._framed = now
            windows.send(b"frame", *encode_frame(self._take_frame(look)))
        if now >= self._next_policy and self._policy is not None and windows.want("policy"):
            self._policy_sent, self._next_policy = now, now + POLICY_SECONDS
            windows.send(b"policy", {"steps": self.steps}, self._policy())

    def _take_frame(self, look: Look | None) -> Frame:
        rows = self.rows
        probs, values = look(rows) if look is not None else (None, None)
        return Frame(self.steps, rows, *self._batch.copy_rows(rows), probs, values)

    def _send_status(self, status: str = "") -> None:
        self._next_status = self._clock() + STATUS_SECONDS
        self.windows.send(b"status", self._describe(status))

    def _describe(self, status: str = "") -> dict[str, Any]:
        """Return what may change while a window is attached."""
        following = self._batch.rows.following[0]
        return {
            "status": status or ("paused" if self.paused else "training"),
            "note": self._note,
            "steps": self.steps,
            "speed": self.speed,
            "rows": self.rows.tolist(),
            "steering": self._steering(),
            # A window's own players take their parameters from the first row's next episode.
            "values": {name: following[name].tolist() for name in self._batch.env.parameters},
        }

    def _greet(self) -> tuple[dict[str, Any], bytes]:
        """Return what a new window needs to read everything else."""
        header = {
            "protocol": PROTOCOL,
            "title": self._title,
            "env": self._env,
            "version": self._batch.env.version,
            "params": asdict(self._batch.param_values),
            "num_envs": self._batch.num_envs,
            "count": self._sent_metrics,
            "total": self._total,
        }
        return header, self.history.encode()

    def _show_soon(self) -> None:
        """Show the present to a window that has just come."""
        self._next_look = self._next_status = 0.0
        self._next_policy = min(self._next_policy, self._policy_sent + POLICY_AGAIN_SECONDS)
        self._framed = -math.inf

    # -- commands -------------------------------------------------------------------------------------

    def _execute(self, command: Command) -> None:
        """Carry out a person's command; what cannot be done is said in the windows."""
        given = command.arguments
        self._note = ""
        if self._learning and command.name not in AT_ONCE:
            if len(self._deferred) < MOST_DEFERRED:
                self._deferred.append(command)
            self._note = f"'{command.name}' comes with the next step" if self.paused else ""
            self._send_status()
            return
        try:
            match command.name:
                case "pause":
                    self.paused = True
                case "resume":
                    self.paused, self._single_steps = False, 0
                case "step":
                    self.paused, self._single_steps = True, self._single_steps + 1
                case "speed":
                    self.speed, self._next_step = float(given["value"]), self._clock()
                case "rows":
                    self.rows = self._fit_rows(given["indices"])
                case _:
                    self._note = self._ask_trainer(command)
        except ArenaError as error:
            self._note = printable(error)
        except Exception as error:  # whatever a window asks for, training goes on
            log.exception("could not carry out '%s'", command.name)
            self._note = f"'{command.name}' failed: {printable(error)}"
        log.info("a window asks: %s %s", command.name, printable(given) if given else "")
        self._send_status()
        self._changed()

    def _release(self) -> None:
        """Let training run freely once nobody is left who could."""
        self.paused, self.speed, self._single_steps, self._note = False, 0.0, 0, ""

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

    def _hold(self, look: Look | None) -> None:
        """Wait while a person has paused training or limited its speed, serving the windows meanwhile."""
        while self.windows and not self._stopping():
            now = self._clock()
            if self._single_steps:
                self._single_steps -= 1
                self._next_look, self._framed = 0.0, -math.inf  # the frame after this step goes out at once
                break
            wait = HELD_SECONDS if self.paused else min(HELD_SECONDS, self._next_step - now)
            if wait <= 0 or not (self.paused or self.speed):
                break
            self.windows.wait(wait)
            self._serve(self._clock(), look)
        if self.speed:
            interval = 1.0 / (self.speed * self._batch.env.steps_per_second)
            self._next_step = max(self._next_step, self._clock() - interval) + interval
