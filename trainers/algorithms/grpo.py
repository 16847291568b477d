"""Group relative policy optimization: no critic; an episode is judged by others that began in the very same state.

Shao et al. 2024, arXiv 2402.03300 (GRPO), equation 3; Yu et al. 2025, arXiv 2503.14476 (DAPO); Liu et al. 2025,
arXiv 2503.20783 (Dr. GRPO).  A group is `group` neighbouring rows that play one level with one set of parameters:
states are data, so their first states are the same to the bit.  With R_i the return of the group's episode i

    A_i = (R_i - mean R) / std R        for every step t of it
    J = mean_t min(ratio_t A_i, clip(ratio_t, 1 - clip, 1 + clip_high) A_i) - kl_coef KL(policy | reference)

    method     clip_high   scale        average   dynamic
    GRPO       0.2         deviation    episode   false
    DAPO       0.28        deviation    step      true        (the defaults)
    Dr. GRPO   0.2         none         step      false

Every update begins all rows anew and plays `horizon` steps.  Episodes that end within it count, and first ones that do
not with what they have gained by then; what a row has begun afterwards and not ended counts for nobody.
"""

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from puffer_arena.core.fields import Array
from puffer_arena.core.random import HELD_OUT_BIT
from puffer_arena.errors import ParameterError, TrainingError
from puffer_arena.settings import choice, flag, setting
from puffer_arena.trainers.algorithms.algorithm import OnStep
from puffer_arena.trainers.algorithms.on_policy import OnPolicy, annealed
from puffer_arena.trainers.backends.autograd import Autograd
from puffer_arena.trainers.backends.loss import Loss, slope_of
from puffer_arena.trainers.config import Config
from puffer_arena.trainers.data.columns import Column
from puffer_arena.trainers.data.rollout import Rollout, shuffled
from puffer_arena.trainers.networks.policy import MakeEncoder
from puffer_arena.trainers.optimize.optimizers import Optimizers

STATISTICS = ("policy_loss", "entropy", "approx_kl", "clip_fraction", "reference_kl")
SMALLEST_DEVIATION = 1e-6


@dataclass(frozen=True)
class Settings:
    """Groups and objective."""

    horizon: int = setting(256, 1, 4096, "steps of every environment per update; episodes should end within it")
    group: int = setting(8, 2, 4096, "rows that begin in one state")
    same: bool = flag(True, "let a group's rows begin in one state; false: each on a level of its own, as a control")
    epochs: int = setting(1, 1, 100, "passes over a rollout")
    minibatches: int = setting(4, 1, 4096, "optimizer steps per epoch")
    clip: float = setting(0.2, 0.0, 10.0, "how far the probability ratio may fall below 1")
    clip_high: float = setting(0.28, 0.0, 10.0, "how far it may rise above 1")
    scale: str = choice("deviation", ("deviation", "none"), "what a group's advantages are divided by")
    average: str = choice("step", ("step", "episode"), "step: all steps weigh the same; episode: all episodes do")
    dynamic: bool = flag(True, "leave out groups whose returns are all the same")
    kl_coef: float = setting(0.0, 0.0, 1e3, "weight of the divergence from the policy that training began with")
    entropy_coef: float = setting(0.0, 0.0, 10.0, "weight of an entropy bonus")
    entropy_coef_final: float = setting(-1.0, -1.0, 10.0, "its weight at the end; below 0: no change")


def grouped(row: Any, p: Settings) -> tuple[Tensor, dict[str, Tensor]]:
    """The objective above for one step; the divergence by Schulman's k3, as in GRPO's equation 4."""
    log_ratio = row.log_prob - row.old_log_prob
    ratio = log_ratio.exp()
    bounded = ratio.clamp(1.0 - p.clip, 1.0 + p.clip_high)
    policy_loss = -torch.minimum(ratio * row.advantage, bounded * row.advantage)
    away = row.reference - row.log_prob
    divergence = away.exp() - away - 1.0
    total = policy_loss + p.kl_coef * divergence - p.entropy_coef * row.entropy
    return total, {
        "policy_loss": policy_loss,
        "entropy": row.entropy,
        "approx_kl": ratio - 1.0 - log_ratio,
        "clip_fraction": (bounded != ratio).to(ratio.dtype),
        "reference_kl": divergence,
    }


@slope_of(grouped, *STATISTICS)
def grouped_slope(row: Any, p: Any) -> None:
    """d loss / d log p = -ratio A where the ratio is within its bounds on the side that A wants, and the divergence's."""
    log_ratio = row.log_prob - row.old_log_prob
    ratio = math.exp(log_ratio)
    gain = row.advantage
    bounded = min(max(ratio, 1.0 - p.clip), 1.0 + p.clip_high)
    cut = (gain > 0.0 and ratio > 1.0 + p.clip_high) or (gain < 0.0 and ratio < 1.0 - p.clip)
    away = row.reference - row.log_prob
    row.d_log_prob = (0.0 if cut else -ratio * gain) + p.kl_coef * (1.0 - math.exp(away))
    row.d_entropy = -p.entropy_coef
    row.d_value = 0.0
    row.policy_loss = -min(ratio * gain, bounded * gain)
    row.approx_kl = ratio - 1.0 - log_ratio
    row.clip_fraction = 1.0 if bounded != ratio else 0.0
    row.reference_kl = math.exp(away) - away - 1.0


