"""What rnd and icm share: PPO with a second reward, a bonus for what a network of the algorithm's finds new.

Burda et al. 2018, arXiv 1810.12894, section 2.3: rewards and bonuses are summed up apart, each with its own discount
and critic, and

    A = A_rewards + bonus_coef A_bonuses

Bonuses are divided by the running deviation of their own discounted sum.  They go on over the end of an episode, so
that it costs nothing to die while exploring; `bonus_episodic` cuts them there.
"""

import dataclasses
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from puffer_arena.core.fields import Array
from puffer_arena.core.roles import Roles
from puffer_arena.errors import TrainingError
from puffer_arena.registry import load_env
from puffer_arena.settings import flag, setting
from puffer_arena.trainers.algorithms import two_critics
from puffer_arena.trainers.algorithms.two_critics import TwoCriticsPPO, second
from puffer_arena.trainers.config import Config
from puffer_arena.trainers.data.arrays import aligned_copy
from puffer_arena.trainers.data.columns import Column
from puffer_arena.trainers.estimate.advantage import ESTIMATORS, gae, normalize
from puffer_arena.trainers.estimate.scale import RewardScale
from puffer_arena.trainers.networks.encoder import Encoder
from puffer_arena.trainers.networks.observations import leaf_tensors
from puffer_arena.trainers.networks.policy import MakeEncoder, Policy
from puffer_arena.trainers.optimize.optimizers import Optimizers

LEARNED_AT_ONCE = 4096  # rows of a step of the bonus network's optimizer


@dataclass(frozen=True)
class Settings(two_critics.Settings):
    """Those of two critics, and what novelty is worth."""

    bonus_coef: float = setting(0.5, 0.0, 1e3, "weight of the bonuses' advantage beside the rewards'")
    bonus_gamma: float = setting(0.99, 0.0, 1.0, "discount of bonuses")
    bonus_episodic: bool = flag(False, "cut the sums of bonuses where episodes end")
    bonus_width: int = setting(64, 1, 2**14, "width of the bonus network's layers")
    bonus_learning_rate: float = setting(3e-4, 0.0, 10.0, "of the bonus network")
    bonus_share: float = setting(0.25, 0.0, 1.0, "of a rollout's steps, which the bonus network learns from")


class Novelty(nn.Module):
    """The network that tells how new a step is.

    Steps come as leaves of what was seen before it, the action in the policy's own terms (rows, components), and leaves
    of what was seen after it.
    """

    encoders: tuple[Encoder, ...]  # those that bring quantities to mean 0 and deviation 1 by what they have seen

    @abstractmethod
    def measure(self, before: list[Tensor], actions: Tensor, after: list[Tensor]) -> Tensor:
        """Return how new each step is, (rows,)."""

    @abstractmethod
    def loss(self, before: list[Tensor], actions: Tensor, after: list[Tensor]) -> Tensor:
        """Return the mean error that makes steps less new."""

    def watch(self, obs: list[Tensor]) -> None:
        """Let encoders see more observations."""
        for encoder in self.encoders:
            encoder.watch(obs)


