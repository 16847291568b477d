"""Muon (Jordan et al. 2024): momentum, made orthogonal, for the matrices between hidden layers."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

QUINTIC = (3.4445, -4.775, 2.0315)  # a, b, c: a x + b x^3 + c x^5 draws singular values between 0 and 1 to about 1
ITERATIONS = 5
LEAST = 1e-7  # a matrix shorter than this is not lengthened to 1


class Muon:
    """In bfloat16 bit for bit `torch.optim.Muon`, without torch's compiler, which that imports.

    Args:
        matrices: to move.
        lr: the rate at the start.
        momentum: what stays of the gradients before.
        weight_decay: the part of a matrix that goes, times the rate.
        kind: in which numbers matrices are made orthogonal.

    Attributes:
        state: of a matrix: "momentum_buffer" of its shape; empty before its first gradient.
        param_groups: one, with its "params" and the rate "lr", which may be changed between steps.
    """

    def __init__(
        self,
        matrices: Iterable[nn.Parameter],
        lr: float,
        momentum: float,
        weight_decay: float,
        kind: torch.dtype = torch.bfloat16,
    ) -> None:
        self.param_groups: list[dict[str, Any]] = [{"params": list(matrices), "lr": lr}]
        self.state: dict[nn.Parameter, dict[str, Tensor]] = {}
        self._momentum, self._weight_decay, self.kind = momentum, weight_decay, kind

    @torch.no_grad()
    def step(self) -> None:
        """Move every matrix that has a gradient."""
        rate = self.param_groups[0]["lr"]
        for matrix in self.param_groups[0]["params"]:
            if matrix.grad is None:
                continue
            if matrix not in self.state:
                self.state[matrix] = {"momentum_buffer": torch.zeros_like(matrix)}
            buffer = self.state[matrix]["momentum_buffer"].lerp_(matrix.grad, 1 - self._momentum)
            ahead = matrix.grad.lerp(buffer, self._momentum)  # as Nesterov has it
            rows, columns = matrix.shape
            matrix.mul_(1 - rate * self._weight_decay)
            matrix.add_(orthogonal(ahead.to(self.kind)), alpha=-rate * math.sqrt(max(1, rows / columns)))


def orthogonal(matrix: Tensor) -> Tensor:
    """Return about U V^T of `matrix` = U S V^T by Newton-Schulz' iteration, in the numbers that it is given in."""
    a, b, c = QUINTIC
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / x.norm().clamp(min=LEAST)
    for _ in range(ITERATIONS):
        square = x @ x.T
        x = torch.addmm(x, torch.addmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x
