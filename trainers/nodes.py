"""Training on several processes, on one machine or many: each steps a part of the rows, and all make the same update.

Every process ("node") holds the whole policy and its part of the rows, those that it would be of a single process's
batch.  Gradients, the moments that advantages and rewards are divided by, and where epochs end are summed up over all, so
that N processes learn what one with the same total batch learns, up to the order in which floats are added.  A checkpoint
holds the rows of all, and may be gone on with by any number of processes.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from puffer_arena.core.fields import Array
from puffer_arena.errors import TrainingError, WorkerError
from puffer_arena.registry import load_env

WHOLE = ("rows/plan", "carried/reward_scale.moments")  # of a checkpoint: what every process has the same of


@dataclass(frozen=True)
class Nodes:
    """The processes of a run, as one of them sees them.

    Attributes:
        rank: which one this is; 0 keeps the run's folder.
        size: how many there are.
    """

    rank: int = 0
    size: int = 1

    def span(self, total: int, what: str = "num_envs") -> tuple[int, int]:
        """Return this process's part of so many rows or streams.

        Raises:
            TrainingError: they cannot be shared out evenly.
        """
        if total % self.size:
            raise TrainingError(
                f"{what} = {total} cannot be shared by {self.size} processes; choose a multiple of {self.size}"
            )
        part = total // self.size
        return self.rank * part, (self.rank + 1) * part

    def add_up(self, numbers: Array) -> Array:
        """Return the sums of numbers over all processes, float64."""
        if self.size == 1:
            return numbers
        summed = torch.from_numpy(np.array(numbers, np.float64))
        with together():
            dist.all_reduce(summed)
        return np.asarray(summed.numpy())

    def average(self, policy: nn.Module, rows: float) -> None:
        """Make the gradients of a mean over this process's rows those of the mean over all processes' rows."""
        if self.size == 1:
            return
        held = [parameter for parameter in policy.parameters() if parameter.grad is not None]
        flat = torch.cat(
            [parameter.grad.detach().double().reshape(-1) * rows for parameter in held if parameter.grad is not None]
        )
        flat = torch.cat([flat, torch.tensor([rows], dtype=torch.float64)]).cpu()
        with together():
            dist.all_reduce(flat)
        flat = flat[:-1] / flat[-1].clamp(min=1.0)
        at = 0
        for parameter in held:
            assert parameter.grad is not None  # see above
            count = parameter.numel()
            parameter.grad.copy_(flat[at : at + count].view_as(parameter))
            at += count

    def merge(self, moments: Array, seen: Array) -> None:
        """Take count, mean and squared distances of what all processes saw, (3,), into moments in place (Chan et al. 1983)."""
        for count, mean, squares in self.all_of(seen):
            total = moments[0] + count
            if not total:
                continue
            moved = mean - moments[1]
            moments[2] += squares + moved**2 * moments[0] * count / total
            moments[1] += moved * count / total
            moments[0] = total

    def all_of(self, numbers: Array) -> Array:
        """Return every process's numbers in the order of their ranks, (size, *shape), float64."""
        mine = torch.from_numpy(np.array(numbers, np.float64))
        if self.size == 1:
            return np.asarray(mine.numpy())[None]
        found = [torch.empty_like(mine) for _ in range(self.size)]
        with together():
            dist.all_gather(found, mine)
        return np.asarray(torch.stack(found).numpy())

    def share_first(self, module: nn.Module) -> None:
        """Give every process the first one's buffers, such as running statistics of observations."""
        for buffer in module.buffers() if self.size > 1 else ():
            with together():
                dist.broadcast(buffer, 0)

    def decide(self, numbers: list[float]) -> list[float]:
        """Return the first process's numbers, such as whether to stop."""
        if self.size == 1:
            return numbers
        said = torch.tensor(numbers, dtype=torch.float64)
        with together():
            dist.broadcast(said, 0)
        return [float(number) for number in said]

    def gather(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return a checkpoint's tensors with the rows of all processes, in the order of a single process's batch."""
        if self.size == 1:
            return dict(tensors)
        return {name: self._gathered(part) if is_parted(name) else part for name, part in tensors.items()}

    def _gathered(self, part: Tensor) -> Tensor:
        sizes = [torch.zeros(1, dtype=torch.int64) for _ in range(self.size)]
        with together():
            dist.all_gather(sizes, torch.tensor([part.numel()]))
        longest = int(max(sizes))
        padded = torch.zeros(longest, dtype=part.dtype)
        padded[: part.numel()] = part
        found = [torch.empty_like(padded) for _ in range(self.size)]
        with together():
            dist.all_gather(found, padded)
        return torch.cat([each[: int(size)] for each, size in zip(found, sizes, strict=True)])

    def part_of(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return what of a checkpoint's tensors is this process's."""
        if self.size == 1:
            return dict(tensors)
        parts = {}
        for name, whole in tensors.items():
            low, high = self.span(whole.numel(), f"a checkpoint's '{name}'") if is_parted(name) else (0, whole.numel())
            parts[name] = whole[low:high] if is_parted(name) else whole
        return parts


@contextlib.contextmanager
def together() -> Iterator[None]:
    """Name what goes wrong where all processes are to take part.

    Raises:
        WorkerError: another process has gone, or its machine.
    """
    try:
        yield
    except RuntimeError as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise WorkerError(f"another process of this run was lost: {reason}") from None


def is_parted(name: str) -> bool:
    """Tell whether every process has a part of a checkpoint's tensor of its own."""
    return name.startswith(("rows/", "carried/")) and name not in WHOLE


def present_nodes() -> Nodes:
    """Return the processes that train together, which `join` has brought together; one alone otherwise."""
    if dist.is_available() and dist.is_initialized():
        return Nodes(dist.get_rank(), dist.get_world_size())
    return Nodes()


def wanted_nodes(surroundings: Mapping[str, str] = os.environ) -> int:
    """Return how many processes `torchrun` has begun this one among; 1 without it."""
    size = surroundings.get("WORLD_SIZE", "1")
    return int(size) if size.isdigit() and "RANK" in surroundings else 1


def join() -> Nodes:
    """Meet the other processes, as `torchrun` tells in RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT.

    Raises:
        TrainingError: they cannot be reached.
    """
    if wanted_nodes() > 1 and not dist.is_initialized():
        try:
            dist.init_process_group("gloo")
        except (ValueError, RuntimeError) as error:
            raise TrainingError(f"the other processes cannot be reached: {error}") from None
    return present_nodes()


def leave() -> None:
    """Part from the other processes."""
    if dist.is_initialized():
        dist.destroy_process_group()


def check_shared(config: Any, algorithm: Any, nodes: Nodes) -> None:
    """Check that a run can be shared by several processes.

    Raises:
        TrainingError: it cannot; it says why.
    """
    if nodes.size == 1:
        return
    nodes.span(config.num_envs)
    lacking = {
        f"algorithm '{config.algorithm}'": not vars(algorithm).get("shared", False),
        "an opponent": bool(config.opponent.pool or getattr(config.opponent, "bot", "")),
        "a curriculum": bool(config.curriculum),
        "normalize_values": bool(getattr(config.method, "normalize_values", False)),
        "physics of an engine": load_env(config.env).engine is not None,
        "stagger": bool(getattr(config.method, "stagger", 0)),
    }
    for what, is_there in lacking.items():
        if is_there:
            raise TrainingError(f"{what} trains in one process alone, not in {nodes.size}; leave --nodes out")
