"""A source without a trainer: a batch of this process, played by a scripted bot at natural speed."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.endings import Ending, Lately
from puffer_arena.batch.frame import Frame
from puffer_arena.core.fields import Array
from puffer_arena.core.params import record_values
from puffer_arena.errors import ArenaError
from puffer_arena.live.messages import Steering

MAX_CATCH_UP = 0.25  # seconds of play made up at once after a hitch; more is dropped
METRIC_INTERVAL = 0.5  # seconds between points of a curve


class LocalSource:
    """`render.source.Source` over a batch; `choose` picks the actions, by default the environment's first bot.

    Args:
        batch: the rows; this source steps and, at the end, closes them.
        title: the window's title.
        choose: batch -> actions, or (actions, probs, values) as in `Frame`.
        clock: seconds; tests give their own.
    """

    modes: Sequence[str] = ("smooth",)
    mode = "smooth"
    steering = Steering()  # nothing trains here
    takes_effect = "from the next episode"

    def __init__(
        self,
        batch: Batch,
        title: str = "",
        choose: Callable[[Batch], Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.batch, self.env, self.agent_ids = batch, batch.env, batch.agent_ids
        self.num_envs, self.total = batch.num_envs, 0
        self.title = title or batch.env.name
        self.asked, self.env_id = "", batch.env_id
        self.status, self.note, self.speed, self.frame_seconds = "playing", "", 1.0, 0.0
        self.metrics: Mapping[str, Sequence[tuple[float, float]]] = {}
        self._lately = Lately()
        self._choose = choose or choose_by_bot
        self._clock = clock
        self._rows = np.arange(min(batch.num_envs, 9))
        self._steps = 0
        self._due = self._measured = clock()
        self._measured_steps = 0
        self._spoken: tuple[Array | None, Array | None] = (None, None)
        self.frame: Frame | None = self._look()

    @property
    def endings(self) -> Mapping[int, Ending]:
        """What is to be said of episodes that ended a moment ago."""
        return self._lately.endings

    @property
    def view_paused(self) -> bool:
        """Whether the rows stand still."""
        return self.status == "paused"

    @property
    def made(self) -> Mapping[str, Any]:
        """The parameters that the rows were made with."""
        return asdict(self.batch.param_values)

    @property
    def wanted(self) -> Mapping[str, Any]:
        """The parameters that the next episodes begin with."""
        return record_values(self.batch.rows.following[0])

    def poll(self) -> None:
        """Play the steps that have become due."""
        now = self._clock()
        if self.status == "paused":
            self._due = now
            return
        interval = 1.0 / (self.env.steps_per_second * self.speed)
        self._due = max(self._due, now - max(MAX_CATCH_UP, interval))
        moved = False
        while self._due + interval <= now:
            self._due += interval
            self._advance()
            moved = True
        if moved:
            self.frame = self._look()
        if now - self._measured >= METRIC_INTERVAL:
            self._measure(now)

    def send(self, command: str, **arguments: Any) -> None:
        """Carry out a command at once; one that makes no sense here is answered in `note`."""
        self.note = ""
        match command:
            case "pause" | "view_pause":
                self.status = "paused"
            case "resume" | "view_resume":
                self.status = "playing"
            case "step" | "view_step":
                self.status = "paused"
                self._advance()
            case "speed":
                self.speed = min(max(float(arguments["value"]), 0.01), 100.0)
            case "rows":
                wanted = [int(i) for i in arguments["indices"] if 0 <= int(i) < self.batch.num_envs]
                self._rows = np.array(wanted or [0])
            case "param":
                self._set_param(arguments["name"], arguments["value"])
            case _:
                self.note = f"'{command}' needs a trainer; nothing is learning here"
        self.frame = self._look()

    def close(self) -> None:
        """Let the batch go."""
        self.batch.close()

    def _set_param(self, name: str, value: Any) -> None:
        try:
            self.batch.params[name][:] = value
        except ArenaError as error:
            self.note = str(error)

    def _advance(self) -> None:
        answer = self._choose(self.batch)
        actions, probs, values = answer if isinstance(answer, tuple) else (answer, None, None)
        self._spoken = probs, values
        self.batch.step(actions)
        self._lately.note(self.batch, self._clock())
        self._steps += self.batch.num_envs

    def _look(self) -> Frame:
        rows, (probs, values) = self._rows, self._spoken
        return Frame(
            steps=self._steps,
            rows=rows,
            states=self.batch.rows.states[rows].copy(),
            params=self.batch.rows.params[rows].copy(),
            probs=None if probs is None else probs[rows],
            values=None if values is None else values[rows],
        )

    def _measure(self, now: float) -> None:
        points = dict(self.batch.episodes())
        if not points.pop("episodes"):
            points = {}
        points["steps_per_second"] = (self._steps - self._measured_steps) / (now - self._measured)
        self._measured, self._measured_steps = now, self._steps
        self.metrics = dict(self.metrics)
        for name, value in points.items():
            self.metrics[name] = [*self.metrics.get(name, ()), (float(self._steps), value)]


def choose_by_bot(batch: Batch) -> Array:
    """Let the environment's first bot act, or chance where it has none."""
    for bot in batch.env.bots:
        return batch.act(bot)
    return batch.sample_actions(np.random.default_rng())
