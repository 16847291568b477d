"""Collecting: the present policy plays `horizon` steps in every environment.

The batch writes each step straight into the rollout's arrays.  A stream is one agent of one environment, of those
that the policy steers; arrays are (time, streams, ...).  `obs`, `alive`, `masks`, `starts` and `values` have horizon + 1 rows: the last one is
where the next rollout goes on, so that no step is lost.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.buffers import by_seat
from puffer_arena.core.errors import TrainingError
from puffer_arena.core.fields import Array
from puffer_arena.core.tables import Buffers
from puffer_arena.trainers.advantage import Experience, follow
from puffer_arena.trainers.arrays import aligned_copy, aligned_zeros
from puffer_arena.trainers.fused import FusedPath
from puffer_arena.trainers.heads import Head
from puffer_arena.trainers.lanes import Lanes, split
from puffer_arena.trainers.observations import leaf_arrays, leaf_tensors
from puffer_arena.trainers.opponents import ScriptedOpponent
from puffer_arena.trainers.policy import Policy

MAX_BOOTSTRAP = 2048  # rows valued at once
MIN_STREAMS = 64  # per thread; fewer cost more to hand over than to compute


LOOKED_AT = ("obs", "alive", "action_mask")  # what a step leaves for the next


class Rollout:
    """The arrays of one rollout, reused by the next.

    Args:
        learners: agents that the policy steers and learns from, bool (num_envs, agents); all of them by default.
    """

    def __init__(self, batch: Batch, horizon: int, policy: Policy, learners: Array | None = None) -> None:
        self.batch, self.horizon = batch, horizon
        self._sample = batch.make_buffers()
        # None where every agent has a stream: then the batch writes into these arrays itself.
        self._picked = None if learners is None or learners.all() else np.flatnonzero(learners)
        self.streams = batch.num_envs * max(batch.num_agents, 1) if self._picked is None else len(self._picked)
        self._arrays = {
            name: aligned_zeros((horizon + (name in LOOKED_AT), self.streams, *part.shape[1:]), part.dtype)
            for name, part in by_seat(self._sample).items()
            if name != "final_obs"
        }
        self._arrays["alive"][:] = True
        self._arrays["action_mask"][:] = True
        self.obs, self.alive, self.masks = (self._arrays[name] for name in LOOKED_AT)
        self.rewards, self.terminated, self.truncated = (
            self._arrays[name] for name in ("rewards", "terminated", "truncated")
        )
        self.slices = [self._slice(t) for t in range(horizon)]
        self.final_obs = by_seat(self._sample)["final_obs"]
        if self._picked is not None:
            self.final_obs = self.final_obs[self._picked]
        self._allocate(policy)
        self.begin()

    def _slice(self, t: int) -> Buffers:
        """Return the buffers that the batch writes step `t` into."""
        if self._picked is not None:
            return self._sample
        own = {name: array[t + (name in LOOKED_AT)] for name, array in self._arrays.items()}
        shaped = {name: array.reshape(getattr(self._sample, name).shape) for name, array in own.items()}
        return self.batch.make_buffers(final_obs=self._sample.final_obs, **shaped)

    def gather(self, t: int) -> None:
        """Take the streams out of what the batch wrote at step `t`, where not every agent has one."""
        if self._picked is None:
            return
        parts = by_seat(self._sample)
        for name, array in self._arrays.items():
            np.take(parts[name], self._picked, axis=0, out=array[t + (name in LOOKED_AT)])
        np.take(parts["final_obs"], self._picked, axis=0, out=self.final_obs)

    def newest(self, t: int, agents: Array) -> tuple[Array, Array, Array]:
        """Return observations, action masks and recurrent states of some agents after step `t`.

        Args:
            agents: numbered through the rows of the batch.  Those without a stream remember nothing.
        """
        if self._picked is None:
            return self.obs[t + 1][agents], self.masks[t + 1][agents], self.state[agents]
        parts = by_seat(self._sample)
        state = np.zeros((len(parts["obs"]), self.state.shape[1]), np.float32)
        state[self._picked] = self.state
        return parts["obs"][agents], parts["action_mask"][agents], state[agents]

    def _allocate(self, policy: Policy) -> None:
        shape = (self.horizon, self.streams)
        head = policy.head
        discrete = head.noise_kind == "uniform"
        self.actions = aligned_zeros((*shape, head.components), np.int64 if discrete else np.float32)
        self.log_probs = aligned_zeros(shape, np.float32)
        self.values = aligned_zeros((self.horizon + 1, self.streams), np.float32)
        self.final_values = aligned_zeros(shape, np.float32)
        self.starts = aligned_zeros((self.horizon + 1, self.streams), np.bool_)
        self.state = aligned_zeros((self.streams, policy.state_size), np.float32)
        self.first_state = aligned_zeros(self.state.shape, np.float32)  # the recurrent state before step 0
        self.advantages = aligned_zeros(shape, np.float32)
        self.returns = aligned_zeros(shape, np.float32)
        self.ratios = np.ones(shape, np.float32)

    def begin(self) -> None:
        """Take over the batch's buffers after a reset."""
        parts = by_seat(self.batch.buffers)
        for name in LOOKED_AT:
            self._arrays[name][0] = parts[name] if self._picked is None else parts[name][self._picked]
        self.starts[0] = True

    def advance(self) -> None:
        """Let the last row be the first of the next rollout."""
        for array in (*(self._arrays[name] for name in LOOKED_AT), self.starts):
            array[0] = array[-1]
        self.first_state[:] = self.state

    def carried(self) -> dict[str, Any]:
        """Return what one rollout hands to the next, for checkpoints."""
        return {
            **{name: self._arrays[name][0] for name in LOOKED_AT},
            "starts": self.starts[0],
            "state": self.state,
        }

    @property
    def experience(self) -> Experience:
        """What the advantages are made from."""
        following, goes_on = follow(self.terminated, self.truncated, self.alive, self.values, self.final_values)
        return Experience(self.rewards, self.alive, self.values, following, goes_on, self.ratios)


