"""Smooth mode: the newest policy plays a few rows of this process at natural speed.

Loading a policy takes seconds the first time, so a thread of its own does it and the window goes on drawing.  What
loads and runs a policy is given from outside; this file knows nothing of networks.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.endings import Ending, Lately
from puffer_arena.batch.frame import Frame
from puffer_arena.batch.make import make
from puffer_arena.core.fields import Array
from puffer_arena.errors import ArenaError, UnknownName, printable, suggest
from puffer_arena.live.commands import MAX_ROWS
from puffer_arena.registry import load_env

MAX_CATCH_UP = 0.25  # seconds of play made up at once after a hitch; more is dropped


class Actor(Protocol):
    """A policy ready to act; `puffer_arena.trainers.actor.Actor` is one."""

    def act(
        self,
        obs: Array,
        action_mask: Array | None = None,
        *,
        acting: Array | None = None,
        rewards: Array | None = None,
    ) -> tuple[Array, Array | None, Array]:
        """Return actions, probabilities and values for a batch of observations; `acting`, `rewards` as `Batch`'s."""

    def follow(self, older: Any) -> None:
        """Go on with what the policy before remembers."""

    def reset(self, which: Array) -> None:
        """Forget what is remembered of rows whose episode ended."""


LoadActor = Callable[[bytes, Batch], Actor]


class Playback:
    """Plays the newest policy in a batch of its own.

    Args:
        env_id: what to play.
        params: the environment's parameters.
        load_actor: (policy as bytes, the batch it will play in) -> actor.
        num_envs: rows there are to watch.
    """

    def __init__(
        self,
        env_id: str,
        params: Mapping[str, Any],
        load_actor: LoadActor,
        num_envs: int = MAX_ROWS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._env_id, self._params, self._load_actor, self._clock = env_id, dict(params), load_actor, clock
        self._env = load_env(env_id)
        self.num_envs = max(1, min(num_envs, MAX_ROWS))
        self.speed, self.paused, self.note, self.steps = 1.0, False, "", 0
        self.rows = np.arange(min(self.num_envs, 16))
        self.values: dict[str, Any] = {}  # parameters changed since
        self._batch: Batch | None = None
        self._actor: Actor | None = None
        self._loading: threading.Thread | None = None
        self._next_policy: tuple[bytes, int] | None = None
        self._loaded: tuple[Batch, Actor, int] | None = None
        self._due = 0.0
        self._lately = Lately()
        self._actions: Array | None = None  # chosen for the next step
        self._spoken: tuple[Array | None, Array | None] = (None, None)

    def load(self, policy: bytes, steps: int) -> None:
        """Take over a policy as soon as it is ready."""
        self._next_policy = policy, steps

    def poll(self) -> Frame | None:
        """Play the steps that have become due; return the rows as they are when any moved."""
        self._take_over()
        if self._batch is None or self._actor is None:
            return None
        now = self._clock()
        if self.paused:
            self._due = now
            return None
        interval = 1.0 / (self._batch.env.steps_per_second * self.speed)
        self._due = max(self._due, now - max(MAX_CATCH_UP, interval))
        moved = False
        while self._due + interval <= now:
            self._due += interval
            self.advance()
            moved = True
        return self.look() if moved else None

    def advance(self) -> None:
        """Play one step, if a policy is there."""
        if self._batch is None or self._actor is None:
            return
        batch = self._batch
        batch.step(self._think() if self._actions is None else self._actions)
        self._lately.note(batch, self._clock())
        self._actor.reset(batch.began)
        self._think()

    @property
    def endings(self) -> dict[int, Ending]:
        """What is to be said of episodes that ended a moment ago: row -> ending."""
        return self._lately.endings

    def _think(self) -> Array:
        """Let the policy choose from the rows as they are, so that its thoughts belong to the picture."""
        batch, actor = self._batch, self._actor
        assert batch is not None and actor is not None  # callers looked
        self._actions, probs, values = actor.act(
            batch.obs, batch.action_mask if batch.num_choices else None, acting=batch.acting, rewards=batch.rewards
        )
        agents = max(batch.num_agents, 1)
        shown = None if probs is None else np.asarray(probs).reshape(batch.num_envs, agents, -1)
        self._spoken = shown, np.asarray(values).reshape(batch.num_envs, agents)
        return self._actions

    def look(self) -> Frame | None:
        """Return the watched rows as they are."""
        if self._batch is None:
            return None
        self._batch.depict(self.rows)
        held, (probs, values) = self._batch.rows, self._spoken
        return Frame(
            self.steps,
            self.rows,
            held.states[self.rows],
            held.params[self.rows],
            None if probs is None else probs[self.rows],
            None if values is None else values[self.rows],
        )

    def watch(self, rows: list[int]) -> None:
        """Choose the rows to show; those that do not exist are left out."""
        self.rows = np.array([i for i in rows if i < self.num_envs] or [0])

    def set_param(self, name: str, value: Any) -> None:
        """Change a parameter in all rows.

        Raises:
            UnknownName, ParameterError: no such parameter, or a value it does not take.
        """
        parameters = self._env.parameters
        if name not in parameters:
            raise UnknownName(f"no parameter '{name}'; {suggest(name, parameters)}")
        self._env.check_own("another value of a parameter")
        checked = parameters[name].check(value)
        if self._batch is not None:
            self._batch.params[name][:] = checked
        self.values[name] = checked

    def close(self) -> None:
        """Let the batch go."""
        if self._batch is not None:
            self._batch.close()

    def _take_over(self) -> None:
        """Put a loaded policy in charge, and start loading a newer one."""
        if self._loading is not None and not self._loading.is_alive():
            self._loading = None
            if self._loaded is not None:
                new, older = self._batch is None, self._actor
                self._batch, self._actor, self.steps = self._loaded
                if older is not None:
                    self._actor.follow(older)
                self._loaded = None
                if new:
                    self._take_params(self._batch)
        if self._loading is None and self._next_policy is not None:
            (policy, steps), self._next_policy = self._next_policy, None
            if self._batch is None:
                self.note = "loading the policy"
            self._loading = threading.Thread(target=self._load, args=(policy, steps), daemon=True)
            self._loading.start()

    def _take_params(self, batch: Batch) -> None:
        """Give a new batch the parameters changed meanwhile; it may be too small for one."""
        for name, value in self.values.items():
            try:
                batch.params[name][:] = value
            except ArenaError as error:
                self.note = str(error)

    def _load(self, policy: bytes, steps: int) -> None:
        try:
            batch = self._batch
            if batch is None:
                seed = int(self._clock() * 1000)
                batch = make(self._env_id, num_envs=self.num_envs, seed=seed, **self._params)
            self._loaded = batch, self._load_actor(policy, batch), steps
            self.note = ""
        except Exception as error:  # whatever comes as a policy, the window goes on
            self.note = f"the policy cannot be played: {printable(error)}"
