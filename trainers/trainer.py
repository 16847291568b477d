"""The trainer: collect, estimate advantages, learn, again and again.

trainer = Trainer(load_config("cartpole"))
while not trainer.finished:
    metrics = trainer.update()
"""

import contextlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from puffer_arena.batch.batch import make
from puffer_arena.batch.past import bring_back, read_past
from puffer_arena.batch.snapshot import check_parts, layout
from puffer_arena.core.errors import FileError
from puffer_arena.core.fields import Array
from puffer_arena.core.registry import source_digest
from puffer_arena.trainers.actor import load_weights
from puffer_arena.trainers.config import Config, to_dict
from puffer_arena.trainers.fused import choose_path
from puffer_arena.trainers.learner import Learner
from puffer_arena.trainers.opponents import ScriptedOpponent
from puffer_arena.trainers.optimizers import Optimizers
from puffer_arena.trainers.policy import Policy
from puffer_arena.trainers.precision import resolve
from puffer_arena.trainers.rollout import Collector, Rollout
from puffer_arena.trainers.schedules import decay, entropy_weight


class Trainer:
    """One training run in memory; `config` has every "auto" resolved."""

    def __init__(self, config: Config) -> None:
        self.config = resolve(config)
        config = self.config
        # The threads below each run whole operations; torch must not split those again.
        torch.set_num_threads(1)
        self.device = torch.device(config.device)
        self.batch = make(config.env, config.num_envs, config.seed, config.threads, record=None, **config.params)
        self.policy = make_policy(self.batch, config).to(self.device)
        self.generator = torch.Generator().manual_seed(config.seed)
        self.optimizers = Optimizers(self.policy, config.optimizer)
        self.opponent = ScriptedOpponent(self.batch, config.opponent) if config.opponent.bot else None
        learners = None if self.opponent is None else self.opponent.learners
        self.rollout = Rollout(self.batch, config.ppo.horizon, self.policy, learners)
        threads = config.threads if config.device == "cpu" else 1
        fused = choose_path(config, self.policy)
        if fused is not None:
            fused.reserve(config.ppo.horizon * self.rollout.streams)
        self.collector = Collector(self.rollout, threads, self._autocast, self.device, fused, self.opponent)
        self.learner = Learner(config, self.policy, self.optimizers, self.rollout, self._autocast, self.device, fused)
        self.learning_rate = config.optimizer.learning_rate  # before its schedule; may be set at any time
        self.steps = 0  # of all environments together
        self.updates = 0
        self.seconds = 0.0  # spent in updates
        self.inexact_rows = 0  # of a checkpoint that was loaded: they go on, but not to the bit
        self._stopped = False

    def _autocast(self) -> Any:
        if self.config.precision == "float32":
            return contextlib.nullcontext()
        # Without the cache: it is shared between threads, and sums would depend on who came first.
        return torch.autocast(self.device.type, torch.bfloat16, cache_enabled=False)

    @property
    def progress(self) -> float:
        """How much of the run is done, 0 to 1."""
        return min(self.steps / self.config.total_steps, 1.0)

    @property
    def finished(self) -> bool:
        """Whether all steps are done, or `stop` was called."""
        return self._stopped or self.steps >= self.config.total_steps

    def stop(self) -> None:
        """Ask the loop around `update` to end."""
        self._stopped = True

    def update(self, on_step: Callable[["Trainer", int], None] | None = None) -> dict[str, float]:
        """Do one rollout and learn from it; return what was measured.

        Args:
            on_step: called as on_step(trainer, t) after every step of the rollout.

        Raises:
            TrainingError: the network, a loss or a gradient is not finite.
        """
        begun = time.perf_counter()
        config = self.config
        hook = None if on_step is None else lambda t: on_step(self, t)
        self.collector.collect(self.policy, self.generator, hook)
        rate = self.learning_rate * decay(config.optimizer.schedule, self.progress, config.optimizer.final_fraction)
        learned = self.learner.learn(self.generator, rate, entropy_weight(config, self.progress))
        self.rollout.advance()
        self.steps += config.num_envs * config.ppo.horizon
        self.updates += 1
        seconds = time.perf_counter() - begun
        self.seconds += seconds
        metrics = {
            "steps": float(self.steps),
            "updates": float(self.updates),
            "seconds": self.seconds,
            "steps_per_second": config.num_envs * config.ppo.horizon / seconds,
            "time/step": self.collector.step_seconds,
            "time/infer": self.collector.infer_seconds,
            "time/learn": self.learner.learn_seconds,
            "learning_rate": rate,
            **learned,
        }
        metrics.update(self.batch.episodes())
        if self.opponent is not None:
            metrics.update(self.opponent.metrics())
        return metrics

    def state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """Return all that the next update depends on: tensors by name, and a description for JSON."""
        tensors = {f"policy/{name}": value for name, value in self.policy.state_dict().items()}
        tensors |= {f"optimizer/{name}": value for name, value in self.optimizers.tensors().items()}
        tensors |= {f"rows/{name}": as_bytes(array) for name, array in self.batch.rows._asdict().items()}
        tensors |= {f"carried/{name}": as_bytes(array) for name, array in self.rollout.carried().items()}
        if self.batch.recorder is not None:
            tensors |= {f"past/{name}": as_bytes(array) for name, array in self.batch.recorder.past()._asdict().items()}
        tensors["generator"] = self.generator.get_state()
        about = {
            "config": to_dict(self.config),
            "env": {
                "name": self.batch.env.name,
                "version": self.batch.env.version,
                "rules": source_digest(self.batch.env),
            },
            "layout": layout(self.batch.env, self.batch.rows).hex(),
            "steps": self.steps,
            "updates": self.updates,
            "seconds": self.seconds,
            "learning_rate": self.learning_rate,
        }
        return tensors, about

    def load_state(self, tensors: dict[str, torch.Tensor], about: dict[str, Any], name: str = "the checkpoint") -> None:
        """Take over what `state` returned; afterwards the next update is the one that would have followed.

        Raises:
            FileError: it does not fit this trainer's environment, sizes or network.
        """
        if about["layout"] != layout(self.batch.env, self.batch.rows).hex():
            raise FileError(
                f"{name} is of another environment, version or size than '{self.batch.env.name}' version "
                f"{self.batch.env.version} with these parameters"
            )
        groups: dict[str, dict[str, torch.Tensor]] = {
            group: {} for group in ("policy", "optimizer", "rows", "carried", "past")
        }
        for key, value in tensors.items():
            group, _, rest = key.partition("/")
            if group in groups:
                groups[group][rest] = value
        rate, steps, updates = float(about["learning_rate"]), int(about["steps"]), int(about["updates"])
        if not (0.0 <= rate < float("inf") and steps >= 0 and updates >= 0):
            raise FileError(f"{name} is damaged: {steps} steps, {updates} updates, learning rate {rate}")
        load_weights(self.policy, groups["policy"], name)
        self.optimizers.load_tensors(groups["optimizer"])
        from_bytes(groups["rows"], self.batch.rows._asdict(), name)
        from_bytes(groups["carried"], self.rollout.carried(), name)
        self._take_over_rows(groups["past"], name)
        try:
            self.generator.set_state(tensors["generator"])
        except (RuntimeError, TypeError) as error:
            raise FileError(f"{name} is damaged: its generator cannot be used ({error})") from None
        self.steps, self.updates, self.learning_rate = steps, updates, rate
        self.seconds = float(about["seconds"])

    def _take_over_rows(self, past: dict[str, torch.Tensor], name: str) -> None:
        """Go on from the rows that were read, physics by way of their past."""
        batch, rows = self.batch, self.batch.rows
        stored = {key: tensor.numpy().tobytes() for key, tensor in past.items() if tensor.dtype == torch.uint8}
        try:
            check_parts(batch.env, batch.param_values, rows.states, rows.params, rows.following, rows.levels)
            if batch.recorder is not None:
                exact = bring_back(batch, slice(None), read_past(batch, stored, rows.states))
                self.inexact_rows = int((~exact).sum())
        except FileError as error:
            raise FileError(f"{name}: {error}") from None

    def close(self) -> None:
        """End the threads."""
        self.collector.close()
        self.learner.close()
        self.batch.close()


def as_bytes(array: Array) -> torch.Tensor:
    """Return a copy of an array of any dtype as a tensor of bytes."""
    return torch.from_numpy(np.frombuffer(array.tobytes(), np.uint8).copy())


def from_bytes(stored: dict[str, torch.Tensor], into: dict[str, Array], name: str) -> None:
    """Copy bytes back into arrays.

    Raises:
        FileError: an array is missing or has another size; nothing has changed.
    """
    for key, array in into.items():
        if key not in stored or stored[key].dtype != torch.uint8 or stored[key].numel() != array.nbytes:
            raise FileError(f"{name} does not fit this environment: '{key}' is missing or of another size")
    for key, array in into.items():
        array[...] = np.frombuffer(stored[key].numpy().tobytes(), array.dtype).reshape(array.shape)


def make_policy(batch: Any, config: Config) -> Policy:
    """Make the policy for a batch, with weights drawn from the config's seed."""
    origin = {"env": config.env, "params": config.params, "rules": source_digest(batch.env)}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return Policy(batch.observation, batch.action, config.network, origin)
