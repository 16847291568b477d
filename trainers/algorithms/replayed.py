"""What dqn and sac share: every step goes into a replay buffer, and is learned from many times.

After every `horizon` steps of the rows come `minibatches` steps of the optimizer, each on `batch` steps drawn from the
last `replay` ones.  Steps that a time limit cut are left out: nothing was seen after them.  In a share `hindsight` of
those drawn another goal stands (`data/hindsight.py`); rewards are then taken as the game gives them.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from puffer_arena.core.fields import Array
from puffer_arena.errors import ArenaError, TrainingError
from puffer_arena.registry import load_env
from puffer_arena.settings import flag, setting
from puffer_arena.trainers.algorithms.algorithm import OnStep
from puffer_arena.trainers.algorithms.on_policy import OnPolicy
from puffer_arena.trainers.backends.backend import check_finite
from puffer_arena.trainers.backends.loss import Loss
from puffer_arena.trainers.config import Config
from puffer_arena.trainers.data.hindsight import Hindsight, draw_chosen
from puffer_arena.trainers.data.replay import ReplayBuffer, Segment
from puffer_arena.trainers.networks.policy import MakeEncoder
from puffer_arena.trainers.optimize.optimizers import Optimizers

TAKEN = ("obs", "actions", "rewards", "terminated", "began")


@dataclass(frozen=True)
class Settings:
    """Replay and targets."""

    horizon: int = setting(4, 1, 4096, "steps of every environment between two lots of learning")
    minibatches: int = setting(16, 1, 4096, "optimizer steps in each lot")
    batch: int = setting(256, 1, 2**20, "steps drawn for each")
    replay: int = setting(100_000, 1, 10**9, "steps that the buffer holds")
    warmup: int = setting(5_000, 1, 10**9, "steps before learning begins")
    gamma: float = setting(0.99, 0.0, 1.0, "discount")
    average: float = setting(0.01, 1e-6, 1.0, "share by which the target network moves with each optimizer step")
    normalize_rewards: bool = flag(True, "divide rewards by the running deviation of the discounted return")
    hindsight: float = setting(0.0, 0.0, 1.0, "share of drawn steps that are seen with a goal reached later (HER)")


class Replayed(OnPolicy):
    """The parts of such an algorithm; a subclass makes its networks in `build` and says what is learned in `loss`.

    Attributes:
        memory: the replay buffer.
        target: the running average whose values are learned towards.
        hindsight: moves goals; None without.
    """

    memories: ClassVar[tuple[str, ...]] = ("none",)
    target: nn.Module

    def __init__(self, config: Config, make_encoder: MakeEncoder | None = None) -> None:
        if load_env(config.env).agents:
            raise TrainingError(
                f"{config.algorithm} learns from single steps of solo games; train several agents by ppo or pqn"
            )
        super().__init__(config, make_encoder)
        self.hindsight: Hindsight | None = None
        try:
            self._make_memory()
        except ArenaError:
            self.close()
            raise
        self.build()

    def _make_memory(self) -> None:
        """Make the replay buffer, and what moves goals."""
        config, s, rows, name = self.config, self.config.method, self.rollout.streams, self.config.algorithm
        if s.replay < 2 * rows:
            raise TrainingError(
                f"{name}.replay = {s.replay} holds less than two steps of each of {rows} environments; raise it, or lower "
                "num_envs"
            )
        if s.hindsight > 0.0:
            self.hindsight = Hindsight(config, s.batch, self.policy.head)
        more = {} if self.hindsight is None else self.hindsight.columns
        masks = self.batch.num_choices
        seen, head = self.policy.observation, self.policy.head
        self.memory = ReplayBuffer(seen, head, rows, s.replay, config.device, choices=masks, more=more)
        # The rows before every step of a rollout.
        self._before = {key: np.zeros((s.horizon + 1, rows), dtype) for key, (dtype, _) in more.items()}

    @abstractmethod
    def build(self) -> None:
        """Make the networks beside the policy, `target` among them."""

    @abstractmethod
    def loss(self, steps: Segment, rewards: Tensor, s: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the mean loss of drawn steps, each with the one after it, (2, steps), and statistics.

        Args:
            steps: what was drawn.
            rewards: of the steps, in the units that are learned, (steps,).
            s: the settings.
        """

    @abstractmethod
    def move(self, rate: float) -> float:
        """Move weights along their gradients and averages after them; return the gradients' length."""

    def explore(self) -> dict[str, float]:
        """Say how the next rollout is played, before it begins; return what metrics tell of it."""
        return {}

    def losses(self) -> list[Loss]:
        return []

    def update(self, on_step: OnStep | None = None) -> dict[str, float]:
        s, shown = self.config.method, self.explore()
        self._note(0)
        with self.measuring(on_step) as metrics:
            self.remember(s)
            held = self.memory.held * self.rollout.streams
            totals: dict[str, float] = {}
            count = s.minibatches if held >= s.warmup and self.memory.held > 1 else 0
            for _ in range(count):
                found = self.learn(self.draw(s), s)
                found["gradient_norm"] = self.move(self.rate)
                totals = {name: totals.get(name, 0.0) + value for name, value in found.items()}
            metrics.update({name: total / count for name, total in totals.items()})
            metrics.update(shown)
            metrics["replay"] = float(held)
        return metrics

    def _hook(self, on_step: OnStep | None) -> Any:
        follow = super()._hook(on_step)
        if self.hindsight is None:
            return follow

        def note(t: int) -> None:
            if follow is not None:
                follow(t)
            self._note(t + 1)

        return note

    def _note(self, t: int) -> None:
        """Keep the rows as they are before step `t` of the rollout."""
        for name, kept in self._before.items():
            kept[t] = getattr(self.batch.rows, name)

    def remember(self, s: Any) -> None:
        """Take the rollout's steps into the buffer, their rewards as the game gave them."""
        columns = {name: self.rollout.columns[name] for name in TAKEN} | self._before
        if self.batch.num_choices:
            columns["mask"] = self.rollout.action_mask
        for t in range(self.rollout.horizon):
            self.memory.add(**{name: column[t] for name, column in columns.items()})
        if s.normalize_rewards:
            self.reward_scale.apply(self.rollout, s.gamma)

    def draw(self, s: Any) -> Segment:
        """Draw steps with those after them, some of them with another goal."""
        step, row = self.memory.places(s.batch, 2, self.generator)
        found = self.memory.take(step, row, 2)
        if self.hindsight is not None:
            chosen, u = draw_chosen(s.batch, s.hindsight, self.generator)
            self.hindsight.move(found, self.memory, step, row, chosen, u)
        return self.memory.as_tensors(found)

    def learn(self, steps: Segment, s: Any) -> dict[str, float]:
        """Set the gradients of the loss over some steps, and return its statistics."""
        scaled = s.normalize_rewards and self.hindsight is None
        loss, found = self.loss(steps, steps.rewards[0] / (self.reward_scale.deviation if scaled else 1.0), s)
        numbers = {name: float(value.detach()) for name, value in found.items()}
        check_finite(numbers)
        self.clear()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        return numbers

    def clear(self) -> None:
        """Forget the gradients."""
        self.optimizer.zero()

    def _carried(self) -> dict[str, Array]:
        kept = {f"replay.{name}": array for name, array in self.memory.columns.items()}
        return super()._carried() | kept | {"replay.count": self.memory.count}

    def beside(self) -> dict[str, nn.Module | Optimizers]:
        return {"target": self.target}

    def load_state(self, tensors: dict[str, torch.Tensor], about: dict[str, Any], name: str = "the checkpoint") -> None:
        super().load_state(tensors, about, name)
        if self.hindsight is not None:
            self.hindsight.check(self.memory)

    def close(self) -> None:
        if self.hindsight is not None:
            self.hindsight.close()
        super().close()


def whole(steps: Segment) -> Tensor:
    """Return the weight of each step in a mean, (steps,): none where a time limit cut the episode after it."""
    kept = ((steps.terminated[0] > 0.0) | ~steps.began[1]).float()
    return kept / kept.sum().clamp(min=1.0)
