"""Backends: how a policy acts and how its losses are differentiated on this machine."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from puffer_arena.core.fields import Array
from puffer_arena.errors import TrainingError
from puffer_arena.trainers.backends.loss import Loss
from puffer_arena.trainers.data.rollout import Chunk, Minibatch
from puffer_arena.trainers.networks.policy import Policy

ADVICE = (
    "the weights are kept as they were before it: resume from the last checkpoint with a lower "
    "optimizer.learning_rate or optimizer.max_grad_norm"
)


class Backend(ABC):
    """Acts and differentiates for one policy; several threads may act at once."""

    policy: Policy

    @abstractmethod
    def refresh(self) -> None:
        """Take over the policy's weights; to be called after every change of them."""

    @abstractmethod
    def act(
        self,
        obs: Array,
        state: dict[str, Array],
        masks: Array,
        noise: Array,
        actions: Array,
        log_probs: Array,
        place: int | None = None,
        central: Sequence[Array] = (),
    ) -> Array:
        """Fill actions (rows, components) and their log-probabilities, move the state on, return values (rows, values).

        Args:
            place: the first row's number in the rollout, if these observations are learned from later.
            central: what only a central critic sees, an array for each leaf; see `networks.policy.Central`.
        """

    @abstractmethod
    def value(self, obs: Array, state: Mapping[str, Array], central: Sequence[Array] = ()) -> Array:
        """Return the values of observations, (rows, values)."""

    @abstractmethod
    def gradients(
        self, loss: Loss, minibatch: Minibatch, settings: Any, columns: tuple[str, ...], remember: bool = False
    ) -> dict[str, float]:
        """Set the gradients of a minibatch's mean loss, and return the sums of the statistics over its rows.

        Args:
            loss: see `loss.py`.
            settings: the algorithm's, as the loss takes them.
            columns: what of the rollout the loss reads.
            remember: keep what the policy makes of the rows; see `Chunk.remember`.

        Raises:
            TrainingError: a statistic is not finite; the gradients are not to be used.
        """

    @abstractmethod
    def close(self) -> None:
        """End the threads."""


def check_finite(sums: Mapping[str, float]) -> None:
    """Check the sums of statistics.

    Raises:
        TrainingError: one is not finite.
    """
    for name, value in sums.items():
        if not np.isfinite(value):
            raise TrainingError(f"the {name} became {value}; {ADVICE}")


def add_up(gradients: list[list[Tensor]], policy: Policy) -> None:
    """Give the policy's weights the sums of several threads' gradients, in their order."""
    first, *others = gradients
    for k, parameter in enumerate(policy.parameters()):
        for other in others:
            first[k] += other[k]
        parameter.grad = first[k]


def interleaved(minibatch: Minibatch, thread: int, threads: int) -> list[tuple[Chunk, Array]]:
    """Return a thread's chunks with the weights of their rows."""
    return list(zip(minibatch.chunks[thread::threads], minibatch.weights[thread::threads], strict=True))
