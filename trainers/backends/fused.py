"""The fast backend of a CPU: matrix products by torch, all between them by kernels.

It trains a loss whose slope is registered (see `loss.py`).  Linear layers run without autograd (`linear.py`); recurrent
layers, convolutions and encoders of other people's run through it, each by itself.  Scratch arrays are one set per
thread.
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
    output_rows,
    return_rows,
)
from puffer_arena.trainers.backends.linear import Gradients, LinearLayers, Lists, is_linear
from puffer_arena.trainers.backends.loss import Loss, find_slope, numbers_of, row_dtype
from puffer_arena.trainers.backends.rows import Columns, act_kernel, head_numbers, learn_kernel
from puffer_arena.trainers.data.arrays import aligned_zeros
from puffer_arena.trainers.data.rollout import Chunk, Minibatch
from puffer_arena.trainers.networks.encoder import Encoder
from puffer_arena.trainers.networks.heads import Gaussian, Joint
from puffer_arena.trainers.networks.observations import leaf_tensors
from puffer_arena.trainers.networks.policy import Policy, Tower, part_of
from puffer_arena.trainers.threadpool import ThreadPool


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
