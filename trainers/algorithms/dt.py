"""Decision transformer: told what is to be gained, do what was done by those who gained it; from a dataset.

Chen et al. 2021, arXiv 2106.01345.  With R_t = sum of the rewards from step t to the episode's end,

    L = E [ -log pi(a_t | R_t, s_t, a_{t-1}, R_{t-1}, s_{t-1}, ...) ]        over the last `network.context` steps

When it acts, R is what it aims at less what it has gained: R_0 is a quantile of the dataset's returns, and
R_{t+1} = R_t - r_t.  The network is in networks/decision.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from torch import Tensor, nn

from puffer_arena.settings import setting
from puffer_arena.trainers.algorithms.bc import cloning
from puffer_arena.trainers.algorithms.offline import DEFAULTS, Offline
from puffer_arena.trainers.networks.decision import DecisionPolicy

SMALLEST_SCALE = 1e-3


@dataclass(frozen=True)
class Settings:
    """Minibatches, and what is aimed at."""

    minibatches: int = setting(50, 1, 100_000, "optimizer steps per update")
    batch: int = setting(32, 1, 2**16, "segments of the dataset in each, of twice the context")
    aim: float = setting(1.0, 0.0, 1.0, "quantile of the dataset's returns that is aimed at; 1 for the best")
    play: int = setting(50, 0, 100_000, "steps of every row that show the policy after an update")


class DT(Offline):
    """A decision transformer, with one token a step."""

    section, settings = "dt", Settings
    values: ClassVar[tuple[str, ...]] = ()
    memories: ClassVar[tuple[str, ...]] = ("transformer",)
    defaults: ClassVar[Mapping[str, Any]] = DEFAULTS | {
        "network": DEFAULTS["network"] | {"hidden": [128], "memory": "transformer", "memory_size": 64}
    }
    policy: DecisionPolicy

    def build(self) -> dict[str, nn.Module]:
        returns = self.data.returns
        self.policy.target.fill_(float(np.quantile(returns, self.config.method.aim)))
        self.policy.scale.fill_(max(float(np.abs(returns).max()), SMALLEST_SCALE))
        return {}

    @property
    def steps_each(self) -> int:
        return int(self.config.method.batch) * self.length

    @property
    def length(self) -> int:
        """Steps of a segment: half of them see as far back as when it acts."""
        return 2 * self.config.network.context

    def learn(self) -> tuple[Tensor, dict[str, Tensor]]:
        part = self.transitions.segments(self.draw(), self.length)
        told = self.policy.tell(part.to_go, part.started, part.before)
        outputs = self.policy.outputs_of(part.obs, told)[part.valid]
        mask = None if part.mask is None else part.mask[part.valid]
        loss, entropy = cloning(self.policy.head, outputs, part.actions[part.valid], mask)
        return loss.mean(), {"cloning_loss": loss.mean(), "entropy": entropy.mean()}


ALGORITHM = DT
