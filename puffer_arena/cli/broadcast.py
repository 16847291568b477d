"""Between a trainer and its publisher: what windows see of the network, and what they may ask of the trainer."""

import contextlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from puffer_arena.batch.workers.processes import python
from puffer_arena.cli.steering import CHANGES, Change, SteeringLog, carry_out, mixed_in, steps_after
from puffer_arena.cli.windows import why_no_window
from puffer_arena.core.fields import Array
from puffer_arena.curriculum.gallery import tell
from puffer_arena.errors import ArenaError, UnknownName, printable
from puffer_arena.live.address import FILE_NAME
from puffer_arena.live.commands import Command
from puffer_arena.live.history import read_metrics
from puffer_arena.live.publisher import Publisher
from puffer_arena.render.draw.numbers import format_count
from puffer_arena.render.front.programs import START
from puffer_arena.trainers.algorithms.algorithm import Algorithm, nothing
from puffer_arena.trainers.networks.policy import policy_bytes
from puffer_arena.trainers.runs.run import Run

WINDOW_LOG = "window.log"
CREATE_NEW_PROCESS_GROUP = 0x200  # a Windows flag, which `subprocess` has on Windows only


class Broadcast:
    """A publisher that knows its trainer.

    Args:
        trainer: what is shown and steered.
        run: its folder.
        host, port, changed: see `Publisher`.
        log: where changes are noted.
        steered: told of every change that was made.
        record: begins or ends a recording, and returns a line for the person.
    """

    def __init__(
        self,
        trainer: Algorithm,
        run: Run,
        host: str,
        port: int,
        log: SteeringLog,
        changed: Callable[[], None] = lambda: None,
        steered: Callable[[Change], None] = lambda change: None,
        record: Callable[[], str] | None = None,
    ) -> None:
        self._trainer, self._run, self._t = trainer, run, 0
        self._log, self._steered, self._record = log, steered, record
        self.publisher = Publisher(
            trainer.batch,
            run.folder.name,
            run.folder if run.folder.is_dir() else None,
            host=host,
            port=port,
            obey=self.obey,
            policy=lambda: policy_bytes(trainer.policy),
            stopping=lambda: trainer.finished,
            changed=changed,
            total=trainer.config.total_steps,
            steering=self.steering,
        )
        trainer.between = self.breathe
        self.publisher.history = read_metrics(run.folder / "metrics.jsonl")  # of a run that goes on

    def on_step(self, trainer: Algorithm, t: int) -> None:
        """Serve the windows after step `t` of a rollout."""
        self._t = t
        self.publisher.tend(steps_after(trainer, t), self.look)

    def breathe(self) -> None:
        """Answer the windows between two minibatches."""
        self.publisher.breathe(self.look)

    def look(self, rows: Array) -> tuple[Array | None, Array | None]:
        """Return what the policy makes of some rows: probabilities (k, agents or 1, choices) and values."""
        return self._trainer.look(rows, self._t)

    def obey(self, command: Command) -> str:
        """Carry out what a window asks of the trainer, and return a note for the person.

        Raises:
            ArenaError: it cannot be.
        """
        if command.name == "save":
            self._run.save_requested = True
            return "a checkpoint is written after this update"
        if command.name == "record" and self._record is not None:
            return self._record()
        if command.name == "level":
            command = mixed_in(self._trainer.config.curriculum, command)
        if command.name not in CHANGES:
            raise UnknownName(f"a trainer does not know '{command.name}'")
        note, before = carry_out(self._trainer, command)
        change = Change(steps_after(self._trainer, self._t), command, before)
        self._log.note(change)
        self._steered(change)
        return note

    def steering(self) -> dict[str, Any]:
        """Return what windows show of it: the curriculum's table, what becomes of its values, and the newest changes."""
        trainer = self._trainer
        director = getattr(trainer, "director", None)
        return {
            "curriculum": dict(trainer.config.curriculum),
            "bins": {} if director is None else director.ledger.describe(),
            "levels": [] if director is None else tell(director.curriculum),
            "changes": self._log.newest(),
        }

    def announce(self) -> None:
        """Write `live.json` again where somebody deleted the run's folder."""
        if not (self._run.folder / FILE_NAME).exists():
            with contextlib.suppress(OSError):
                self.publisher.announce()

    def on_update(self, metrics: dict[str, float]) -> None:
        """Send an update's metrics."""
        self.publisher.metrics(int(metrics["steps"]), metrics)

    def describe(self) -> str:
        """Return how many windows watch, for the dashboard."""
        publisher, count = self.publisher, len(self.publisher.windows)
        held = "   paused there" if publisher.paused else f"   held at {publisher.speed:g}x" if publisher.speed else ""
        return f"{publisher.windows.local_address}   {count or 'no'} window{'' if count == 1 else 's'}{held}"

    def close(self, reason: str = "") -> None:
        """Tell the windows how it ended, and for what reason before its end, and let them go."""
        self._trainer.between = nothing
        steps, total = self._trainer.steps, self._trainer.config.total_steps
        if steps >= total:
            self.publisher.close("finished", f"all {format_count(total)} steps are done")
        else:
            why = f": {reason}" if reason else ""
            self.publisher.close("stopped", f"stopped at {format_count(steps)} of {format_count(total)} steps{why}")


class Window:
    """A window on a run in a process of its own, which may end at any time.

    Args:
        run_dir: the run's folder.
        env_id: what it trains in.
    """

    def __init__(self, run_dir: Path, env_id: str) -> None:
        self._log = run_dir / WINDOW_LOG
        own_group: dict[str, Any] = (  # so that Ctrl-C in the terminal ends the training only
            {"creationflags": CREATE_NEW_PROCESS_GROUP} if sys.platform == "win32" else {"start_new_session": True}
        )
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                python(START, "watch", str(run_dir), "--env", env_id),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                **own_group,
            )

    def failure(self) -> str:
        """Return why the window ended by itself, in one line; "" while it lives or when it was closed."""
        code = self._process.poll()
        if not code:
            return ""
        if code < 0:
            return f"its process was killed by signal {-code}"
        lines = self._log.read_text("utf-8", "replace").strip().splitlines() or [f"exit code {code}"]
        return printable(lines[-1].removeprefix("error: "))


def open_window(run_dir: Path, env_id: str) -> Window | str:
    """Open a window on a run of an environment, or return in one line why it cannot be."""
    reason = why_no_window()
    if reason:
        return reason
    try:
        return Window(run_dir, env_id)
    except (OSError, ArenaError) as error:
        return str(error)
