"""The fast backend of a CPU: matrix products by torch, all between them by kernels.

It trains a loss whose slope is registered (see `loss.py`).  Linear layers run without autograd, with no
memory allocated and a handful of calls per chunk of rows; recurrent layers, convolutions and encoders of
other people's run through autograd, each by itself.  Scratch arrays are one set per thread.
"""

import contextlib
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from puffer_arena.core.fields import Array
from puffer_arena.errors import TrainingError
from puffer_arena.trainers.backends.backend import Backend, add_up, check_finite, interleaved
from puffer_arena.trainers.backends.layers import (
    add_gradient_rows,
    add_rows,
    index_codes,
    index_equal_codes,
    mask_gradient,
    output_rows,
    return_rows,
    scatter_rows,
    sum_rows,
)
from puffer_arena.trainers.backends.loss import Loss, find_slope, numbers_of, row_dtype
from puffer_arena.trainers.backends.rows import Columns, act_kernel, head_numbers, learn_kernel
from puffer_arena.trainers.data.arrays import aligned_zeros
from puffer_arena.trainers.data.rollout import Chunk, Minibatch
from puffer_arena.trainers.networks.codes import CodeLayer
from puffer_arena.trainers.networks.encoder import Encoder, QuantityLayer
from puffer_arena.trainers.networks.heads import Gaussian, Joint
from puffer_arena.trainers.networks.observations import leaf_tensors
from puffer_arena.trainers.networks.policy import Policy, Tower, part_of
from puffer_arena.trainers.threadpool import ThreadPool

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


class TowerPath:
    """Runs one tower of a policy: kernels where its layers are linear, autograd for the rest."""

    def __init__(self, tower: Tower, half: bool) -> None:
        self.tower, self.half = tower, half
        encoder = tower.encoder
        self.linear = LinearLayers(encoder, half) if isinstance(encoder, Encoder) and is_linear(encoder) else None
        self.recorded: list[Any] = []  # weights whose gradients come from autograd
        if self.linear is None:
            self.recorded += list(encoder.parameters())
        self.refresh()

    def refresh(self) -> None:
        """Take over the weights."""
        if self.linear is not None:
            self.linear.refresh()
        output = self.tower.output
        self.weight, self.bias = output.weight.detach(), output.bias.detach()
        self.arrays = self.weight.numpy(), self.bias.numpy()
        self.width = len(self.bias)

    def _autocast(self) -> Any:
        return torch.autocast("cpu", torch.bfloat16, cache_enabled=False) if self.half else contextlib.nullcontext()

    def _features(self, obs: list[Tensor], place: int | None, listed: bool) -> tuple[Tensor, list[Lists], int]:
        if self.linear is None:
            with self._autocast():
                return self.tower.encoder(obs), [], 0
        lists, begin = self.linear.list_codes(obs, place, listed)
        with torch.inference_mode():
            last = self.linear.forward(obs, lists, begin)
        return last.tensor[: len(obs[0])], lists, begin

    def act(self, obs: list[Tensor], state: dict[str, Array], place: int | None, out: Array) -> None:
        """Fill outputs (rows, outputs); the state moves on in place."""
        n, memory = len(out), self.tower.memory
        with torch.inference_mode():
            features, _, _ = self._features(obs, place, listed=False)
            if memory is None and self.linear is not None:
                last = self.linear.scratch(n).hidden[-1]
                output_rows(last.a32[:n], last.a16[:n], self.half, *self.arrays, out)
                return
            if memory is not None:
                with self._autocast():
                    before = {name: torch.from_numpy(part) for name, part in state.items()}
                    features, after = memory(features, before)
                for name, part in after.items():
                    before[name].copy_(part)
            torch.addmm(self.bias, features.float(), self.weight.t(), out=torch.from_numpy(out))

    def learn_forward(self, obs: list[Tensor], chunk: Chunk, state: dict[str, Array], out: Array) -> "Recorded":
        """Fill outputs (rows, outputs) for a chunk, and return what `learn_backward` needs."""
        n, memory = len(out), self.tower.memory
        features, lists, begin = self._features(obs, chunk.place, listed=True)
        if memory is None and self.linear is not None:
            last = self.linear.scratch(n).hidden[-1]
            output_rows(last.a32[:n], last.a16[:n], self.half, *self.arrays, out)
            return Recorded(obs, lists, begin, None, None)
        source = features
        if self.linear is not None:
            source = features.float().clone().requires_grad_()
        top = source
        if memory is not None:
            began, acting = torch.from_numpy(chunk.began()), chunk.acting()
            moves = None if acting is None else torch.from_numpy(acting)
            before = {name: torch.from_numpy(part) for name, part in state.items()}
            with self._autocast():
                top = memory.sequence(source.view(*began.shape, -1), before, began, moves).flatten(0, 1)
        with torch.inference_mode():
            torch.addmm(self.bias, top.detach().float(), self.weight.t(), out=torch.from_numpy(out))
        return Recorded(obs, lists, begin, source, top)

    def learn_backward(self, recorded: "Recorded", slopes: Array, into: Gradients) -> None:
        """Add the gradients of everything below the slopes of the outputs (rows, outputs)."""
        n, output, linear = len(slopes), self.tower.output, self.linear
        if recorded.top is None:
            assert linear is not None  # outputs came straight from its activations
            scratch = linear.scratch(n)
            last, back = scratch.hidden[-1], scratch.back[-1]
            return_rows(
                slopes, last.a32[:n], last.a16[:n], self.half, self.arrays[0], back.a32[:n], back.a16[:n],
                into.of(output.weight).numpy(), into.of(output.bias).numpy(), into.of(linear.last_bias).numpy(),
            )  # fmt: skip
            with torch.inference_mode():
                linear.backward(recorded.obs, recorded.lists, recorded.begin, into)
            return
        down = torch.from_numpy(slopes)
        with torch.no_grad():
            into.of(output.weight).addmm_(down.t(), recorded.top.detach().float())
            into.of(output.bias).add_(down.sum(0))
            below = (down @ self.weight).to(recorded.top.dtype)
        memory = [] if self.tower.memory is None else list(self.tower.memory.parameters())
        if linear is None:
            weights = [*memory, *self.recorded]
            into.add(weights, torch.autograd.grad(recorded.top, weights, below, allow_unused=True))
            return
        assert recorded.source is not None  # beside a recurrent layer
        first, *others = torch.autograd.grad(recorded.top, [recorded.source, *memory], below)
        into.add(memory, others)
        with torch.inference_mode():
            linear.backward_from(first, into)
            linear.backward(recorded.obs, recorded.lists, recorded.begin, into)


