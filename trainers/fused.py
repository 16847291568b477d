"""A faster path for plain networks on a CPU: matrix products by torch, all between them by kernels.

It does what autograd does for a policy of linear layers and one Discrete action (a test compares the
two), with no memory allocated and a handful of calls per chunk of rows.  Its scratch arrays are one set per thread.
"""

import threading
from typing import Any

import numpy as np
import torch
from torch import Tensor

from puffer_arena.core.errors import TrainingError
from puffer_arena.core.fields import Array
from puffer_arena.trainers.codes import CodeLayer
from puffer_arena.trainers.config import Config
from puffer_arena.trainers.fused_kernels import (
    act_rows,
    add_gradient_rows,
    add_rows,
    index_codes,
    index_equal_codes,
    learn_rows,
    mask_gradient,
    scatter_rows,
    sum_rows,
)
from puffer_arena.trainers.heads import Categorical
from puffer_arena.trainers.networks import QuantityLayer
from puffer_arena.trainers.objective import STATISTICS, Samples
from puffer_arena.trainers.policy import Policy

NONE_32, NONE_16 = np.empty((0, 0), np.float32), np.empty((0, 0), np.uint16)
NO_ACTIONS, NO_ROW = np.empty((0, 1), np.int64), np.empty(0, np.float32)


def choose_path(config: Config, policy: Policy) -> "FusedPath | None":
    """Return the fused path when it fits and is wanted.

    Raises:
        TrainingError: it is asked for and does not fit.
    """
    if config.gradients == "autograd":
        return None
    inputs = policy.encoder.inputs
    fits = (
        config.device == "cpu"
        and config.compile == "off"
        and policy.memory is None
        and isinstance(policy.head, Categorical)
        and policy.head.components == 1
        and all(isinstance(layer, CodeLayer | QuantityLayer) for layer in inputs)
    )
    if not fits and config.gradients == "fused":
        raise TrainingError(
            "gradients = 'fused' is for linear layers with one Discrete action on a CPU, without memory, convolutions "
            "or torch.compile; use gradients = 'auto'"
        )
    return FusedPath(policy, config.precision == "bfloat16") if fits else None


class Activations:
    """One layer's activations or gradients in both forms; only one of them has rows."""

    def __init__(self, rows: int, width: int, half: bool) -> None:
        self.tensor = torch.zeros(rows, width, dtype=torch.bfloat16 if half else torch.float32)
        self.a16 = self.tensor.view(torch.uint16).numpy() if half else NONE_16
        self.a32 = NONE_32 if half else self.tensor.numpy()


class Scratch:
    """The arrays of one thread for chunks of `rows`."""

    def __init__(self, policy: Policy, rows: int, half: bool) -> None:
        widths = policy.network.hidden
        self.rows = rows
        self.hidden = [Activations(rows, width, half) for width in widths]
        self.back = [Activations(rows, width, half) for width in widths]
        self.first = torch.zeros(rows, widths[0])
        layers = [layer for layer in policy.encoder.inputs if isinstance(layer, CodeLayer)]
        # One place more than there are cells: `index_codes` writes before it knows whether to count.
        self.lists = [np.zeros((rows, len(layer.sizes) + 1), np.int32) for layer in layers]
        self.counts = [np.zeros(rows, np.int32) for _ in layers]


class Gradients:
    """Sums of one thread: a float32 tensor for every weight."""

    def __init__(self, policy: Policy) -> None:
        self.tensors = [torch.zeros_like(p) for p in policy.parameters()]
        self._by_id = {id(p): g for p, g in zip(policy.parameters(), self.tensors, strict=True)}
        self.sums = np.zeros(len(STATISTICS))

    def of(self, parameter: Tensor) -> Tensor:
        """Return the sum for a weight."""
        return self._by_id[id(parameter)]

    def clear(self) -> None:
        """Set all sums to 0."""
        for tensor in self.tensors:
            tensor.zero_()
        self.sums[:] = 0.0


