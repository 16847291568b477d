"""Collecting: the present policy plays `horizon` steps in every environment."""

import time
from collections.abc import Callable

import numpy as np
import torch

from puffer_arena.batch.workers.spans import split
from puffer_arena.core.fields import Array
from puffer_arena.errors import TrainingError
from puffer_arena.trainers.backends.backend import Backend
from puffer_arena.trainers.data.arrays import aligned_copy
from puffer_arena.trainers.data.credit import credit
from puffer_arena.trainers.data.rollout import Rollout
from puffer_arena.trainers.league.opponents import Opponents
from puffer_arena.trainers.networks.observations import leaf_arrays
from puffer_arena.trainers.nodes import Nodes
from puffer_arena.trainers.threadpool import ThreadPool

MAX_BOOTSTRAP = 2048  # rows valued at once
MIN_STREAMS = 64  # per thread; fewer cost more to hand over than to compute

# Times, streams, last observations, recurrent states, and what a central critic saw.
Cut = tuple[Array, Array, Array, dict[str, Array], list[Array]]


class Collector:
    """Fills a rollout.

    Attributes:
        infer_seconds, step_seconds: where the last one spent its time.
        cuts: what was seen last in the episodes that were truncated in it.
    """

    def __init__(
        self,
        rollout: Rollout,
        backend: Backend,
        threads: int,
        opponent: Opponents | None = None,
        nodes: Nodes = Nodes(),  # noqa: B008  frozen
    ) -> None:
        self.nodes = nodes
        self.rollout, self.backend, self.opponent = rollout, backend, opponent
        self.pool = ThreadPool(split(rollout.streams, threads, MIN_STREAMS))
        self.cuts: list[Cut] = []
        alone = opponent is None and rollout.pending is None and nodes.size == 1
        self.halves = list(rollout.batch.stepper.halves) if alone else []  # of rows that can be stepped apart
        self.stepped: Callable[[int], None] | None = None  # called after each step, before anybody looks at it
        self.infer_seconds = self.step_seconds = 0.0

    def collect(self, generator: torch.Generator, on_step: Callable[[int], None] | None = None) -> Rollout:
        """Play the whole horizon; `on_step(t)` is called after each step.

        Raises:
            TrainingError: the network gave a number that is not finite.
            ActionError: a mask left somebody no choice.
        """
        rollout, head = self.rollout, self.rollout.policy.head
        self.infer_seconds = self.step_seconds = 0.0
        everybody = rollout.streams * self.nodes.size  # all processes draw the same, and each takes its part
        noise = head.draw_noise(
            (rollout.horizon, everybody),
            lambda shape: torch.rand(shape, generator=generator).numpy(),
            lambda shape: torch.randn(shape, generator=generator).numpy(),
        )
        if self.nodes.size > 1:
            noise = aligned_copy(noise[:, slice(*self.nodes.span(everybody, "streams"))])
        rollout.remember_start()
        self.backend.refresh()
        if self.opponent is not None:
            self.opponent.begin()
        self.cuts.clear()
        play = self._play_by_halves if self.halves else self._play
        play(noise, on_step)
        begun = time.perf_counter()
        if rollout.pending is not None:
            rollout.pending.take(rollout.columns)
        self.look_ahead()
        self.infer_seconds += time.perf_counter() - begun
        return rollout

    def _play(self, noise: Array, on_step: Callable[[int], None] | None) -> None:
        """Play the horizon step by step."""
        rollout = self.rollout
        for t in range(rollout.horizon):
            begun = time.perf_counter()
            self.pool.run(self._act, t, noise, rollout.acts(t))
            self._check(t)
            acted = time.perf_counter()
            self._step(t)
            self.infer_seconds += acted - begun
            self.step_seconds += time.perf_counter() - acted
            self._follow(t)
            if on_step is not None:
                on_step(t)

    def _play_by_halves(self, noise: Array, on_step: Callable[[int], None] | None) -> None:
        """Play the horizon acting for one half of the rows while worker processes step the other.

        The policy is the same throughout, so nothing lags and the rollout is that of `_play`.
        """
        rollout, (first, second) = self.rollout, self.halves
        self._send(first, 0, noise)
        for t in range(rollout.horizon):
            self._send(second, t, noise)
            self._receive(first, t)
            if t + 1 < rollout.horizon:
                self._send(first, t + 1, noise)
            self._receive(second, t)
            self._check(t)
            rollout.gather(t)
            if self.stepped is not None:
                self.stepped(t)
            if on_step is not None:
                on_step(t)

    def _send(self, half: slice, t: int, noise: Array) -> None:
        """Choose the actions of half of the rows, and have them step."""
        rollout, begun = self.rollout, time.perf_counter()
        self._act((half.start, half.stop), t, noise, None)
        actions = rollout.policy.head.to_env(rollout.actions[t]).reshape(rollout.batch.actions.shape)
        rollout.batch.stepper.send_rows(half, actions)
        self.infer_seconds += time.perf_counter() - begun

    def _receive(self, half: slice, t: int) -> None:
        """Wait for half of the rows."""
        begun = time.perf_counter()
        self.rollout.batch.stepper.receive_rows(half, self.rollout.slices[t])
        self.step_seconds += time.perf_counter() - begun
        self._follow(t, half)

    def _act(self, span: tuple[int, int], t: int, noise: Array, acts: Array | None) -> None:
        """Choose the actions of the streams of `span` at step `t`; `acts` says whose (streams,), None for all."""
        rollout, (a, b) = self.rollout, span
        if rollout.pending is not None:
            for name, part in rollout.pending.before.items():
                which = slice(a, b) if acts is None else a + np.flatnonzero(acts[a:b])
                part[which] = rollout.state[name][which]
        if acts is not None:
            rollout.actions[t, a:b] = rollout.old_log_prob[t, a:b] = 0
            self._act_some(a + np.flatnonzero(acts[a:b]), t, noise)
            return
        state = {name: part[a:b] for name, part in rollout.state.items()}
        values = self.backend.act(
            rollout.obs[t, a:b],
            state,
            rollout.action_mask[t, a:b],
            noise[t, a:b],
            rollout.actions[t, a:b],
            rollout.old_log_prob[t, a:b],
            t * rollout.streams + a,
            rollout.central(t, slice(a, b)),
        )
        for k, name in enumerate(rollout.policy.values):
            rollout.columns[f"old_{name}"][t, a:b] = values[:, k]

    def _act_some(self, some: Array, t: int, noise: Array) -> None:
        """Choose the actions of some streams: the network is not asked for the others."""
        if not len(some):
            return
        rollout = self.rollout
        obs, masks = aligned_copy(rollout.obs[t, some]), aligned_copy(rollout.action_mask[t, some])
        state = {name: aligned_copy(part[some]) for name, part in rollout.state.items()}
        actions, log_probs = aligned_copy(rollout.actions[t, some]), aligned_copy(rollout.old_log_prob[t, some])
        central = rollout.central(t, some)
        values = self.backend.act(obs, state, masks, aligned_copy(noise[t, some]), actions, log_probs, None, central)
        rollout.actions[t, some], rollout.old_log_prob[t, some] = actions, log_probs
        for name, part in rollout.state.items():
            part[some] = state[name]
        for k, name in enumerate(rollout.policy.values):
            rollout.columns[f"old_{name}"][t, some] = values[:, k]

    def _step(self, t: int) -> None:
        rollout, batch = self.rollout, self.rollout.batch
        actions = rollout.policy.head.to_env(rollout.actions[t])
        everybody = actions.reshape(batch.actions.shape) if self.opponent is None else self.opponent.join(actions)
        batch.step(everybody, out=rollout.slices[t])
        if self.stepped is not None:
            self.stepped(t)
        if self.opponent is not None:
            self.opponent.look(rollout.slices[t])
        rollout.gather(t)

    def _follow(self, t: int, rows: slice = slice(None)) -> None:
        """Forget where episodes begin, and keep the last observations of truncated ones; of all streams or of some."""
        rollout, pending = self.rollout, self.rollout.pending
        cut = np.flatnonzero(rollout.truncated[t, rows] & ~rollout.terminated[t, rows]) + (rows.start or 0)
        times = np.full(len(cut), t)
        if pending is not None:
            if t == 0:
                pending.place(rollout.columns)
            ends = rollout.terminated, rollout.truncated
            brought = rollout.rewards, rollout.signals
            credit(t, rollout.acting, rollout.began, *brought, *ends, pending.last, pending.credited)
            times = pending.credited[cut]
            cut, times = cut[times >= 0], times[times >= 0]
        if len(cut):
            states = {name: part[cut] for name, part in rollout.state.items()}
            self.cuts.append((times, cut, rollout.final_obs[cut], states, rollout.final_central(cut)))
        for part in rollout.state.values():
            part[rows][rollout.began[t + 1, rows]] = 0.0

    def look_ahead(self) -> None:
        """Value, by the present policy, the observations after the last step and those that ended truncated episodes."""
        self.backend.refresh()
        self.pool.run(self._look)
        self._bootstrap()
        self._check(self.rollout.horizon)

    def _look(self, span: tuple[int, int]) -> None:
        rollout, (a, b) = self.rollout, span
        state = {name: part[a:b] for name, part in rollout.newest_state().items()}
        values = self.backend.value(rollout.obs[-1, a:b], state, rollout.central(-1, slice(a, b)))
        for k, name in enumerate(rollout.policy.values):
            rollout.columns[f"old_{name}"][-1, a:b] = values[:, k]

    def _bootstrap(self) -> None:
        if not self.cuts:
            return
        rollout = self.rollout
        times = np.concatenate([cut[0] for cut in self.cuts])
        streams = np.concatenate([cut[1] for cut in self.cuts])
        obs = aligned_copy(np.concatenate([cut[2] for cut in self.cuts]))
        states = {name: aligned_copy(np.concatenate([cut[3][name] for cut in self.cuts])) for name in rollout.state}
        central = [aligned_copy(np.concatenate(leaf)) for leaf in zip(*(cut[4] for cut in self.cuts), strict=True)]
        for begin, end in split(len(obs), -(-len(obs) // MAX_BOOTSTRAP)):
            part = slice(begin, end)
            before = {name: state[part] for name, state in states.items()}
            values = self.backend.value(obs[part], before, [leaf[part] for leaf in central])
            for k, name in enumerate(rollout.policy.values):
                rollout.columns[f"final_{name}"][times[part], streams[part]] = values[:, k]

    def _check(self, t: int) -> None:
        """Check that what the network made of step `t` is finite."""
        rollout = self.rollout
        checked = {name: rollout.columns[f"old_{name}"][t] for name in rollout.policy.values}
        if t < rollout.horizon:
            checked["action probability"] = rollout.old_log_prob[t]
        for what, numbers in checked.items():
            if not np.isfinite(numbers.sum()):
                self._explain(t, what, numbers)

    def _explain(self, t: int, what: str, numbers: Array) -> None:
        """Say which number is not finite, and why as far as can be told.

        Raises:
            TrainingError: always.
        """
        rollout = self.rollout
        stream = int(np.argmin(np.isfinite(numbers)))
        where = f"{rollout.who(stream)} at step {t} of the rollout"
        for array in leaf_arrays(rollout.batch.observation, np.asarray(rollout.obs[t, stream])[None]):
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise TrainingError(
                    f"the observation from '{rollout.batch.env.name}' is not finite in {where}; look for a division "
                    "or a root in its rules that goes wrong there"
                )
        raise TrainingError(
            f"the network's {what} is {numbers[stream]} in {where}; lower optimizer.learning_rate or "
            "optimizer.max_grad_norm and resume from the last checkpoint"
        )

    def close(self) -> None:
        """End the threads."""
        self.pool.close()
