"""A rollout that lies where the network computes: tensors of one device, which no step waits for.

Rows that live on the same device write straight into the columns; those of a CPU write into pinned memory, from which
the columns are copied while the CPU goes on.  Every agent is alone in its environment; columns are (time, rows, ...).
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from puffer_arena.batch.batch import Batch
from puffer_arena.core.fields import Array
from puffer_arena.errors import TrainingError
from puffer_arena.kernels.tables import Buffers
from puffer_arena.trainers.networks.policy import Policy

AHEAD = ("obs", "action_mask", "began")  # what a step leaves for the next
WRITTEN = (*AHEAD, "rewards", "terminated", "truncated", "final_obs")


class ResidentRollout:
    """The columns of a rollout as tensors, by their names.

    Attributes:
        obs, action_mask, began: (horizon + 1, rows, ...); rewards, terminated, truncated, final_obs: (horizon, rows, ...).
        actions, old_log_prob: what the policy did; old_value (horizon + 1, rows) and final_value: what it thought.
        advantage, target: what the algorithm makes of it.
        slices: the buffers that the batch writes each step into.
    """

    def __init__(self, batch: Batch, horizon: int, policy: Policy, device: torch.device) -> None:
        self.batch, self.horizon, self.policy, self.device = batch, horizon, policy, device
        self.streams = batch.num_envs
        sample = batch.make_buffers()
        layout = {name: (tuple(getattr(sample, name).shape), getattr(sample, name).dtype) for name in WRITTEN}
        kinds = {name: torch.from_numpy(np.zeros(0, dtype)).dtype for name, (_, dtype) in layout.items()}
        self.columns: dict[str, Tensor] = {
            name: torch.zeros((horizon + (name in AHEAD), *shape), dtype=kinds[name], device=device)
            for name, (shape, _) in layout.items()
        }
        numbers = torch.from_numpy(np.zeros(0, policy.head.numbers)).dtype
        own = {"old_log_prob": 0, "old_value": 1, "final_value": 0, "advantage": 0, "target": 0}
        self.columns |= {name: torch.zeros(horizon + more, self.streams, device=device) for name, more in own.items()}
        shape = (horizon, self.streams, policy.head.components)
        self.columns["actions"] = torch.zeros(shape, dtype=numbers, device=device)
        self._rest = {name: getattr(sample, name) for name in sample._fields if name not in WRITTEN}
        self._pinned: dict[str, Tensor] = {}
        if batch.device != device.type:
            self._pinned = {name: _pinned(shape, kinds[name], device) for name, (shape, _) in layout.items()}
        self.slices = [self._slice(t) for t in range(horizon)]
        self.begin()

    def __getattr__(self, name: str) -> Tensor:
        try:
            return self.__dict__["columns"][name]  # type: ignore[no-any-return]  # columns hold tensors
        except KeyError:
            raise AttributeError(f"this rollout has no column '{name}'") from None

    def _slice(self, t: int) -> Buffers:
        """Return the buffers that the batch writes step `t` into."""
        if self._pinned:
            written: dict[str, Any] = {name: tensor.numpy() for name, tensor in self._pinned.items()}
        else:
            written = {name: shared(self.columns[name][t + (name in AHEAD)]) for name in WRITTEN}
        return self.batch.make_buffers(**self._rest, **written)

    def take(self, t: int) -> None:
        """Send what a batch of this machine wrote at step `t` to the device, without waiting."""
        for name, tensor in self._pinned.items():
            self.columns[name][t + (name in AHEAD)].copy_(tensor, non_blocking=True)

    def weigh(self, weights: Array | None) -> None:
        """Let all steps count alike, as they do here.

        Raises:
            TrainingError: a curriculum wants them to count by weights.
        """
        if weights is not None:
            raise TrainingError(
                "algorithm = 'resident' takes no curriculum that begins episodes in the middle or weighs them; use 'ppo'"
            )

    def begin(self) -> None:
        """Take over the batch's buffers after a reset."""
        for name in AHEAD:
            self.columns[name][0] = torch.as_tensor(getattr(self.batch, name), device=self.device)

    def advance(self) -> None:
        """Let the last step be the first of the next rollout."""
        for name in AHEAD:
            self.columns[name][0] = self.columns[name][-1]

    def mask(self, rows: Tensor) -> Tensor | None:
        """Return an action mask as heads take it."""
        return rows if rows.shape[-1] else None

    def newest(self, t: int, rows: Array) -> tuple[Tensor, Tensor | None]:
        """Return observations and masks of some rows after step `t`."""
        chosen = torch.as_tensor(rows, device=self.device)
        return self.obs[t + 1][chosen], self.mask(self.action_mask[t + 1][chosen])

    def carried(self) -> dict[str, Array]:
        """Return what one rollout hands to the next besides the rows themselves: nothing."""
        return {}


def shared(tensor: Tensor) -> Any:
    """Return a tensor as batches take it, without a copy."""
    return tensor.numpy() if tensor.device.type == "cpu" else tensor


def _pinned(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return memory of this machine from which a device copies by itself."""
    return torch.zeros(shape, dtype=dtype, pin_memory=device.type == "cuda")
