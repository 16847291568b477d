"""What offline algorithms share: a dataset in memory, and rows that show what was learned from it at play.

An update is `minibatches` steps of the optimizer.  Then `num_envs` rows play `play` steps with the present policy: that
is where the mean return of metrics and windows comes from, and nothing is learned from it.  Steps of a run are those
of the dataset that were learned from, one as often as it was drawn.
"""

import dataclasses
import hashlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from puffer_arena.datasets.dataset import Dataset
from puffer_arena.datasets.file import read_dataset
from puffer_arena.errors import FileError, ParameterError
from puffer_arena.trainers.algorithms.algorithm import OnStep
from puffer_arena.trainers.algorithms.off_policy import OffPolicy
from puffer_arena.trainers.config import Config
from puffer_arena.trainers.data.transitions import Drawn, Transitions
from puffer_arena.trainers.networks.critics import Critics
from puffer_arena.trainers.networks.observations import leaf_tensors
from puffer_arena.trainers.networks.policy import MakeEncoder

SMALLEST_RETURN = 1e-3
DEFAULTS: dict[str, Any] = {
    "num_envs": 16,
    "total_steps": 5_000_000,
    "network": {"hidden": [128, 128], "memory": "none", "normalize": True},
    "optimizer": {"name": "adam", "learning_rate": 1e-3, "schedule": "cosine", "max_grad_norm": 10.0},
}


class Offline(OffPolicy):
    """The parts of an offline algorithm; see `OffPolicy`.

    Attributes:
        data: the dataset.
        transitions: its tensors.
    """

    defaults: ClassVar[Mapping[str, Any]] = DEFAULTS
    memories: ClassVar[tuple[str, ...]] = ("none",)
    offline: ClassVar[bool] = True

    def __init__(self, config: Config, make_encoder: MakeEncoder | None = None) -> None:
        self.data: Dataset = read_dataset(config.offline, config.env)
        super().__init__(dataclasses.replace(config, offline=str(Path(config.offline).absolute())), make_encoder)

    def prepare(self) -> None:
        config, policy = self.config, self.policy
        if (self.batch.observation, self.batch.action) != self.data.about.spaces:
            raise ParameterError(
                f"dataset '{config.offline}' was played with {dict(self.data.about.params)}, where '{config.env}' has other "
                "sizes; train with the same parameters (--param)"
            )
        self.transitions = Transitions(self.data, policy.head, config.device)
        if config.network.normalize:
            policy.watch(leaf_tensors(policy.observation, self.data.observations, config.device))

    @property
    def return_size(self) -> float:
        """How large the dataset's returns are, their root mean square; a lone good player's hardly deviate."""
        return max(float(np.sqrt((self.data.returns**2).mean())), SMALLEST_RETURN)

    def make_critics(self, normalize: bool) -> Critics:
        """Return two critics of actions; see `Critics`."""
        critics = Critics(self.policy.observation, self.policy.head, self.config.network, normalize)
        if self.config.network.normalize:
            data = self.transitions
            critics.watch(data.observe(data.seen), data.actions)
        return critics

    def draw(self, among: Tensor | None = None) -> Tensor:
        """Return the numbers of steps drawn at random, (batch,): of the whole dataset, or among some."""
        count = self.data.steps if among is None else len(among)
        drawn = torch.randint(count, (self.config.method.batch,), generator=self.generator).to(self.config.device)
        return drawn if among is None else among[drawn]

    def minibatch(self, among: Tensor | None = None) -> Drawn:
        """Return steps drawn at random; see `draw`."""
        return self.transitions.steps(self.draw(among))

    @property
    def steps_each(self) -> int:
        """How many steps of the dataset a minibatch is made of."""
        return int(self.config.method.batch)

    def update(self, on_step: OnStep | None = None) -> dict[str, float]:
        begun, s = time.perf_counter(), self.config.method
        found = self.teach(s.minibatches)
        learned = time.perf_counter()
        self.play(s.play, on_step)
        steps = s.minibatches * self.steps_each
        self.steps += steps
        self.updates += 1
        seconds = time.perf_counter() - begun
        self.seconds += seconds
        return {
            "steps": float(self.steps),
            "updates": float(self.updates),
            "seconds": self.seconds,
            "steps_per_second": steps / seconds,
            "time/step": time.perf_counter() - learned,
            "time/learn": learned - begun,
            **found,
            **self.batch.episodes(),
        }

    @property
    def digest(self) -> str:
        """A word for the dataset, by which a run knows it again."""
        found = hashlib.sha256()
        for column in (self.data.lengths, self.data.actions, self.data.rewards, self.data.observations):
            found.update(np.ascontiguousarray(column).tobytes())
        return found.hexdigest()

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        tensors, about = super().state()
        return tensors, about | {"dataset": self.digest}

    def load_state(self, tensors: dict[str, Tensor], about: dict[str, Any], name: str = "the checkpoint") -> None:
        if about.get("dataset") != self.digest:
            raise FileError(
                f"{name} learned from another dataset than '{self.config.offline}'; name its own (--offline)"
            )
        super().load_state(tensors, about, name)
