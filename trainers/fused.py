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
MAX_KEPT_BYTES = 256 << 20  # for lists of codes
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


class Lists:
    """Which rows of a code layer's weights each observation adds up; see `index_codes`."""

    def __init__(self, layer: CodeLayer, rows: int) -> None:
        self.layer = layer
        self.size = np.int32(layer.sizes[0]) if len(set(layer.sizes)) == 1 else None
        # One place more than there are cells: `index_codes` writes before it knows whether to count.
        kind = np.int16 if len(layer.weight) < 2**15 else np.int32
        self.rows = np.zeros((rows, len(layer.sizes) + 1), kind)
        self.counts = np.zeros(rows, np.int32)

    def fill(self, codes: Array, begin: int) -> None:
        """List the codes (n, cells) in the entries from `begin` on."""
        rows, counts = self.part(begin, len(codes))
        if self.size is not None:
            index_equal_codes(codes, self.size, rows, counts)
        else:
            index_codes(codes, self.layer.offsets, self.layer.limits, rows, counts)

    def part(self, begin: int, n: int) -> tuple[Array, Array]:
        """Return `n` entries from `begin` on."""
        return self.rows[begin : begin + n], self.counts[begin : begin + n]


class Scratch:
    """The arrays of one thread for chunks of `rows`."""

    def __init__(self, policy: Policy, rows: int, half: bool) -> None:
        widths = policy.network.hidden
        self.rows = rows
        self.hidden = [Activations(rows, width, half) for width in widths]
        self.back = [Activations(rows, width, half) for width in widths]
        self.first = torch.zeros(rows if half else 0, widths[0])  # sums in float32, beside activations that are not
        self.lists = make_lists(policy, rows)