class Recorded:
    """What a chunk's way forward leaves for its way back; `top` is None where the output layer is fused too."""

    def __init__(
        self, obs: list[Tensor], lists: list[Lists], begin: int, source: Tensor | None, top: Tensor | None
    ) -> None:
        self.obs, self.lists, self.begin, self.source, self.top = obs, lists, begin, source, top


class Fused(Backend):
    """Kernels for a policy on a CPU; `reserve` memory for the rollout that is learned from."""

    def __init__(self, policy: Policy, threads: int, half: bool) -> None:
        self.policy, self.half = policy, half
        self.paths = {name: TowerPath(tower, half) for name, tower in policy.towers.items()}
        self.pool = ThreadPool([(k, threads) for k in range(threads)])
        self.sums = [Gradients(policy) for _ in range(threads)]
        self.act_rows, self.columns = act_kernel(policy.head), Columns(policy.head)
        self._threads = threading.local()
        self.refresh()

    def reserve(self, rows: int) -> None:
        """Keep lists of codes for a rollout of `rows`; see `LinearLayers.reserve`."""
        for path in self.paths.values():
            if path.linear is not None and not self.policy.is_recurrent:
                path.linear.reserve(rows)

    def refresh(self) -> None:
        for path in self.paths.values():
            path.refresh()
        self.head = head_numbers(self.policy.head)

    def _workspace(self, name: str, shape: tuple[int, ...], dtype: Any = np.float32) -> Array:
        """Return an array of the calling thread's, made once for all uses up to its size; what it holds is old."""
        spaces: dict[str, Array] = self._threads.__dict__
        space = spaces.get(name)
        if space is None or len(space) < shape[0] or space.shape[1:] != shape[1:] or space.dtype != dtype:
            space = spaces[name] = aligned_zeros(shape, dtype)
        return space[: shape[0]]

    def _outputs(self, obs: Array, state: Mapping[str, Array], place: int | None, central: Sequence[Array]) -> Array:
        leaves = leaf_tensors(self.policy.observation, obs)
        others = [torch.from_numpy(array) for array in central]
        parts = []
        for name, path in self.paths.items():
            out = self._workspace(name, (len(obs), path.width))
            path.act(self.policy.seen_by(name, leaves, others), part_of(state, name), place, out)
            parts.append(out)
        return parts[0] if len(parts) == 1 else np.concatenate(parts, -1)

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
        outputs = self._outputs(obs, state, place, central)
        cut = self.columns
        self.act_rows(
            cut.outputs(outputs), cut.masks(masks), cut.actions(noise), self.head, cut.actions(actions), log_probs
        )
        return outputs[:, self.policy.head.width :]

    def value(self, obs: Array, state: Mapping[str, Array], central: Sequence[Array] = ()) -> Array:
        copied = {name: part.copy() for name, part in state.items()}  # acting moves the state on
        return self._outputs(obs, copied, None, central)[:, self.policy.head.width :]

    def gradients(
        self, loss: Loss, minibatch: Minibatch, settings: Any, columns: tuple[str, ...], remember: bool = False
    ) -> dict[str, float]:
        slope = find_slope(loss)
        if slope is None:
            raise TrainingError(f"loss '{loss.__name__}' has no slope, so gradients = 'fused' cannot train it")
        self.refresh()
        numbers = numbers_of(settings)
        rows = row_dtype(columns, self.policy.values, slope.statistics)
        kernel = learn_kernel(self.policy.head, slope, rows, numbers.dtype)
        extras = np.zeros((len(self.sums), self.policy.head.width))
        found = np.zeros((len(self.sums), len(slope.statistics)))

        def run(part: tuple[int, int]) -> None:
            thread, threads = part
            self.sums[thread].clear()
            for chunk, weights in interleaved(minibatch, thread, threads):
                table = self._workspace("table", (len(chunk),), rows)
                table.view(np.float64).fill(0.0)
                table["weight"] = weights
                for name in columns:
                    table[name] = chunk.rows(name)
                self._differentiate(chunk, table, kernel, numbers, 1.0 / minibatch.count, thread, extras[thread])
                found[thread] += [table[name].sum() for name in slope.statistics]  # rows of weight 0 have none
                if remember:
                    kept = {name: table[name].astype(np.float32) for name in self.policy.values}
                    chunk.remember(table["log_prob"].astype(np.float32), kept)

        self.pool.run(run)
        sums = dict(zip(slope.statistics, found.sum(0).tolist(), strict=True))
        check_finite(sums)
        with torch.no_grad():
            self._add_head(extras)
            add_up([part.tensors for part in self.sums], self.policy)
        return sums

    def _differentiate(
        self, chunk: Chunk, table: Array, kernel: Any, numbers: Array, scale: float, thread: int, extra: Array
    ) -> None:
        """Add a chunk's gradients to the thread's sums, and fill its table with slopes and statistics."""
        policy, into = self.policy, self.sums[thread]
        leaves, state = leaf_tensors(policy.observation, chunk.rows("obs")), chunk.first_state()
        central = [torch.from_numpy(array) for array in chunk.central()]
        outputs, recorded = [], {}
        for name, path in self.paths.items():
            out = self._workspace(name, (len(table), path.width))
            recorded[name] = path.learn_forward(policy.seen_by(name, leaves, central), chunk, part_of(state, name), out)
            outputs.append(out)
        both = outputs[0] if len(outputs) == 1 else np.concatenate(outputs, -1)
        width = policy.head.width
        for k, name in enumerate(policy.values):
            table[name] = both[:, width + k]
        slopes = self._workspace("slopes", both.shape)
        masks, actions = chunk.rows("action_mask"), chunk.rows("actions")
        cut = self.columns
        kernel(
            cut.outputs(both), cut.actions(actions), cut.masks(masks), self.head, table, numbers, scale,
            cut.outputs(slopes), cut.outputs(extra),
        )  # fmt: skip
        for k, name in enumerate(policy.values):
            slopes[:, width + k] = table[f"d_{name}"] * scale
        begin = 0
        for name, path in self.paths.items():
            end = begin + path.width
            mine = slopes if len(outputs) == 1 else np.ascontiguousarray(slopes[:, begin:end])
            path.learn_backward(recorded[name], mine, into)
            begin = end

    def _add_head(self, extras: Array) -> None:
        """Take the slopes of a Gaussian's spread through its sigmoid."""
        head, total = self.policy.head, extras.sum(0)
        each = zip(head.parts, head.outputs_of(total), strict=True) if isinstance(head, Joint) else [(head, total)]
        for part, found in each:
            if isinstance(part, Gaussian):
                share = torch.sigmoid(part.spread.detach())
                slope = torch.from_numpy(found).to(share.dtype)
                self.sums[0].of(part.spread).add_(slope * (part.HIGH - part.LOW) * share * (1.0 - share))

    def close(self) -> None:
        self.pool.close()