class GRPO(OnPolicy):
    """GRPO and its successors over groups of rows."""

    section, settings = "grpo", Settings
    columns = (Column("advantage"), Column("reference"))
    loss_columns: ClassVar[tuple[str, ...]] = ("old_log_prob", "advantage", "reference")

    def __init__(self, config: Config, make_encoder: MakeEncoder | None = None) -> None:
        if config.num_envs % config.method.group:
            raise TrainingError(
                f"num_envs = {config.num_envs} is no multiple of grpo.group = {config.method.group}; groups are whole"
            )
        for what, given in (("an opponent", config.opponent.pool), ("a curriculum", config.curriculum)):
            if given:
                raise TrainingError(f"grpo takes no {what.split()[1]}: it chooses the levels, and groups share a side")
        if config.network.critic != "shared":
            raise TrainingError("grpo has no critic; leave network.critic at 'shared'")
        super().__init__(config, make_encoder)
        self.reference: Autograd | None = None  # the policy that training began with
        if config.method.kl_coef > 0.0:
            device = torch.device(self.config.device)
            self.reference = Autograd(copy.deepcopy(self.policy), device, 1, half=False, compiled=False)

    def steer(self, table: Mapping[str, Any]) -> None:
        raise ParameterError("grpo takes no curriculum: it chooses the levels itself")

    def losses(self) -> list[Loss]:
        return [grouped]

    def update(self, on_step: OnStep | None = None) -> dict[str, float]:
        s = annealed(self.config.method, self.progress)
        self.begin_groups(s)
        with self.measuring(on_step) as metrics:
            rollout, rate = self.rollout, self.rate
            metrics.update(judge(rollout, s))
            self._look_at_reference()
            totals, rows, lengths = dict.fromkeys(STATISTICS, 0.0), 0.0, []
            for _ in range(s.epochs):
                for minibatch in shuffled(self.chunks, s.minibatches, self.generator):
                    sums = self.backend.gradients(grouped, minibatch, s, self.loss_columns)
                    lengths.append(self.optimizer.step(rate))
                    totals = {name: totals[name] + sums.get(name, 0.0) for name in totals}
                    rows += minibatch.count
            metrics.update({name: total / max(rows, 1.0) for name, total in totals.items()})
            metrics["gradient_norm"] = float(np.mean(lengths)) if lengths else 0.0
        return metrics

    def begin_groups(self, s: Any) -> None:
        """Begin all rows anew, each group on a level of its own."""
        rows = self.batch.num_envs
        rng = np.random.Generator(np.random.Philox(key=self.config.seed, counter=[0, 0, 0, self.updates]))
        drawn = rng.integers(HELD_OUT_BIT, size=rows // s.group if s.same else rows)
        self.batch.reset(levels=np.repeat(drawn, s.group) if s.same else drawn)
        for part in self.rollout.state.values():
            part[:] = 0.0
        self.rollout.acting[:] = True  # batches of solo environments do not write it
        self.rollout.begin()

    def _look_at_reference(self) -> None:
        """Fill in how likely the policy that training began with finds the actions."""
        if self.reference is None:
            self.rollout.reference[:] = self.rollout.old_log_prob
            return
        for chunk in self.chunks:
            chunk.look()
            if len(chunk):
                chunk.write("reference", self.reference.log_probs(chunk))

    def beside(self) -> dict[str, nn.Module | Optimizers]:
        return {} if self.reference is None else {"reference": self.reference.policy}

    def close(self) -> None:
        if self.reference is not None:
            self.reference.close()
        super().close()


def judge(rollout: Rollout, s: Any) -> dict[str, float]:
    """Fill in the advantages, and leave out what counts for nobody; return what groups came to."""
    horizon, streams = rollout.horizon, rollout.streams
    agents = max(rollout.batch.num_agents, 1)
    ends = rollout.began[1:]
    number = np.cumsum(ends, axis=0) - ends  # of each step's episode in its stream
    episode = number + np.arange(streams) * (horizon + 1)
    size = streams * (horizon + 1)
    acting = rollout.acting[:-1]
    returns = np.bincount(episode.ravel(), rollout.rewards.ravel().astype(np.float64), size)
    lengths = np.bincount(episode.ravel(), acting.ravel().astype(np.float64), size)
    counted = np.zeros(size, np.bool_)
    counted[episode[ends]] = True
    counted[np.arange(streams) * (horizon + 1)] = True  # the first ones
    counted &= lengths > 0.0
    # A group is the same seat of neighbouring rows.
    stream = np.arange(streams)
    group = (stream // agents // s.group * agents + stream % agents).repeat(horizon + 1)
    advantages, varied = relative(returns, counted, group, s.scale)
    mean = float(returns[counted].mean()) if counted.any() else 0.0
    if s.dynamic:
        counted &= varied[group]
    if s.average == "episode":
        advantages *= np.where(counted, lengths[counted].mean() if counted.any() else 1.0, 0.0) / np.maximum(
            lengths, 1.0
        )
    rollout.advantage[:] = advantages[episode]
    acting &= counted[episode]
    return {
        "group_return": mean,
        "groups_that_vary": float(varied.mean()),
        "steps_that_count": float(acting.mean()),
    }


def relative(returns: Array, counted: Array, group: Array, scale: str) -> tuple[Array, Array]:
    """Return each episode's advantage within its group, and which groups have different returns.

    Args:
        returns: of episodes, (episodes,).
        counted: which of them count, bool (episodes,).
        group: the group of each, (episodes,).
        scale: "deviation" or "none".
    """
    groups = int(group.max()) + 1
    members = group[counted]
    number = np.maximum(np.bincount(members, minlength=groups), 1)
    mean = np.bincount(members, returns[counted], groups) / number
    apart = np.where(counted, returns - mean[group], 0.0)
    deviation = np.sqrt(np.bincount(group, apart**2, groups) / number)
    varied = deviation > SMALLEST_DEVIATION
    if scale == "deviation":
        apart = apart / np.maximum(deviation, SMALLEST_DEVIATION)[group]
    return np.where(varied[group], apart, 0.0), varied


ALGORITHM = GRPO
