"""A policy for each of two roles, trained together: each learns against the other as it is now, and as it was.

Each role has a trainer of its own with environments of its own, in which the other role is played by the other trainer's
policy: the present one, its snapshots, or whoever else is in the pool.  So each side meets opponents by its own win
rates, and its ratings are those of its role.  The trainers update in turn.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch

from puffer_arena.core.fields import Array
from puffer_arena.errors import FileError, ParameterError
from puffer_arena.registry import load_env
from puffer_arena.trainers.algorithms import find_algorithm
from puffer_arena.trainers.algorithms.algorithm import Algorithm, OnStep, below
from puffer_arena.trainers.algorithms.on_policy import OnPolicy
from puffer_arena.trainers.config import SELF, Config
from puffer_arena.trainers.networks.policy import MakeEncoder
from puffer_arena.trainers.nodes import present_nodes
from puffer_arena.trainers.precision import resolve

SUMMED = ("steps", "seconds", "time/step", "time/infer", "time/learn")


class Separate(Algorithm):
    """The trainers of both roles as one; whoever looks on sees the first role's environments.

    Attributes:
        parts: role -> its trainer.
    """

    def __init__(self, config: Config, make_encoder: MakeEncoder | None = None) -> None:
        self.config = config = resolve(config)
        kind, roles = find_algorithm(config.algorithm), list(load_env(config.env).agents)
        if len(roles) != 2 or not issubclass(kind, OnPolicy):
            raise ParameterError(
                f"opponent.separate is for games of two roles and algorithms that learn from their own play; '{config.env}' has "
                f"{len(roles)} and the algorithm is '{config.algorithm}'"
            )
        if present_nodes().size > 1 or config.opponent.role:
            raise ParameterError(
                "opponent.separate trains both roles, in one process; leave opponent.role and --nodes out"
            )
        self.section, self.settings, self.values = kind.section, kind.settings, kind.values  # type: ignore[misc]  # of who it stands for
        self.parts: dict[str, OnPolicy] = {}
        for k, role in enumerate(roles):
            self.parts[role] = kind(part_of(config, role, k), make_encoder)
        one, other = self.parts.values()
        for part, rival in ((one, other), (other, one)):
            assert part.opponent is not None  # its config has a pool
            part.opponent.meet(rival.policy, config.opponent.share)
        self.batch, self.policy = one.batch, one.policy
        self.updates = self.inexact_rows = 0

    @property
    def steps(self) -> int:  # type: ignore[override]  # made of the parts'
        """Of all environments together."""
        return sum(part.steps for part in self.parts.values())

    @property
    def seconds(self) -> float:  # type: ignore[override]  # made of the parts'
        """Spent in updates."""
        return sum(part.seconds for part in self.parts.values())

    @property
    def learning_rate(self) -> float:
        """Before its schedule."""
        return next(iter(self.parts.values())).learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        for part in self.parts.values():
            part.learning_rate = rate

    def update(self, on_step: OnStep | None = None) -> dict[str, float]:
        """Let each role learn once; the second role's metrics begin with its name."""
        first, second = self.parts
        found = self.parts[first].update(None if on_step is None else lambda _, t: on_step(self, t))
        other = self.parts[second].update()
        self.updates += 1
        for name in SUMMED:
            found[name] += other.pop(name)
        found["steps_per_second"] = 2.0 / (1.0 / found["steps_per_second"] + 1.0 / other.pop("steps_per_second"))
        return found | {f"{second}/{name}": value for name, value in other.items()}

    def state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        tensors: dict[str, torch.Tensor] = {}
        parts = {}
        for k, (role, part) in enumerate(self.parts.items()):
            own, parts[role] = part.state()
            tensors |= {f"{prefix_of(role) if k else ''}{key}": value for key, value in own.items()}
        return tensors, {**self.describe(), "parts": parts, "learned": bool(self.updates)}

    def load_state(self, tensors: dict[str, torch.Tensor], about: dict[str, Any], name: str = "the checkpoint") -> None:
        parts = about.get("parts")
        if not isinstance(parts, dict) or list(parts) != list(self.parts):
            raise FileError(f"{name} does not hold the policies of {', '.join(self.parts)}")
        try:
            for k, (role, part) in enumerate(self.parts.items()):
                own = below(prefix_of(role), tensors) if k else tensors
                part.load_state(own, parts[role], name)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FileError(f"{name} is damaged: its description lacks {error}") from None
        self.updates = next(iter(self.parts.values())).updates
        self.inexact_rows = max(part.inexact_rows for part in self.parts.values())

    def look(self, rows: Array, t: int) -> tuple[Array | None, Array]:
        return next(iter(self.parts.values())).look(rows, t)

    def steer(self, table: Mapping[str, Any]) -> None:
        for part in self.parts.values():
            part.steer(table)
        kept = next(iter(self.parts.values())).config
        self.config = dataclasses.replace(self.config, curriculum=kept.curriculum, params=kept.params)

    def close(self) -> None:
        for part in self.parts.values():
            part.close()


def part_of(config: Config, role: str, k: int) -> Config:
    """Return the config of the trainer of a role, the k-th: half of the steps, all games against the pool."""
    opponent = dataclasses.replace(
        config.opponent, separate=False, role=role, share=1.0, pool=config.opponent.pool or SELF
    )
    return dataclasses.replace(config, seed=config.seed + k, total_steps=-(-config.total_steps // 2), opponent=opponent)


def prefix_of(role: str) -> str:
    """Return what the tensors of the second role begin with in a checkpoint."""
    return f"role.{role}/"
