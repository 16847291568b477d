"""Adam with decoupled weight decay (Loshchilov & Hutter 2019, arXiv 1711.05101), by torch's fused kernel.

The kernel is all that is used of torch's optimizers: their classes import torch's compiler, two seconds of every start.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


class AdamW:
    """Bit for bit `torch.optim.AdamW(fused=True)`, for weights on one device.

    Attributes:
        state: of a weight: "step" (), "exp_avg" and "exp_avg_sq" of its shape; empty before its first gradient.
        param_groups: one, with its "params" and the rate "lr", which may be changed between steps.
    """

    def __init__(
        self, weights: Iterable[nn.Parameter], lr: float, betas: tuple[float, float], eps: float, weight_decay: float
    ) -> None:
        self.param_groups: list[dict[str, Any]] = [{"params": list(weights), "lr": lr}]
        self.state: dict[nn.Parameter, dict[str, Tensor]] = {}
        self._constants = {"beta1": betas[0], "beta2": betas[1], "weight_decay": weight_decay, "eps": eps}

    @torch.no_grad()
    def step(self) -> None:
        """Move every weight that has a gradient."""
        moved = [weight for weight in self.param_groups[0]["params"] if weight.grad is not None]
        if not moved:
            return
        states = [self.state.get(weight) or self._begin(weight) for weight in moved]
        steps, means, squares = ([state[part] for state in states] for part in ("step", "exp_avg", "exp_avg_sq"))
        torch._foreach_add_(steps, 1)
        kernel: Any = torch._fused_adamw_  # its stub knows no gradients that may be missing
        gradients, rate = [weight.grad for weight in moved], self.param_groups[0]["lr"]
        kernel(moved, gradients, means, squares, [], steps, lr=rate, amsgrad=False, maximize=False, **self._constants)

    def _begin(self, weight: nn.Parameter) -> dict[str, Tensor]:
        step = torch.zeros((), dtype=torch.float32, device=weight.device)
        self.state[weight] = {"step": step, "exp_avg": torch.zeros_like(weight), "exp_avg_sq": torch.zeros_like(weight)}
        return self.state[weight]