class CuriousPPO(TwoCriticsPPO):
    """PPO with bonuses; a subclass says which network gives them.

    Attributes:
        novelty: that network.
    """

    settings = Settings
    columns = (*TwoCriticsPPO.columns, Column("bonus"))

    def __init__(self, config: Config, make_encoder: MakeEncoder | None = None) -> None:
        env = load_env(config.env)
        if isinstance(env.observation.resolve(env.build_params(config.params)), Roles):
            raise TrainingError(
                f"{config.algorithm} has one network for what all agents see, and each role of '{env.name}' has a space "
                "of its own; train by ppo"
            )
        super().__init__(config, make_encoder)
        config = self.config
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed + 1)
            self.novelty = self.make_novelty(self.policy, config.method).to(config.device)
        own = dataclasses.replace(config.optimizer, name="adam", learning_rate=config.method.bonus_learning_rate)
        self.novelty_optimizer = Optimizers(self.novelty, own, config.precision)
        self.bonus_scale = RewardScale(self.rollout.streams)

    @abstractmethod
    def make_novelty(self, policy: Policy, s: Any) -> Novelty:
        """Return the network that gives bonuses."""

    def prepare(self, s: Any, metrics: dict[str, float]) -> None:
        super().prepare(s, metrics)
        rollout = self.rollout
        # A step from one observation of an episode to the next, seen by an agent that acts on both.
        whole = rollout.acting[:-1] & rollout.acting[1:] & ~rollout.began[1:]
        self.pool.run(self._measure)
        rollout.bonus[~whole] = 0.0
        metrics["bonus"] = float(rollout.bonus.sum() / max(int(whole.sum()), 1))
        metrics["bonus_loss"] = self._learn(s, whole)
        self.bonus_scale.apply(rollout, s.bonus_gamma, "bonus")

    def _measure(self, span: tuple[int, int]) -> None:
        """Fill in the bonuses of the streams of `span`."""
        rollout, some = self.rollout, slice(*span)
        for t in range(rollout.horizon):
            with torch.inference_mode():
                found = self.novelty.measure(*self._steps((t, some), (t + 1, some)))
            rollout.bonus[t, some] = found.float().cpu().numpy()

    def _learn(self, s: Any, whole: Array) -> float:
        """Teach the network a share of the rollout's steps, and return its mean loss."""
        losses = []
        for rows in self._drawn(s, whole):
            t, stream = divmod(rows, self.rollout.streams)
            loss = self.novelty.loss(*self._steps((t, stream), (t + 1, stream)))
            weights = [weight for weight in self.novelty.parameters() if weight.requires_grad]
            for weight, gradient in zip(weights, torch.autograd.grad(loss, weights), strict=True):
                weight.grad = gradient
            self.novelty_optimizer.step(s.bonus_learning_rate)
            losses.append(float(loss.detach()))
        return sum(losses) / max(len(losses), 1)

    def _drawn(self, s: Any, whole: Array) -> Iterator[Array]:
        """Yield the numbers of the steps to learn from in random order; observations are watched on the way."""
        allowed = whole.reshape(-1).nonzero()[0]
        count = round(s.bonus_share * len(allowed))
        order: Any = torch.randperm(len(allowed), generator=self.generator).numpy()[:count]
        for begin in range(0, count, LEARNED_AT_ONCE):
            rows = allowed[order[begin : begin + LEARNED_AT_ONCE]]
            seen = aligned_copy(self.rollout.obs[divmod(rows, self.rollout.streams)])
            self.novelty.watch(leaf_tensors(self.policy.observation, seen, self.config.device))
            yield rows

    def _steps(self, before: tuple[Any, Any], after: tuple[Any, Any]) -> tuple[list[Tensor], Tensor, list[Tensor]]:
        """Return steps as the network takes them, from their places (times, streams) in the rollout."""
        device, space = self.config.device, self.policy.observation
        seen, seen_after = (aligned_copy(self.rollout.obs[place]) for place in (before, after))
        actions = torch.from_numpy(aligned_copy(self.rollout.actions[before])).to(device)
        return leaf_tensors(space, seen, device), actions, leaf_tensors(space, seen_after, device)

    def estimate(self, s: Any) -> None:
        """Fill in both targets, and the joint advantage."""
        ESTIMATORS[s.advantage](self.rollout, s, self.pool)
        columns = second("bonus", s.bonus_episodic)
        gae(self.rollout, dataclasses.replace(s, gamma=s.bonus_gamma), self.pool, columns)
        self.rollout.advantage[:] += s.bonus_coef * self.rollout.second_advantage
        if s.normalize_advantages == "rollout":
            normalize(self.rollout.advantage, self.rollout.acting[:-1])

    def _carried(self) -> dict[str, Array]:
        return super()._carried() | {f"bonus_scale.{name}": array for name, array in self.bonus_scale.state().items()}

    def beside(self) -> dict[str, nn.Module | Optimizers]:
        return {"novelty": self.novelty, "novelty_optimizer": self.novelty_optimizer}
