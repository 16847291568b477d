"""What algorithms share that learn from what was done before: several networks, one optimizer, rows with a player.

The optimizer moves `networks`, the policy among them; `followers` go after them, as running averages do.  Rows play with
the present policy, to be learned from or only to be looked at.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from puffer_arena.core.fields import Array
from puffer_arena.errors import ArenaError, ParameterError, TrainingError
from puffer_arena.trainers.actor import Actor, load_weights
from puffer_arena.trainers.algorithms.algorithm import (
    Algorithm,
    OnStep,
    as_bytes,
    from_bytes,
    groups_of,
    take_generator,
)
from puffer_arena.trainers.algorithms.on_policy import make_policy, make_rows
from puffer_arena.trainers.config import Config
from puffer_arena.trainers.networks.policy import MakeEncoder
from puffer_arena.trainers.optimize.optimizers import Optimizers
from puffer_arena.trainers.optimize.schedules import decay
from puffer_arena.trainers.precision import resolve

# Takes a step of the rows: observations before it, masks, actions, rewards, who was ended by the rules, who began anew.
Note = Callable[[Array, Array, Array, Array, Array, Array], None]


class OffPolicy(Algorithm):
    """The parts of such an algorithm; a subclass gets its data in `prepare` and makes its networks in `build`.

    Attributes:
        networks: what is learned by the optimizer, by name, the policy among them.
        followers: what is kept beside, by name; no optimizer moves it.
        player: acts in the rows with the present policy.
    """

    def __init__(self, config: Config, make_encoder: MakeEncoder | None = None) -> None:
        self.config = config = resolve(config)
        torch.set_num_threads(1)
        for what, given in (("opponent", config.opponent.pool), ("curriculum", config.curriculum)):
            if given:
                raise ParameterError(f"algorithm '{config.algorithm}' takes no {what}; leave it out, or train with ppo")
        if config.network.head == "greedy" or config.network.value_bins:
            raise ParameterError(
                f"algorithm '{config.algorithm}' has its own way with values: leave network.head = 'greedy' and "
                "network.value_bins out"
            )
        self.batch = make_rows(config, None)
        try:
            self._begin(make_encoder)
        except ArenaError:
            self.batch.close()
            raise

    def _begin(self, make_encoder: MakeEncoder | None) -> None:
        config = self.config
        self.policy = make_policy(self.batch, config, self.values, make_encoder).to(config.device)
        self.generator = torch.Generator().manual_seed(config.seed)
        self.prepare()
        self.followers = nn.ModuleDict()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed + 1)
            self.networks = nn.ModuleDict({"policy": self.policy, **self.build()}).to(config.device)
        self.followers.to(config.device)
        self.optimizer = Optimizers(self.networks, config.optimizer, config.precision, lambda: self.between())
        self.player = Actor(self.policy)
        self._thoughts: tuple[Array | None, Array] = None, np.zeros(config.num_envs, np.float32)
        self.learning_rate = config.optimizer.learning_rate
        self.steps = self.updates = self.inexact_rows = 0
        self.seconds = 0.0

    @abstractmethod
    def prepare(self) -> None:
        """Get what is learned from."""

    def build(self) -> dict[str, nn.Module]:
        """Return the networks beside the policy, and put what follows them into `followers`."""
        return {}

    @abstractmethod
    def learn(self) -> tuple[Tensor, dict[str, Tensor]]:
        """Draw a minibatch; return its loss, and statistics."""

    def after_step(self) -> None:
        """Follow a step of the optimizer."""

    @property
    def rate(self) -> float:
        """The learning rate now, by its schedule."""
        optimizer = self.config.optimizer
        return self.learning_rate * decay(optimizer.schedule, self.progress, optimizer.final_fraction)

    def teach(self, minibatches: int) -> dict[str, float]:
        """Make steps of the optimizer; return the means of their statistics.

        Raises:
            TrainingError: a loss or a gradient is not finite.
        """
        rate, lengths = self.rate, []
        totals: dict[str, Tensor] = {}
        self.policy.train()
        for _ in range(minibatches):
            loss, statistics = self.learn()
            lengths.append(self._step(loss, rate))
            self.after_step()
            for name, value in statistics.items():
                totals[name] = totals.get(name, torch.zeros(())) + value.detach()
        self.policy.eval()
        means = {name: float(total) / minibatches for name, total in totals.items()}
        return means | {"gradient_norm": float(np.mean(lengths)), "learning_rate": rate}

    def _step(self, loss: Tensor, rate: float) -> float:
        """Move the weights along a loss's gradient; return its length."""
        if not torch.isfinite(loss):
            raise TrainingError(f"the loss became {float(loss)}; resume from the last checkpoint with a lower rate")
        for weight in self.networks.parameters():
            weight.grad = torch.zeros_like(weight)  # each has a state in the optimizer, also where a loss leaves it be
        loss.backward()  # type: ignore[no-untyped-call]  # torch's
        return self.optimizer.step(rate)

    def play(self, steps: int, on_step: OnStep | None, note: Note | None = None) -> None:
        """Let the policy play some steps in every row."""
        batch = self.batch
        rng = np.random.Generator(np.random.Philox(key=self.config.seed, counter=[0, 0, 0, self.updates]))
        for t in range(steps):
            masks = batch.action_mask if batch.num_choices else None
            actions, probs, values = self.player.act(batch.obs, masks, rng=rng, rewards=batch.rewards)
            self._thoughts = probs, values
            before = None if note is None else (batch.obs.copy(), batch.action_mask.copy())
            batch.step(actions)
            if note is not None and before is not None:
                note(*before, actions, batch.rewards, batch.terminated, batch.began)
            self.player.reset(batch.began)
            if on_step is not None:
                on_step(self, t)

    def look(self, rows: Array, t: int) -> tuple[Array | None, Array]:
        probs, values = self._thoughts
        shown = None if probs is None else probs.reshape(self.config.num_envs, 1, -1)[rows]
        return shown, values.reshape(self.config.num_envs, 1)[rows]

    def carried(self) -> dict[str, Array]:
        """Return the arrays that one update hands to the next; loading writes into them."""
        return {"rewards": self.batch.rewards}

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        tensors: dict[str, Tensor] = {}
        for name, network in (*self.networks.items(), *self.followers.items()):
            tensors |= {f"{name}/{key}": value for key, value in network.state_dict().items()}
        tensors |= {f"optimizer/{name}": value for name, value in self.optimizer.tensors().items()}
        tensors |= {name: as_bytes(array) for name, array in self.batch.save_rows().items()}
        tensors |= {f"remembered/{name}": part for name, part in self.player.remembered().items()}
        tensors |= {f"carried/{name}": as_bytes(array) for name, array in self.carried().items()}
        tensors["generator"] = self.generator.get_state()
        return tensors, self.describe() | {"learned": bool(self.optimizer.tensors())}

    def load_state(self, tensors: dict[str, Tensor], about: dict[str, Any], name: str = "the checkpoint") -> None:
        self.check_layout(about, name)
        networks = {**self.networks, **self.followers}
        groups = groups_of(tensors, (*networks, "optimizer", "remembered", "carried"))
        for key, network in networks.items():
            load_weights(network, groups[key], name)
        self.optimizer.load_tensors(groups["optimizer"])
        self.take_rows(tensors, name)
        from_bytes(groups["carried"], self.carried(), name)
        self.player.remember(groups["remembered"], name)
        take_generator(self.generator, tensors, name)
        self.take_counts(about, name)

    def close(self) -> None:
        self.batch.close()
