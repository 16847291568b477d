"""Optimizers: the parts named by `optimizer.name`, with states that checkpoints store as named tensors."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from puffer_arena.errors import FileError, TrainingError
from puffer_arena.trainers.backends.backend import ADVICE
from puffer_arena.trainers.config import Optimizer
from puffer_arena.trainers.optimize.adam import AdamW
from puffer_arena.trainers.optimize.muon import Muon

COUNT = "step"
STATES = {AdamW: {COUNT, "exp_avg", "exp_avg_sq"}, Muon: {"momentum_buffer"}}  # of a weight


class Optimizers:
    """One or two optimizers that together cover the weights of a policy, or of several networks in a module.

    Args:
        policy: whose weights.
        settings: of the run.
        precision: of the run; Muon's products take it too, for where bfloat16 is not the machine's own it costs twenty
            times as much as float32.
        moved: called whenever they have moved.

    """

    def __init__(
        self, policy: nn.Module, settings: Optimizer, precision: str, moved: Callable[[], None] | None = None
    ) -> None:
        self.settings, self.policy, self._moved = settings, policy, moved
        self.names = {id(parameter): name for name, parameter in policy.named_parameters()}
        matrices = hidden_matrices(policy) if settings.name == "muon" else []
        rest = [p for p in policy.parameters() if p.requires_grad and not any(p is matrix for matrix in matrices)]
        self.parts: list[tuple[AdamW | Muon, float]] = [
            (
                AdamW(
                    rest,
                    lr=settings.learning_rate,
                    betas=(settings.beta1, settings.beta2),
                    eps=settings.epsilon,
                    weight_decay=settings.weight_decay,
                ),
                1.0,
            )
        ]
        if matrices:
            ratio = settings.muon_learning_rate / settings.learning_rate if settings.learning_rate else 0.0
            muon = Muon(
                matrices,
                lr=settings.muon_learning_rate,
                momentum=settings.momentum,
                weight_decay=settings.weight_decay,
                kind=torch.bfloat16 if precision == "bfloat16" else torch.float32,
            )
            self.parts.append((muon, ratio))

    def begin_rollout(self) -> None:
        """Take in that what is learned from changes: Adam-Rel counts anew (Ellis et al. 2024, arXiv 2412.17113)."""
        if self.settings.relative:
            for state in self.parts[0][0].state.values():
                state[COUNT].zero_()

    def zero(self) -> None:
        """Forget the gradients, before others are added up."""
        self.policy.zero_grad()

    def step(self, learning_rate: float) -> float:
        """Move the weights along their gradients, cut to `max_grad_norm`; return the length they had.

        Muon's rate keeps its ratio to Adam's.

        Raises:
            TrainingError: a gradient is not finite; nothing has moved.
        """
        length = clip_gradients(self.policy, self.settings.max_grad_norm)
        if not math.isfinite(length):
            bad = next(
                (n for n, p in self.policy.named_parameters() if p.grad is not None and not p.grad.isfinite().all()),
                "all weights together",
            )
            raise TrainingError(f"the gradient of '{bad}' is not finite; {ADVICE}")
        self._move(learning_rate)
        return length

    def step_unseen(self, learning_rate: float) -> Tensor:
        """Do the same without a look at the numbers, for which a GPU would be waited for; return the length, ().

        Where the length is not finite the weights are spoilt; whoever reads it must raise.
        """
        gradients = [p.grad for p in self.policy.parameters() if p.grad is not None]
        length: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        torch._foreach_mul_(gradients, (self.settings.max_grad_norm / length).clamp(max=1.0))
        self._move(learning_rate)
        return length

    def _move(self, learning_rate: float) -> None:
        for optimizer, ratio in self.parts:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate * ratio
            optimizer.step()
        if self._moved is not None:
            self._moved()

    def tensors(self) -> dict[str, Tensor]:
        """Return the state as tensors named "<weight>/<part of the state>"."""
        found = {}
        for optimizer, _ in self.parts:
            for parameter, state in optimizer.state.items():
                for key, value in state.items():
                    found[f"{self.names[id(parameter)]}/{key}"] = torch.as_tensor(value).cpu()
        return found

    def load_tensors(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `tensors` returned.

        Raises:
            FileError: a tensor that does not belong here, or one that is missing.
        """
        parameters = {
            self.names[id(p)]: (optimizer, p)
            for optimizer, _ in self.parts
            for group in optimizer.param_groups
            for p in group["params"]
        }
        states: dict[str, dict[str, Any]] = {}
        for name, value in tensors.items():
            weight, _, key = name.rpartition("/")
            if weight not in parameters:
                raise FileError(f"the checkpoint's optimizer has a state for '{weight}', which this network lacks")
            states.setdefault(weight, {})[key] = value
        for weight, (optimizer, parameter) in parameters.items() if states else ():
            state, expected = states.get(weight, {}), STATES[type(optimizer)]
            for key in sorted(state.keys() ^ expected):
                where = "misses" if key in expected else "has a needless"
                raise FileError(f"the checkpoint's optimizer {where} state '{weight}/{key}'")
            for key, value in state.items():
                shape = torch.Size() if key == COUNT else parameter.shape
                if value.dtype != parameter.dtype or value.shape != shape or not value.isfinite().all():
                    raise FileError(
                        f"the checkpoint's optimizer state '{weight}/{key}' is {value.dtype} of shape "
                        f"{tuple(value.shape)}; it must be finite numbers, {parameter.dtype} of shape {tuple(shape)}"
                    )
        for weight, state in states.items():
            optimizer, parameter = parameters[weight]
            optimizer.state[parameter] = {key: value.to(parameter.device, copy=True) for key, value in state.items()}


def hidden_matrices(policy: nn.Module) -> list[nn.Parameter]:
    """Return the matrices between hidden layers, the ones that Muon is meant for; a gate's is one of its own."""
    modules: list[Any] = []
    towers = [tower for module in policy.modules() for tower in getattr(module, "towers", {}).values()]
    for tower in towers:
        hidden: Any = getattr(tower.encoder, "hidden", ())
        modules += [*hidden, *([tower.memory] if tower.memory is not None else [])]
    return list(dict.fromkeys(p for module in modules for p in module.parameters() if p.dim() == 2))


def clip_gradients(policy: nn.Module, longest: float) -> float:
    """Scale all gradients down to a joint length of `longest` and return the length they had."""
    gradients = [p.grad for p in policy.parameters() if p.grad is not None]
    length = float(torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in gradients])))
    if length > longest:
        for gradient in gradients:
            gradient.mul_(longest / length)
    return length
