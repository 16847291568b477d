"""What offline algorithms share: a dataset in memory, networks that learn from it, and rows that show the policy at play.

An update is `minibatches` steps of the optimizer.  Then `num_envs` rows play `play` steps with the present policy: that
is where the mean return of metrics and windows comes from, and nothing is learned from it.  Steps of a run are those
of the dataset that were learned from, one as often as it was drawn.
"""

import dataclasses
import hashlib
import time
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from puffer_arena.core.fields import Array
from puffer_arena.datasets.dataset import Dataset
from puffer_arena.datasets.file import read_dataset
from puffer_arena.errors import FileError, ParameterError, TrainingError
from puffer_arena.trainers.actor import Actor, load_weights
from puffer_arena.trainers.algorithms.algorithm import Algorithm, OnStep, as_bytes, groups_of, take_generator
from puffer_arena.trainers.algorithms.on_policy import make_policy, make_rows
from puffer_arena.trainers.config import Config
from puffer_arena.trainers.data.transitions import Steps, Transitions
from puffer_arena.trainers.networks.critics import Critics
from puffer_arena.trainers.networks.observations import leaf_tensors
from puffer_arena.trainers.networks.policy import MakeEncoder
from puffer_arena.trainers.optimize.optimizers import Optimizers
from puffer_arena.trainers.optimize.schedules import decay
from puffer_arena.trainers.precision import resolve

DEFAULTS: dict[str, Any] = {
    "num_envs": 16,
    "total_steps": 5_000_000,
    "network": {"hidden": [128, 128], "memory": "none", "normalize": True},
    "optimizer": {"name": "adam", "learning_rate": 1e-3, "schedule": "cosine", "max_grad_norm": 10.0},
}


