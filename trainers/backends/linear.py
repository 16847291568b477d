"""Linear layers of an encoder without autograd: no memory is allocated, and a chunk of rows takes a handful of calls."""

import threading
from typing import Any

import numpy as np
import torch
from torch import Tensor

from puffer_arena.core.fields import Array
from puffer_arena.trainers.backends.layers import (
    add_gradient_rows,
    add_rows,
    index_codes,
    index_equal_codes,
    mask_gradient,
    scatter_rows,
    sum_rows,
)
from puffer_arena.trainers.networks.codes import CodeLayer
from puffer_arena.trainers.networks.encoder import Encoder, QuantityLayer
from puffer_arena.trainers.networks.policy import Policy

NONE_32, NONE_16 = np.empty((0, 0), np.float32), np.empty((0, 0), np.uint16)
MAX_KEPT_BYTES = 256 << 20  # for lists of codes


class Gradients:
    """Sums of one thread: a float32 tensor for every weight."""

    def __init__(self, policy: Policy) -> None:
        self.tensors = [torch.zeros_like(p) for p in policy.parameters()]
        self._by_id = {id(p): g for p, g in zip(policy.parameters(), self.tensors, strict=True)}

    def of(self, parameter: Any) -> Tensor:
        """Return the sum for a weight."""
        return self._by_id[id(parameter)]

    def add(self, parameters: list[Any], gradients: Any) -> None:
        """Add gradients of some weights; None where a weight was not used."""
        for parameter, gradient in zip(parameters, gradients, strict=True):
            if gradient is not None:
                self.of(parameter).add_(gradient)

    def clear(self) -> None:
        """Set all sums to 0."""
        for tensor in self.tensors:
            tensor.zero_()


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


def make_lists(encoder: Encoder, rows: int) -> list[Lists]:
    """Return lists for `rows` observations, one for each code layer."""
    return [Lists(layer, rows) for layer in encoder.inputs if isinstance(layer, CodeLayer)]


class Scratch:
    """The arrays of one thread for chunks of `rows`."""

    def __init__(self, encoder: Encoder, rows: int, half: bool) -> None:
        layers: list[Any] = list(encoder.hidden)
        widths = [len(encoder.bias), *(layer.out_features for layer in layers)]
        self.rows = rows
        self.hidden = [Activations(rows, width, half) for width in widths]
        self.back = [Activations(rows, width, half) for width in widths]
        self.first = torch.zeros(rows if half else 0, widths[0])  # sums in float32, beside activations that are not
        self.lists = make_lists(encoder, rows)