def make_lists(policy: Policy, rows: int) -> list[Lists]:
    """Return lists for `rows` observations, one for each code layer."""
    return [Lists(layer, rows) for layer in policy.encoder.inputs if isinstance(layer, CodeLayer)]


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
        self._kept: list[Lists] = []
        self.layers: list[Any] = list(policy.encoder.hidden)
        self._threads = threading.local()
        self.refresh()

    def reserve(self, rows: int) -> None:
        """Keep the lists of a whole rollout of `rows`, so that learning need not make them again."""
        cells = sum(len(layer.sizes) for layer in self.policy.encoder.inputs if isinstance(layer, CodeLayer))
        if 0 < 4 * rows * cells <= MAX_KEPT_BYTES:
            self._kept = make_lists(self.policy, rows)

    def refresh(self) -> None:
        """Take over the policy's weights."""
        with torch.no_grad():
            kind = torch.bfloat16 if self.half else torch.float32
            self.weights = [layer.weight.detach().to(kind) for layer in self.layers]
            self.biases = [layer.bias.detach().to(kind) for layer in self.layers]
        self.output = self.policy.output.weight.detach().numpy(), self.policy.output.bias.detach().numpy()

    def act(
        self,
        obs: list[Tensor],
        mask: Array,
        noise: Array,
        actions: Array,
        log_probs: Array,
        values: Array,
        place: int | None = None,
    ) -> None:
        """Fill actions (rows, 1), log-probabilities and values for observations.

        Args:
            place: the first row's number in the rollout, if these observations are learned from later.
        """
        n = len(values)
        lists, begin = self._list_codes(obs, n, place, listed=False)
        with torch.inference_mode():
            self._forward(obs, lists, begin)
        last = self._scratch(n).hidden[-1]
        act_rows(last.a32[:n], last.a16[:n], self.half, *self.output, mask, noise, actions, log_probs, values)

    def value(self, obs: list[Tensor], values: Array) -> None:
        """Fill values for observations."""
        nothing = np.empty((0, 0), np.bool_)
        self.act(obs, nothing, NONE_32, NO_ACTIONS, NO_ROW, values)

    def add_gradients(
        self,
        obs: list[Tensor],
        samples: Samples,
        rules: Array,
        into: Gradients,
        ratios: Array,
        values: Array,
        place: int,
    ) -> None:
        """Add the gradients and statistics of the rollout's rows from `place` on; see `learn_rows`."""
        n = len(samples.advantages)
        lists, begin = self._list_codes(obs, n, place, listed=True)
        with torch.inference_mode():
            self._forward(obs, lists, begin)
            self._backward(obs, n, samples, rules, into, ratios, values)
            self._first_gradients(obs, n, lists, begin, into)

    def _list_codes(self, obs: list[Tensor], n: int, place: int | None, listed: bool) -> tuple[list[Lists], int]:
        """Return the lists of some observations, with the number of their first entry."""
        kept = bool(self._kept) and place is not None
        lists, begin = (self._kept, place or 0) if kept else (self._scratch(n).lists, 0)
        if not (kept and listed):
            found = iter(lists)
            for layer, part in zip(self.policy.encoder.inputs, obs, strict=True):
                if isinstance(layer, CodeLayer):
                    next(found).fill(part.reshape(n, -1).numpy(), begin)
        return lists, begin

    def _scratch(self, rows: int) -> Scratch:
        mine: Scratch | None = getattr(self._threads, "scratch", None)
        if mine is None or mine.rows < rows:
            mine = self._threads.scratch = Scratch(self.policy, rows, self.half)
        return mine

    def _forward(self, obs: list[Tensor], lists: list[Lists], begin: int) -> None:
        """Fill the activations of every hidden layer."""
        n = len(obs[0])
        scratch = self._scratch(n)
        self._first_layer(obs, lists, begin, scratch, n)
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            out = scratch.hidden[k + 1].tensor[:n]
            torch.addmm(bias, scratch.hidden[k].tensor[:n], weight.t(), out=out)
            _relu(out)

    def _first_layer(self, obs: list[Tensor], lists: list[Lists], begin: int, scratch: Scratch, n: int) -> None:
        encoder, first = self.policy.encoder, scratch.hidden[0]
        bias = encoder.bias.detach()
        if len(obs) == 1 and lists:
            weight = lists[0].layer.weight.detach().numpy()
            sum_rows(*lists[0].part(begin, n), weight, bias.numpy(), first.a32[:n], first.a16[:n], self.half)
            return
        total = scratch.first[:n] if self.half else first.tensor[:n]
        so_far = bias
        if lists:
            so_far = total.copy_(bias.expand_as(total))
        for each in lists:
            add_rows(*each.part(begin, n), each.layer.weight.detach().numpy(), total.numpy())
        for layer, part in zip(encoder.inputs, obs, strict=True):
            if isinstance(layer, QuantityLayer):
                so_far = torch.addmm(so_far, layer.numbers(part), layer.weight.detach().t(), out=total)
        torch.relu_(total)
        if self.half:
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

    def _mask(self, hidden: Activations, back: Activations, n: int, copies: Array, bias: Array) -> None:
        mask_gradient(hidden.a32[:n], hidden.a16[:n], back.a32[:n], back.a16[:n], self.half, copies, bias)

    def _first_gradients(self, obs: list[Tensor], n: int, lists: list[Lists], begin: int, into: Gradients) -> None:
        scratch, encoder = self._scratch(n), self.policy.encoder
        hidden, back = scratch.hidden[0], scratch.back[0]
        # With one hidden layer its bias was added to by `learn_rows`, which has also cut the gradient.
        bias = into.of(encoder.bias).numpy() if self.layers else np.zeros(len(encoder.bias), np.float32)
        if len(obs) == 1 and lists:
            arrays = (hidden.a32[:n], hidden.a16[:n], back.a32[:n], back.a16[:n])
            scatter_rows(*lists[0].part(begin, n), *arrays, self.half, into.of(lists[0].layer.weight).numpy(), bias)
            return
        total = scratch.first[:n] if self.half else back.tensor[:n]
        self._mask(hidden, back, n, total.numpy() if self.half else NONE_32, bias)
        for each in lists:
            add_gradient_rows(*each.part(begin, n), total.numpy(), into.of(each.layer.weight).numpy())
        for layer, part in zip(encoder.inputs, obs, strict=True):
            if isinstance(layer, QuantityLayer):
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
