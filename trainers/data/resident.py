"""A rollout that lies where the network computes: tensors of one device, which no step waits for.

Rows that live on the same device write straight into the columns; those of a CPU write into pinned memory, from which
the columns are copied while the CPU goes on.  A stream is one agent of one environment; columns are (time, streams, ...).
"""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.limits import readable_size
from puffer_arena.core.fields import Array
from puffer_arena.errors import TrainingError
from puffer_arena.kernels.tables import Buffers
from puffer_arena.trainers.data.resident_credit import ResidentPending, credit
from puffer_arena.trainers.networks.policy import Policy

AHEAD = ("obs", "action_mask", "began", "acting")  # what a step leaves for the next
WRITTEN = ("obs", "action_mask", "began", "rewards", "terminated", "truncated", "final_obs")
EVERYBODY = slice(None)

Layout = dict[str, tuple[tuple[int, ...], torch.dtype]]  # shape and type of each column


class ResidentRollout:
    """The columns of a rollout as tensors, by their names.

    Args:
        beside: rows live elsewhere than on `device`, in this machine's memory.

    Attributes:
        obs, action_mask, began: (horizon + 1, streams, ...); with several agents in a row also acting.
        rewards, terminated, truncated, final_obs: (horizon, streams, ...).
        actions, old_log_prob: what the policy did; old_value (horizon + 1, streams) and final_value: what it thought.
        advantage, target: what the algorithm makes of it.
        agents: in a row; 1 where it is alone.
        pending: actions of several agents that are under way between two rollouts; None for one agent, who always acts.
        slices: the buffers that the batch writes each step into.
    """

    def __init__(self, batch: Batch, horizon: int, policy: Policy, device: torch.device, beside: bool) -> None:
        self.batch, self.horizon, self.policy, self.device = batch, horizon, policy, device
        several, self.agents = batch.num_agents > 0, max(batch.num_agents, 1)
        self.streams = batch.num_envs * self.agents
        self._written = (*WRITTEN, *(["acting"] if several else []))
        self._shapes = {name: batch.table.layout[name][0] for name in self._written}  # as the batch has them
        kinds = {name: _tensor_type(batch.table.layout[name][1]) for name in self._written}
        layout: Layout = {}
        for name, shape in self._shapes.items():
            layout[name] = (horizon + (name in AHEAD), self.streams, *shape[1 + several :]), kinds[name]
        own = {"old_log_prob": 0, "old_value": 1, "final_value": 0, "advantage": 0, "target": 0}
        layout |= {name: ((horizon + more, self.streams), torch.float32) for name, more in own.items()}
        layout["actions"] = (horizon, self.streams, policy.head.components), _tensor_type(policy.head.numbers)
        check_room(layout, batch.num_envs, horizon, free_memory(device))
        self.columns = {name: torch.zeros(size, dtype=kind, device=device) for name, (size, kind) in layout.items()}
        self.pending = ResidentPending(self.columns) if several else None
        self._acted: Tensor | None = None  # the rows of the flattened columns in which somebody acts, where not all do
        sample = batch.make_buffers()
        self._rest = {name: getattr(sample, name) for name in sample._fields if name not in self._written}
        self._pinned: dict[str, Tensor] = {}
        if beside:
            self._pinned = {name: pinned(shape, kinds[name], device) for name, shape in self._shapes.items()}
        self.slices = [self._slice(t) for t in range(horizon)]
        self.begin()

    def __getattr__(self, name: str) -> Tensor:
        try:
            return self.__dict__["columns"][name]  # type: ignore[no-any-return]  # columns hold tensors
        except KeyError:
            raise AttributeError(f"this rollout has no column '{name}'") from None

    def _by_row(self, name: str, t: int) -> Tensor:
        """Return a view of what the batch writes into a column at step `t`, shaped as the batch has it."""
        return self.columns[name][t + (name in AHEAD)].view(self._shapes[name])

    def _slice(self, t: int) -> Buffers:
        """Return the buffers that the batch writes step `t` into."""
        if self._pinned:
            written: dict[str, Any] = {name: tensor.numpy() for name, tensor in self._pinned.items()}
        else:
            written = {name: _shared(self._by_row(name, t)) for name in self._written}
        return self.batch.make_buffers(**self._rest, **written)

    def take(self, t: int, rows: slice = EVERYBODY) -> None:
        """Send what a batch of this machine wrote for some rows at step `t` to the device, without waiting."""
        for name, tensor in self._pinned.items():
            self._by_row(name, t)[rows].copy_(tensor[rows], non_blocking=True)

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
        for name in self._written:
            if name in AHEAD:
                given = torch.as_tensor(getattr(self.batch, name), device=self.device)
                self.columns[name][0] = given.view(self.columns[name][0].shape)
        if self.pending is not None:
            self.pending.forget()

    def acts(self, t: int) -> Tensor | None:
        """Return which streams act at step `t`, bool (streams,); None for all."""
        if self.pending is None:
            return None
        return self.acting[0] & ~self.pending.flags if t == 0 else self.acting[t]

    def settle(self) -> None:
        """Let what steps brought count for the actions that it belongs to, once all were played and ends are valued."""
        if self.pending is not None:
            self.pending.place(self.columns)
            credit(self.columns)
            self.pending.take(self.columns)
            self._acted = self.acting[:-1].flatten().nonzero()[:, 0]

    def flat(self, name: str) -> Tensor:
        """Return a column of the horizon's steps as (rows, ...), of everybody."""
        return self.columns[name][: self.horizon].flatten(0, 1)

    def learned(self) -> Tensor:
        """Return the rows of flattened columns that can be learned from, (rows,)."""
        return torch.arange(self.horizon * self.streams, device=self.device) if self._acted is None else self._acted

    def of_actors(self, rows: Tensor) -> Tensor:
        """Return those of flattened columns' rows in which somebody acts."""
        return rows if self._acted is None else rows[self._acted]

    def advance(self) -> None:
        """Let the last step be the first of the next rollout."""
        for name in self._written:
            if name in AHEAD:
                self.columns[name][0] = self.columns[name][-1]
        if self.pending is not None:
            self.pending.arrays["old_value"].copy_(self.old_value[-1])

    def mask(self, rows: Tensor) -> Tensor | None:
        """Return an action mask as heads take it."""
        return rows if rows.shape[-1] else None

    def newest(self, t: int, rows: Array) -> tuple[Tensor, Tensor | None]:
        """Return observations and masks of all agents of some rows after step `t`, (rows * agents, ...)."""
        streams = (np.asarray(rows)[:, None] * self.agents + np.arange(self.agents)).reshape(-1)
        chosen = torch.as_tensor(streams, device=self.device)
        return self.obs[t + 1][chosen], self.mask(self.action_mask[t + 1][chosen])

    def _kept(self) -> dict[str, Tensor]:
        """Return what one rollout hands to the next besides the rows themselves: nothing where all act."""
        if self.pending is None:
            return {}
        pending = {f"pending.{name}": part for name, part in self.pending.arrays.items()}
        return {name: self.columns[name][0] for name in AHEAD} | pending | {"pending.flags": self.pending.flags}

    def carried(self) -> dict[str, Array]:
        """Return copies of what one rollout hands to the next, for checkpoints."""
        return {name: part.cpu().numpy().copy() for name, part in self._kept().items()}

    def load(self, carried: dict[str, Array]) -> None:
        """Go on from what `carried` returned, beside rows that were loaded already."""
        self.begin()
        for name, part in self._kept().items():
            part.copy_(torch.from_numpy(carried[name]))


def free_memory(device: torch.device) -> int | None:
    """Return how many bytes of a GPU's memory are free; None of other devices."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else None


def check_room(layout: Layout, num_envs: int, horizon: int, free: int | None) -> None:
    """Check that a rollout's columns fit into a GPU's memory, before any is there.

    Raises:
        TrainingError: they do not.
    """
    needed = sum(math.prod(size) * kind.itemsize for size, kind in layout.values())
    if free is not None and needed > free:
        raise TrainingError(
            f"a rollout of ppo.horizon = {horizon} steps of num_envs = {num_envs} takes about {readable_size(needed)} of the "
            f"GPU's memory, and {readable_size(free)} are free; lower either"
        )


def _tensor_type(dtype: Any) -> torch.dtype:
    """Return torch's type for one of NumPy's."""
    return torch.from_numpy(np.zeros(0, dtype)).dtype


def _shared(tensor: Tensor) -> Any:
    """Return a tensor as batches take it, without a copy."""
    return tensor.numpy() if tensor.device.type == "cpu" else tensor


def pinned(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return memory of this machine that a device copies from and to by itself."""
    return torch.zeros(shape, dtype=dtype, pin_memory=device.type == "cuda")