class LinearLayers:
    """An encoder of linear layers without autograd; hidden activations stay in the thread's scratch until `backward`."""

    def __init__(self, encoder: Encoder, half: bool) -> None:
        self.encoder, self.half = encoder, half
        self._kept: list[Lists] = []
        self.layers: list[Any] = list(encoder.hidden)
        self._threads = threading.local()
        self.refresh()

    def reserve(self, rows: int) -> None:
        """Keep the lists of a whole rollout of `rows`, so that learning need not make them again."""
        cells = sum(len(layer.sizes) for layer in self.encoder.inputs if isinstance(layer, CodeLayer))
        if 0 < 4 * rows * cells <= MAX_KEPT_BYTES:
            self._kept = make_lists(self.encoder, rows)

    def refresh(self) -> None:
        """Take over the weights."""
        with torch.no_grad():
            kind = torch.bfloat16 if self.half else torch.float32
            self.weights = [layer.weight.detach().to(kind) for layer in self.layers]
            self.biases = [layer.bias.detach().to(kind) for layer in self.layers]

    def scratch(self, rows: int) -> Scratch:
        """Return the calling thread's arrays."""
        mine: Scratch | None = getattr(self._threads, "scratch", None)
        if mine is None or mine.rows < rows:
            mine = self._threads.scratch = Scratch(self.encoder, rows, self.half)
        return mine

    def list_codes(self, obs: list[Tensor], place: int | None, listed: bool) -> tuple[list[Lists], int]:
        """Return the lists of some observations, with the number of their first entry.

        Args:
            place: see `Backend.act`.
            listed: these observations were acted on, so that kept lists hold them.
        """
        n = len(obs[0])
        kept = bool(self._kept) and place is not None
        lists, begin = (self._kept, place or 0) if kept else (self.scratch(n).lists, 0)
        if not (kept and listed):
            found = iter(lists)
            for layer, part in zip(self.encoder.inputs, obs, strict=True):
                if isinstance(layer, CodeLayer):
                    next(found).fill(part.reshape(n, -1).numpy(), begin)
        return lists, begin

    def forward(self, obs: list[Tensor], lists: list[Lists], begin: int) -> Activations:
        """Fill the activations of every hidden layer; return the last one's."""
        n = len(obs[0])
        scratch = self.scratch(n)
        self._first_layer(obs, lists, begin, scratch, n)
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            out = scratch.hidden[k + 1].tensor[:n]
            torch.addmm(bias, scratch.hidden[k].tensor[:n], weight.t(), out=out)
            _relu(out)
        return scratch.hidden[-1]

    def _first_layer(self, obs: list[Tensor], lists: list[Lists], begin: int, scratch: Scratch, n: int) -> None:
        encoder, first = self.encoder, scratch.hidden[0]
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

    @property
    def last_bias(self) -> Any:
        """The bias of the last hidden layer, whose gradient comes with that of the activations."""
        return self.layers[-1].bias if self.layers else self.encoder.bias

    def backward_from(self, slopes: Tensor, into: Gradients) -> None:
        """Take the gradient of the last activations (rows, width) back; `forward` came before in this thread."""
        n = len(slopes)
        scratch = self.scratch(n)
        scratch.back[-1].tensor[:n].copy_(slopes)
        self.cut(scratch.hidden[-1], scratch.back[-1], n, NONE_32, into.of(self.last_bias).numpy())

    def backward(self, obs: list[Tensor], lists: list[Lists], begin: int, into: Gradients) -> None:
        """Add the gradients of all layers, from that of the last activations in the thread's scratch."""
        n = len(obs[0])
        scratch = self.scratch(n)
        biases = [self.encoder.bias, *(layer.bias for layer in self.layers)]
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
                self.cut(below, lower, n, NONE_32, into.of(biases[k]).numpy())
        self._first_gradients(obs, n, lists, begin, into)

    def cut(self, hidden: Activations, back: Activations, n: int, copies: Array, bias: Array) -> None:
        """Cut gradients where activations were 0, and add them up in `bias`."""
        mask_gradient(hidden.a32[:n], hidden.a16[:n], back.a32[:n], back.a16[:n], self.half, copies, bias)

    def _first_gradients(self, obs: list[Tensor], n: int, lists: list[Lists], begin: int, into: Gradients) -> None:
        scratch, encoder = self.scratch(n), self.encoder
        hidden, back = scratch.hidden[0], scratch.back[0]
        # With one hidden layer its gradient is cut, and its bias added to, already.
        bias = into.of(encoder.bias).numpy() if self.layers else np.zeros(len(encoder.bias), np.float32)
        if len(obs) == 1 and lists:
            arrays = (hidden.a32[:n], hidden.a16[:n], back.a32[:n], back.a16[:n])
            scatter_rows(*lists[0].part(begin, n), *arrays, self.half, into.of(lists[0].layer.weight).numpy(), bias)
            return
        total = scratch.first[:n] if self.half else back.tensor[:n]
        self.cut(hidden, back, n, total.numpy() if self.half else NONE_32, bias)
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


def is_linear(encoder: Encoder) -> bool:
    """Tell whether kernels can run an encoder: linear layers with nothing but a ReLU between them."""
    return encoder.blocks == "plain" and all(isinstance(each, CodeLayer | QuantityLayer) for each in encoder.inputs)
