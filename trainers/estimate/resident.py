"""Advantages and reward scale as tensors of any device: what `advantage.py` and `scale.py` do by loops over arrays."""

import torch
from torch import Tensor

from puffer_arena.core.fields import Array
from puffer_arena.trainers.data.resident import ResidentRollout
from puffer_arena.trainers.estimate.scale import SMALLEST_DEVIATION


def gae(rollout: ResidentRollout, gamma: float, trace: float) -> None:
    """Fill advantages and targets by generalized advantage estimation, 0 where nobody acts; see `advantage.gae_rows`."""
    acting = None if rollout.pending is None else rollout.acting
    values = rollout.old_value
    if acting is not None:
        for t in range(rollout.horizon - 1, -1, -1):
            values[t] = torch.where(acting[t], values[t], values[t + 1])  # of the stream's next action
    goes_on = ~(rollout.terminated | rollout.truncated)
    following = torch.where(goes_on, values[1:], 0.0)
    following = torch.where(rollout.truncated & ~rollout.terminated, rollout.final_value, following)
    deltas = rollout.rewards + gamma * following - values[:-1]
    kept = gamma * trace * goes_on
    carried = torch.zeros_like(deltas[0])
    for t in range(rollout.horizon - 1, -1, -1):
        estimated = deltas[t] + kept[t] * carried
        carried = estimated if acting is None else torch.where(acting[t], estimated, carried)
        rollout.advantage[t] = carried
    rollout.target.copy_(rollout.advantage + values[:-1])
    if acting is not None:
        rollout.advantage.mul_(acting[:-1])
        rollout.target.mul_(acting[:-1])


def normalized(advantages: Tensor, among: Tensor) -> Tensor:
    """Return advantages in deviations from the mean, both those of `among`, (rows,)."""
    deviation, mean = torch.std_mean(among.double(), correction=0)
    return (advantages - mean.float()) / (deviation + 1e-8).float()


def explained_variance(values: Tensor, returns: Tensor) -> Tensor:
    """Return how much of the returns' variance the values explain, (): 1 is all of it, 0 none."""
    spread = returns.double().var(correction=0)
    return torch.where(spread > 1e-12, 1.0 - (returns - values).double().var(correction=0) / spread, 0.0)


class ResidentScale:
    """`scale.RewardScale` on a device.

    Attributes:
        sums, moments: as there, float64.
    """

    def __init__(self, streams: int, device: torch.device) -> None:
        self.sums = torch.zeros(streams, dtype=torch.float64, device=device)
        self.moments = torch.zeros(3, dtype=torch.float64, device=device)

    @property
    def deviation(self) -> Tensor:
        """The running deviation of the discounted return, (); 1 before anything was seen."""
        count, _, squares = self.moments
        spread = (squares / count.clamp(min=1.0)).sqrt().clamp(min=SMALLEST_DEVIATION)
        return torch.where(count > 0, spread, 1.0)

    def apply(self, rollout: ResidentRollout, gamma: float) -> None:
        """Take the rewards into the deviation of their discounted sum, then divide them by that."""
        sums = torch.empty(rollout.rewards.shape, dtype=torch.float64, device=rollout.device)
        for t in range(rollout.horizon):
            before = self.sums * ~rollout.began[t]
            after = rollout.rewards[t] + gamma * before
            if rollout.pending is not None:
                after = torch.where(rollout.acting[t], after, before)
            self.sums = sums[t] = after
        seen = rollout.of_actors(sums.flatten())
        if not len(seen):
            return
        count, mean, squares = self.moments
        more, new = float(len(seen)), seen.mean()
        total, apart = count + more, new - mean  # Chan et al. 1979, equation 2.1, joins two sets' moments
        squares = squares + ((seen - new) ** 2).sum() + apart**2 * count * more / total
        self.moments = torch.stack([total, mean + apart * more / total, squares])
        rollout.rewards.div_(self.deviation.float())

    def state(self) -> dict[str, Array]:
        """Return copies of the arrays that go on in the next rollout."""
        return {"sums": self.sums.cpu().numpy().copy(), "moments": self.moments.cpu().numpy().copy()}

    def load(self, state: dict[str, Array]) -> None:
        """Take over what `state` returned."""
        self.sums = torch.from_numpy(state["sums"]).to(self.sums.device)
        self.moments = torch.from_numpy(state["moments"]).to(self.moments.device)