class Offline(Algorithm):
    """The parts of an offline algorithm; a subclass makes its networks in `build` and says what it learns in `learn`.

    Attributes:
        data: the dataset.
        networks: what is learned by the optimizer, by name, the policy among them.
        followers: what is kept beside, by name; no optimizer moves it.
    """

    defaults: ClassVar[Mapping[str, Any]] = DEFAULTS
    memories: ClassVar[tuple[str, ...]] = ("none",)
    offline: ClassVar[bool] = True

    def __init__(self, config: Config, make_encoder: MakeEncoder | None = None) -> None:
        config = dataclasses.replace(config, offline=str(Path(config.offline).absolute()))
        self.config = config = resolve(config)
        torch.set_num_threads(1)
        for what, given in (("an opponent", config.opponent.pool), ("a curriculum", config.curriculum)):
            if given:
                raise ParameterError(
                    f"algorithm '{config.algorithm}' takes no {what.split()[1]}: the dataset is played"
                )
        self.data: Dataset = read_dataset(config.offline, config.env)
        self.batch = make_rows(config, None)
        if (self.batch.observation, self.batch.action) != self.data.about.spaces:
            self.batch.close()
            raise ParameterError(
                f"dataset '{config.offline}' was played with {dict(self.data.about.params)}, where '{config.env}' has other "
                "sizes; train with the same parameters (--param)"
            )
        self.policy = make_policy(self.batch, config, self.values, make_encoder).to(config.device)
        self.transitions = Transitions(self.data, self.policy.head, config.device)
        if config.network.normalize:
            self.policy.watch(leaf_tensors(self.policy.observation, self.data.observations, config.device))
        self.generator = torch.Generator().manual_seed(config.seed)
        self.followers = nn.ModuleDict()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed + 1)
            self.networks = nn.ModuleDict({"policy": self.policy, **self.build()}).to(config.device)
        self.followers.to(config.device)
        self.optimizer = Optimizers(self.networks, config.optimizer)
        self.player = Actor(self.policy)
        self._thoughts: tuple[Array | None, Array] = None, np.zeros(config.num_envs, np.float32)
        self.learning_rate = config.optimizer.learning_rate
        self.steps = self.updates = self.inexact_rows = 0
        self.seconds = 0.0

    def build(self) -> dict[str, nn.Module]:
        """Return the networks beside the policy, and put what follows them into `followers`."""
        return {}

    def make_critics(self, normalize: bool) -> Critics:
        """Return two critics of actions; see `Critics`."""
        critics = Critics(self.policy.observation, self.policy.head, self.config.network, normalize)
        if self.config.network.normalize:
            data = self.transitions
            critics.watch(data.observe(data.seen), data.actions)
        return critics

    @abstractmethod
    def learn(self) -> tuple[Tensor, dict[str, Tensor]]:
        """Draw a minibatch; return its loss, and statistics."""

    def after_step(self) -> None:
        """Follow a step of the optimizer."""

    def draw(self, among: Tensor | None = None) -> Tensor:
        """Return the numbers of steps drawn at random, (batch,): of the whole dataset, or among some."""
        count = self.data.steps if among is None else len(among)
        drawn = torch.randint(count, (self.config.method.batch,), generator=self.generator)
        return drawn.to(self.config.device) if among is None else among[drawn]

    def minibatch(self, among: Tensor | None = None) -> Steps:
        """Return steps drawn at random; see `draw`."""
        return self.transitions.steps(self.draw(among))

    @property
    def steps_each(self) -> int:
        """How many steps of the dataset a minibatch is made of."""
        return int(self.config.method.batch)

    def update(self, on_step: OnStep | None = None) -> dict[str, float]:
        begun, s, optimizer = time.perf_counter(), self.config.method, self.config.optimizer
        rate = self.learning_rate * decay(optimizer.schedule, self.progress, optimizer.final_fraction)
        self.policy.train()
        totals: dict[str, Tensor] = {}
        lengths = []
        for _ in range(s.minibatches):
            loss, statistics = self.learn()
            lengths.append(self._step(loss, rate))
            self.after_step()
            for name, value in statistics.items():
                totals[name] = totals.get(name, torch.zeros(())) + value.detach()
        self.policy.eval()
        learned = time.perf_counter()
        self._play(on_step)
        self.steps += s.minibatches * self.steps_each
        self.updates += 1
        seconds = time.perf_counter() - begun
        self.seconds += seconds
        return {
            "steps": float(self.steps),
            "updates": float(self.updates),
            "seconds": self.seconds,
            "steps_per_second": s.minibatches * self.steps_each / seconds,
            "time/step": time.perf_counter() - learned,
            "time/learn": learned - begun,
            "learning_rate": rate,
            "gradient_norm": float(np.mean(lengths)),
            **{name: float(total) / s.minibatches for name, total in totals.items()},
            **self.batch.episodes(),
        }

    def _step(self, loss: Tensor, rate: float) -> float:
        """Move the weights along a loss's gradient; return its length.

        Raises:
            TrainingError: the loss or a gradient is not finite.
        """
        if not torch.isfinite(loss):
            raise TrainingError(f"the loss became {float(loss)}; resume from the last checkpoint with a lower rate")
        for weight in self.networks.parameters():
            weight.grad = torch.zeros_like(weight)  # each has a state in the optimizer, also where a loss leaves it be
        loss.backward()  # type: ignore[no-untyped-call]  # torch's
        return self.optimizer.step(rate)

    def _play(self, on_step: OnStep | None) -> None:
        """Let the policy play, to be looked at."""
        batch = self.batch
        rng = np.random.Generator(np.random.Philox(key=self.config.seed, counter=[0, 0, 0, self.updates]))
        for t in range(self.config.method.play):
            masks = batch.action_mask if batch.num_choices else None
            actions, probs, values = self.player.act(batch.obs, masks, rng=rng, rewards=batch.rewards)
            self._thoughts = probs, values
            batch.step(actions)
            self.player.reset(batch.began)
            if on_step is not None:
                on_step(self, t)

    def look(self, rows: Array, t: int) -> tuple[Array | None, Array]:
        probs, values = self._thoughts
        shown = None if probs is None else probs.reshape(self.config.num_envs, 1, -1)[rows]
        return shown, values.reshape(self.config.num_envs, 1)[rows]

    @property
    def digest(self) -> str:
        """A word for the dataset, by which a run knows it again."""
        found = hashlib.sha256()
        for column in (self.data.lengths, self.data.actions, self.data.rewards, self.data.observations):
            found.update(np.ascontiguousarray(column).tobytes())
        return found.hexdigest()

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        tensors: dict[str, Tensor] = {}
        for name, network in (*self.networks.items(), *self.followers.items()):
            tensors |= {f"{name}/{key}": value for key, value in network.state_dict().items()}
        tensors |= {f"optimizer/{name}": value for name, value in self.optimizer.tensors().items()}
        tensors |= {name: as_bytes(array) for name, array in self.batch.save_rows().items()}
        tensors |= {f"remembered/{name}": part for name, part in self.player.remembered().items()}
        tensors["played/rewards"] = torch.from_numpy(self.batch.rewards.copy())
        tensors["generator"] = self.generator.get_state()
        return tensors, self.describe() | {"dataset": self.digest}

    def load_state(self, tensors: dict[str, Tensor], about: dict[str, Any], name: str = "the checkpoint") -> None:
        self.check_layout(about, name)
        if about.get("dataset") != self.digest:
            raise FileError(
                f"{name} learned from another dataset than '{self.config.offline}'; name its own (--offline)"
            )
        networks = {**self.networks, **self.followers}
        groups = groups_of(tensors, (*networks, "optimizer", "remembered", "played"))
        for key, network in networks.items():
            load_weights(network, groups[key], name)
        self.optimizer.load_tensors(groups["optimizer"])
        self.take_rows(tensors, name)
        rewards = groups["played"].get("rewards")
        if rewards is None or rewards.shape != self.batch.rewards.shape or rewards.dtype != torch.float32:
            raise FileError(f"{name} is damaged: it lacks the rewards of the last step")
        self.batch.rewards[:] = rewards.numpy()
        self.player.remember(groups["remembered"], name)
        take_generator(self.generator, tensors, name)
        self.take_counts(about, name)

    def close(self) -> None:
        self.batch.close()