class Collector:
    """Fills a rollout; `infer_seconds` and `step_seconds` tell where the last one spent its time."""

    def __init__(
        self,
        rollout: Rollout,
        threads: int,
        autocast: Callable[[], Any],
        device: torch.device,
        fused: FusedPath | None = None,
        opponent: ScriptedOpponent | None = None,
    ) -> None:
        self.rollout, self.autocast, self.device, self.fused = rollout, autocast, device, fused
        self.opponent = opponent
        self.lanes = Lanes(split(rollout.streams, threads, MIN_STREAMS))
        self._cuts: list[tuple[int, Array, Array, Array]] = []  # time, streams, last observations, states
        self.infer_seconds = self.step_seconds = 0.0

    def collect(self, policy: Policy, generator: torch.Generator, on_step: Callable[[int], None] | None = None) -> None:
        """Play the whole horizon; `on_step(t)` is called after each step.

        Raises:
            TrainingError: the network gave a number that is not finite.
        """
        rollout, head = self.rollout, policy.head
        self.infer_seconds = self.step_seconds = 0.0
        shape = (rollout.horizon, rollout.streams, head.components)
        draw = torch.rand if head.noise_kind == "uniform" else torch.randn
        self._noise = draw(shape, generator=generator)
        rollout.first_state[:] = rollout.state
        if self.fused is not None:
            self.fused.refresh()
        for t in range(rollout.horizon):
            begun = time.perf_counter()
            self.lanes.run(self._act, policy, t)
            self._check_finite(t)
            acted = time.perf_counter()
            self._step(head, t)
            self.infer_seconds += acted - begun
            self.step_seconds += time.perf_counter() - acted
            self._follow(policy, t)
            if on_step is not None:
                on_step(t)
        begun = time.perf_counter()
        self.lanes.run(self._look, policy)
        self._bootstrap(policy)
        self._check_finite(rollout.horizon)
        self.infer_seconds += time.perf_counter() - begun

    def _act(self, span: tuple[int, int], policy: Policy, t: int) -> None:
        """Choose the actions of the streams of `span` at step `t`."""
        rollout, (a, b) = self.rollout, span
        if self.fused is not None:
            obs = leaf_tensors(policy.observation, rollout.obs[t, a:b])
            targets = rollout.actions[t, a:b], rollout.log_probs[t, a:b], rollout.values[t, a:b]
            self.fused.act(obs, rollout.masks[t, a:b], self._noise[t, a:b].numpy(), *targets, t * rollout.streams + a)
            return
        with torch.inference_mode(), self.autocast():
            outputs, values, state = self._forward(policy, rollout.obs[t, a:b], rollout.state[a:b])
            mask = self._mask(t, a, b)
            actions = policy.head.sample(outputs, self._noise[t, a:b].to(self.device), mask)
            log_probs, _ = policy.head.evaluate(outputs, actions, mask)
        rollout.actions[t, a:b] = actions.cpu().numpy()
        rollout.log_probs[t, a:b] = log_probs.cpu().numpy()
        rollout.values[t, a:b] = values.float().cpu().numpy()
        if policy.memory is not None:
            rollout.state[a:b] = state.float().cpu().numpy()

    def _look(self, span: tuple[int, int], policy: Policy) -> None:
        """Value the observations after the last step."""
        rollout, (a, b) = self.rollout, span
        if self.fused is not None:
            self.fused.value(leaf_tensors(policy.observation, rollout.obs[-1, a:b]), rollout.values[-1, a:b])
            return
        with torch.inference_mode(), self.autocast():
            _, values, _ = self._forward(policy, rollout.obs[-1, a:b], rollout.state[a:b])
        rollout.values[-1, a:b] = values.float().cpu().numpy()

    def _forward(self, policy: Policy, obs: Any, state: Any) -> Any:
        tensors = leaf_tensors(policy.observation, obs, self.device)
        return policy(tensors, torch.from_numpy(state).to(self.device))

    def _mask(self, t: int, a: int, b: int) -> torch.Tensor | None:
        if self.rollout.masks.shape[-1] == 0:
            return None
        return torch.from_numpy(self.rollout.masks[t, a:b]).to(self.device)

    def _step(self, head: Head, t: int) -> None:
        rollout, batch = self.rollout, self.rollout.batch
        actions = head.to_env(rollout.actions[t])
        everybody = actions.reshape(batch.actions.shape) if self.opponent is None else self.opponent.join(actions)
        batch.step(everybody, out=rollout.slices[t])
        rollout.gather(t)

    def _follow(self, policy: Policy, t: int) -> None:
        """Note which streams begin an episode, and keep the last observations of truncated ones."""
        rollout = self.rollout
        ended = rollout.terminated[t] | rollout.truncated[t]
        if rollout.batch.num_agents:
            np.logical_or(ended, rollout.alive[t + 1] & ~rollout.alive[t], out=rollout.starts[t + 1])
        else:
            rollout.starts[t + 1] = ended
        cut = np.flatnonzero(rollout.truncated[t] & ~rollout.terminated[t])
        if len(cut):
            self._cuts.append((t, cut, rollout.final_obs[cut], rollout.state[cut]))
        if policy.memory is not None:
            rollout.state[rollout.starts[t + 1]] = 0.0

    def _bootstrap(self, policy: Policy) -> None:
        """Value the last observations of truncated episodes, all of the rollout at once."""
        if not self._cuts:
            return
        rollout = self.rollout
        times = np.concatenate([np.full(len(cut), t) for t, cut, _, _ in self._cuts])
        streams = np.concatenate([cut for _, cut, _, _ in self._cuts])
        obs = aligned_copy(np.concatenate([obs for _, _, obs, _ in self._cuts]))
        states = aligned_copy(np.concatenate([state for _, _, _, state in self._cuts]))
        self._cuts.clear()
        for begin, end in split(len(obs), -(-len(obs) // MAX_BOOTSTRAP)):
            part, values = slice(begin, end), aligned_zeros((end - begin,), np.float32)
            if self.fused is not None:
                self.fused.value(leaf_tensors(policy.observation, obs[part]), values)
            else:
                with torch.inference_mode(), self.autocast():
                    values[:] = self._forward(policy, obs[part], states[part])[1].float().cpu().numpy()
            rollout.final_values[times[part], streams[part]] = values

    def _check_finite(self, t: int) -> None:
        rollout = self.rollout
        checked = {"value": rollout.values[t]}
        if t < rollout.horizon:
            checked["action probability"] = rollout.log_probs[t]
        for what, numbers in checked.items():
            if not np.isfinite(numbers.sum()):
                stream = int(np.argmin(np.isfinite(numbers)))
                obs = rollout.obs[t, stream]
                raise TrainingError(
                    f"the network's {what} is {numbers[stream]} in stream {stream} at step {t} of the rollout"
                    f"{_odd_obs(rollout.batch, obs)}; lower optimizer.learning_rate or ppo.max_grad_norm and resume "
                    "from the last checkpoint"
                )

    def close(self) -> None:
        """End the threads."""
        self.lanes.close()


def _odd_obs(batch: Batch, obs: Any) -> str:
    """Say so when the observation itself is not finite."""
    for array in leaf_arrays(batch.observation, np.asarray(obs)[None]):
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            return f" (its observation from '{batch.env.name}' is not finite either)"
    return ""
