"""What `train --record`, `eval --record` and the windows' F9 make of a `replay.Writer`."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from puffer_arena.batch.batch import Batch
from puffer_arena.core.fields import Array
from puffer_arena.errors import ArenaError, ParameterError
from puffer_arena.players.player import Acting, Player
from puffer_arena.replay.writer import Writer

FOLDER = "replays"  # in a run's folder
MOST_STEPS = 20_000  # of one recording, where episodes do not end
THINK_SECONDS = 1 / 5  # between looks at what the policy makes of the rows: each costs a pass through the network
UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Record:
    """What `train` records."""

    on: bool = False  # short: --record
    rows: int = 4  # environments, the first ones
    every: str = "10min"  # between recordings, such as 30s, 10min or 1h; 0s for one after the other


def read_seconds(text: str) -> float:
    """Return a span of time as people write it, in seconds.

    Raises:
        ParameterError: it is none.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?) *(s|min|h)", text.strip())
    if found is None:
        raise ParameterError(f"'{text}' is no time; write 30s, 10min or 1h")
    return float(found[1]) * UNITS[found[2]]


class RunRecorder:
    """Records a sample of a training run now and then: from whatever its rows do until each has ended an episode.

    Args:
        trainer: whose rows are recorded.
        folder: the run's; files go into `replays` there, named by the steps so far.
        record: how much of it.
        say: told what goes wrong; training goes on.
        done: called with every file that is complete.
    """

    def __init__(
        self,
        trainer: Any,
        folder: Path,
        record: Record,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        done: Callable[[Path], None] = lambda path: None,
    ) -> None:
        self._trainer, self._folder, self._say, self._clock = trainer, folder / FOLDER, say, clock
        self._done = done
        self._every, self._count = read_seconds(record.every), record.rows
        self._writer: Writer | None = None
        self._due = clock() if record.on else float("inf")  # a person may begin one at any time
        self._look = clock()
        self._broken = False

    @property
    def recording(self) -> bool:
        """Whether a file is being written."""
        return self._writer is not None and not self._writer.closed

    def begin(self) -> str:
        """Begin a recording now; return a line for the person."""
        batch, steps = self._trainer.batch, self._trainer.steps
        path = self._folder / f"{steps:012d}.mcap"
        rows = range(min(self._count, batch.num_envs))
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._writer = Writer(
                batch, path, rows, players={"all": f"the policy after {steps} steps"}, warn=self._fail
            )
        except (OSError, ArenaError) as error:
            self._fail(f"no recording: {error}")
            return f"no recording: {error}"
        self._ended = self._episodes()
        return f"recording {len(rows)} environments into {path}"

    def toggle(self) -> str:
        """Begin a recording, or end the one that runs; return a line for the person."""
        if not self.recording:
            self._broken = False
            return self.begin()
        assert self._writer is not None  # it records
        path = self._writer.path
        self.close()
        return f"recorded into {path}"

    def on_step(self, trainer: Any, t: int) -> None:
        """Begin, end and feed recordings after step `t` of a rollout."""
        now = self._clock()
        writer = self._writer
        if writer is None or writer.closed:
            if now >= self._due and not self._broken:
                self._due = now + self._every
                self.begin()
            return
        if now >= self._look:
            self._look = now + THINK_SECONDS
            writer.think(*trainer.look(writer.chosen, t))
        # Two ends: the first is of an episode that had begun before.
        if writer.steps >= MOST_STEPS or (self._due < float("inf") and (self._episodes() >= self._ended + 2).all()):
            self.close()

    def on_update(self, metrics: dict[str, float]) -> None:
        """Note an update's metrics."""
        if self.recording and self._writer is not None:
            self._writer.metrics(int(metrics.get("steps", 0)), metrics)

    def on_save(self, trainer: Any) -> None:
        """Note a checkpoint."""
        if self.recording and self._writer is not None:
            self._writer.event("checkpoint", f"{trainer.steps} steps")

    def on_change(self, name: str, value: Any) -> None:
        """Note what a person has changed about the run."""
        if self.recording and self._writer is not None:
            self._writer.event(
                "curriculum" if name == "curriculum" else "change",
                str(value) if name == "curriculum" else f"{name} {value}",
            )

    def close(self) -> None:
        """End the recording."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
            self._done(writer.path)

    def _episodes(self) -> Any:
        return self._trainer.batch.finished["episodes"][: self._count].copy()

    def _fail(self, reason: str) -> None:
        """Say once what goes wrong, and let it be."""
        if not self._broken:
            self._say(f"{reason}; training goes on")
        self._broken = True


def recorded(player: Player, path: str, rows: int, opened: list[Writer]) -> Player:
    """Return a player whose first rows are recorded, once, with what it thought of them; the caller closes what is in `opened`.

    Raises:
        ArenaError: the file cannot be written, when the player is put in front of a batch.
    """

    def prepare(batch: Batch) -> Acting:
        if not opened:
            opened.append(Writer(batch, path, range(min(rows, batch.num_envs)), players={"all": player.name}))
        acting = player.prepare(batch)
        writer = opened[0]
        if writer.batch is not batch:
            return acting

        def choose(batch: Batch, which: Array | None = None) -> Array:
            actions = acting.choose(batch, which)
            probs, values = (None if known is None else known[writer.chosen] for known in acting.thoughts())
            writer.think(probs, values)
            return actions

        return acting._replace(choose=choose)

    return replace(player, prepare=prepare)