class FusedPath:
    """Acts and differentiates for one policy; `refresh` after every change of its weights."""

    def __init__(self, policy: Policy, half: bool) -> None:
        self.policy, self.half = policy, half
        self.layers: list[Any] = list(policy.encoder.hidden)
        self._threads = threading.local()
        self.refresh()

    def refresh(self) -> None:
        """Take over the policy's weights."""
        with torch.no_grad():
            kind = torch.bfloat16 if self.half else torch.float32
            self.weights = [layer.weight.detach().to(kind) for layer in self.layers]
            self.biases = [layer.bias.detach().to(kind) for layer in self.layers]
        self.output = self.policy.output.weight.detach().numpy(), self.policy.output.bias.detach().numpy()

    def act(
        self, obs: list[Tensor], mask: Array, noise: Array, actions: Array, log_probs: Array, values: Array
    ) -> None:
        """Fill actions (rows, 1), log-probabilities and values for observations."""
        with torch.inference_mode():
            self._forward(obs)
        last = self._scratch(len(values)).hidden[-1]
        n = len(values)
        act_rows(last.a32[:n], last.a16[:n], self.half, *self.output, mask, noise, actions, log_probs, values)

    def value(self, obs: list[Tensor], values: Array) -> None:
        """Fill values for observations."""
        nothing = np.empty((0, 0), np.bool_)
        self.act(obs, nothing, NONE_32, NO_ACTIONS, NO_ROW, values)

    def add_gradients(
        self, obs: list[Tensor], samples: Samples, rules: Array, into: Gradients, ratios: Array, values: Array
    ) -> None:
        """Add the gradients and statistics of some rows; see `learn_rows` for `samples` and `rules`."""
        n = len(samples.advantages)
        with torch.inference_mode():
            self._forward(obs)
            self._backward(obs, n, samples, rules, into, ratios, values)

    def _scratch(self, rows: int) -> Scratch:
        mine: Scratch | None = getattr(self._threads, "scratch", None)
        if mine is None or mine.rows < rows:
            mine = self._threads.scratch = Scratch(self.policy, rows, self.half)
        return mine

    def _forward(self, obs: list[Tensor]) -> None:
        """Fill the activations of every hidden layer."""
        n = len(obs[0])
        scratch = self._scratch(n)
        self._first_layer(obs, scratch, n)
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            out = scratch.hidden[k + 1].tensor[:n]
            torch.addmm(bias, scratch.hidden[k].tensor[:n], weight.t(), out=out)
            _relu(out)

    def _first_layer(self, obs: list[Tensor], scratch: Scratch, n: int) -> None:
        encoder, first = self.policy.encoder, scratch.hidden[0]
        code = 0
        bias = encoder.bias.detach()
        for layer, part in zip(encoder.inputs, obs, strict=True):
            if isinstance(layer, CodeLayer):
                codes, lists, counts = part.reshape(n, -1).numpy(), scratch.lists[code], scratch.counts[code]
                if len(set(layer.sizes)) == 1:
                    index_equal_codes(codes, np.int32(layer.sizes[0]), lists, counts)
                else:
                    index_codes(codes, layer.offsets, layer.limits, lists, counts)
                code += 1
        if len(obs) == 1 and code == 1:
            weight = encoder.inputs[0].weight.detach().numpy()  # type: ignore[operator]  # a CodeLayer's
            lists, counts = scratch.lists[0][:n], scratch.counts[0][:n]
            sum_rows(lists, counts, weight, bias.numpy(), first.a32[:n], first.a16[:n], self.half)
            return
        total = scratch.first[:n]
        total.copy_(bias.expand_as(total))
        code = 0
        for layer, part in zip(encoder.inputs, obs, strict=True):
            if isinstance(layer, CodeLayer):
                lists, counts = scratch.lists[code][:n], scratch.counts[code][:n]
                add_rows(lists, counts, layer.weight.detach().numpy(), total.numpy())
                code += 1
            elif isinstance(layer, QuantityLayer):
                total.addmm_(layer.numbers(part), layer.weight.detach().t())
        torch.relu_(total)
        first.tensor[:n].copy_(total)

    def _backward(
        self, obs: list[Tensor], n: int, samples: Samples, rules: Array, into: Gradients, ratios: Array, values: Array
    ) -> None:
        scratch, policy = self._scratch(n), self.policy
        last, back = scratch.hidden[-1], scratch.back[-1]
        biases = [policy.encoder.bias, *(layer.bias for layer in self.layers)]
        output = policy.output
        learn_rows(
            last.a32[:n],
            last.a16[:n],
            self.half,
            *self.output,
            samples,
            rules,
            back.a32[:n],
            back.a16[:n],
            into.of(output.weight).numpy(),
            into.of(output.bias).numpy(),
            into.of(biases[-1]).numpy(),
            into.sums,
            ratios,
            values,
        )
        for k in range(len(self.layers) - 1, -1, -1):
            gradient, below = scratch.back[k + 1].tensor[:n], scratch.hidden[k]
            target = into.of(self.layers[k].weight)
            if self.half:
                target += gradient.t() @ below.tensor[:n]
            else:
                target.addmm_(gradient.t(), below.tensor[:n])
            lower = scratch.back[k]
            torch.mm(gradient, self.weights[k], out=lower.tensor[:n])
            if k > 0:
                self._mask(below, lower, n, NONE_32, into.of(biases[k]).numpy())
        self._first_gradients(obs, n, scratch, into)

    def _mask(self, hidden: Activations, back: Activations, n: int, copies: Array, bias: Array) -> None:
        mask_gradient(hidden.a32[:n], hidden.a16[:n], back.a32[:n], back.a16[:n], self.half, copies, bias)

    def _first_gradients(self, obs: list[Tensor], n: int, scratch: Scratch, into: Gradients) -> None:
        encoder, hidden, back = self.policy.encoder, scratch.hidden[0], scratch.back[0]
        # With one hidden layer its bias was added to by `learn_rows`, which has also cut the gradient.
        bias = into.of(encoder.bias).numpy() if self.layers else np.zeros(len(encoder.bias), np.float32)
        if len(obs) == 1 and scratch.lists:
            weight = into.of(encoder.inputs[0].weight).numpy()  # type: ignore[arg-type]  # a CodeLayer's
            lists, counts = scratch.lists[0][:n], scratch.counts[0][:n]
            arrays = (hidden.a32[:n], hidden.a16[:n], back.a32[:n], back.a16[:n])
            scatter_rows(lists, counts, *arrays, self.half, weight, bias)
            return
        total = scratch.first[:n]
        self._mask(hidden, back, n, total.numpy(), bias)
        code = 0
        for layer, part in zip(encoder.inputs, obs, strict=True):
            if isinstance(layer, CodeLayer):
                weight = into.of(layer.weight).numpy()
                add_gradient_rows(scratch.lists[code][:n], scratch.counts[code][:n], total.numpy(), weight)
                code += 1
            elif isinstance(layer, QuantityLayer):
                into.of(layer.weight).addmm_(total.t(), layer.numbers(part))


def _relu(tensor: Tensor) -> None:
    """ReLU in place; bfloat16 as whole numbers, whose sign is the same and whose maximum is four times as fast."""
    if tensor.dtype == torch.bfloat16:
        tensor.view(torch.int16).clamp_(min=0)
    else:
        tensor.relu_()


def loss_rules(config: Config, count: float, entropy_coef: float) -> Array:
    """Return the numbers that `learn_rows` takes as `rules`."""
    ppo = config.ppo
    rho_clip = ppo.rho_clip if ppo.objective == "importance" else 0.0
    return np.array([1.0 / count, ppo.value_coef, entropy_coef, ppo.clip, ppo.value_clip, rho_clip], np.float32)
