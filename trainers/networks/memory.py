"""Recurrent layers: what a policy remembers from step to step.

A layer's state is a dictionary of arrays (rows, *shape), described by `spec`.  Every gate has weights of
its own, so that an optimizer for matrices treats each as one.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from puffer_arena.machine.compile import jit
from puffer_arena.machine.loops import kernel

State = dict[str, Tensor]


class Memory(nn.Module, ABC):
    """A recurrent layer from features (rows, inputs) to outputs (rows, size)."""

    spec: dict[str, tuple[int, ...]]  # shapes of the state's arrays, without rows
    size: int
    at_once = False  # whether a sequence costs a few calls, however long it is

    @abstractmethod
    def forward(self, features: Tensor, state: Mapping[str, Tensor]) -> tuple[Tensor, State]:
        """Return the outputs (rows, size) and the next state."""

    @abstractmethod
    def sequence(
        self, features: Tensor, state: Mapping[str, Tensor], began: Tensor, acting: Tensor | None = None
    ) -> Tensor:
        """Return outputs (time, rows, size) for features (time, rows, inputs).

        Args:
            state: before the first step.
            began: (time, rows), where an episode begins and the state is forgotten before the step.
            acting: (time, rows), where the state moves on, None for everywhere; outputs elsewhere mean nothing.
        """


class Gates(nn.Module):
    """Several linear layers of one input, one for each gate, computed together."""

    def __init__(self, inputs: int, size: int, count: int, bias: bool = True) -> None:
        super().__init__()
        self.each = nn.ModuleList(nn.Linear(inputs, size, bias) for _ in range(count))
        for layer in self.each:
            nn.init.orthogonal_(layer.weight)  # type: ignore[arg-type]  # a linear layer's
            if bias:
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]  # a linear layer's

    def forward(self, features: Tensor) -> Tensor:
        """Return all gates side by side, (rows, count * size)."""
        return functional.linear(features, *self.stacked())

    def stacked(self) -> tuple[Tensor, Tensor | None]:
        """Return the weights and biases of all gates, one under the other."""
        layers: list[Any] = list(self.each)
        bias = None if layers[0].bias is None else torch.cat([layer.bias for layer in layers])
        return torch.cat([layer.weight for layer in layers]), bias


class MinGru(Memory):
    """h_t = (1 - z_t) h_{t-1} + z_t c_t, whose gate z and candidate c see the input alone.

    Feng et al. 2024, "Were RNNs all we needed?", arXiv 2410.01201, equations of section 3.1.  As nothing but
    the last line runs through time, a whole segment is one matrix product and one pass over its numbers.
    """

    at_once = True

    def __init__(self, inputs: int, size: int) -> None:
        super().__init__()
        self.size, self.spec = size, {"h": (size,)}
        self.gates = Gates(inputs, size, 2)

    def _gates(self, features: Tensor) -> tuple[Tensor, Tensor]:
        gates = self.gates(features)
        gates = gates.float() if gates.dtype == torch.bfloat16 else gates  # sums over time need more digits
        gate, candidate = gates.chunk(2, -1)
        return torch.sigmoid(gate), candidate

    def forward(self, features: Tensor, state: Mapping[str, Tensor]) -> tuple[Tensor, State]:
        gate, candidate = self._gates(features)
        output = torch.lerp(state["h"].to(gate.dtype), candidate, gate)
        return output, {"h": output}

    def sequence(
        self, features: Tensor, state: Mapping[str, Tensor], began: Tensor, acting: Tensor | None = None
    ) -> Tensor:
        gate, candidate = self._gates(features)
        if acting is not None:
            gate = gate * acting.to(gate.dtype)[..., None]  # closed
        keep = (~began).to(gate.dtype)
        if gate.device.type == "cpu" and gate.dtype == torch.float32:
            output: Tensor = _Scan.apply(gate, candidate, state["h"], keep)  # type: ignore[no-untyped-call]  # torch's
            return output
        h, outputs = state["h"].to(gate.dtype), []
        for t in range(len(gate)):
            h = torch.lerp(h * keep[t, :, None], candidate[t], gate[t])
            outputs.append(h)
        return torch.stack(outputs)


class _Scan(torch.autograd.Function):
    """h_t = lerp(keep_t h_{t-1}, c_t, z_t) through time, with its gradient; on a CPU."""

    @staticmethod
    def forward(ctx: Any, gate: Tensor, candidate: Tensor, before: Tensor, keep: Tensor) -> Tensor:
        gate, candidate, before, keep = (
            gate.contiguous(),
            candidate.contiguous(),
            before.contiguous(),
            keep.contiguous(),
        )
        out = torch.empty_like(gate)
        scan_forward(
            gate.detach().numpy(), candidate.detach().numpy(), before.detach().numpy(), keep.numpy(), out.numpy()
        )
        ctx.save_for_backward(gate, candidate, before, keep, out)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        gate, candidate, before, keep, out = ctx.saved_tensors
        d_gate, d_candidate, d_before = torch.empty_like(gate), torch.empty_like(gate), torch.zeros_like(before)
        arrays = (part.detach().numpy() for part in (gate, candidate, before, keep, out, gradients[0].contiguous()))
        scan_backward(*arrays, d_gate.numpy(), d_candidate.numpy(), d_before.numpy())
        return d_gate, d_candidate, d_before, None


@kernel
def scan_forward(gate: Any, candidate: Any, before: Any, keep: Any, out: Any) -> None:
    """out[t] = h + gate (candidate - h) with h = keep[t] out[t - 1]; all but keep (time, rows, size)."""
    times, rows, size = gate.shape
    for t in range(times):
        for i in range(rows):
            kept = keep[t, i]
            for j in range(size):
                h = kept * (out[t - 1, i, j] if t > 0 else before[i, j])
                out[t, i, j] = h + gate[t, i, j] * (candidate[t, i, j] - h)


@kernel
def scan_backward(
    gate: Any, candidate: Any, before: Any, keep: Any, out: Any, d_out: Any, d_gate: Any, d_candidate: Any, carry: Any
) -> None:
    """The gradient of `scan_forward`; `carry` (rows, size) starts at 0 and ends as that of `before`."""
    times, rows, size = gate.shape
    for t in range(times - 1, -1, -1):
        for i in range(rows):
            kept = keep[t, i]
            for j in range(size):
                h = kept * (out[t - 1, i, j] if t > 0 else before[i, j])
                slope = d_out[t, i, j] + carry[i, j]
                d_gate[t, i, j] = slope * (candidate[t, i, j] - h)
                d_candidate[t, i, j] = slope * gate[t, i, j]
                carry[i, j] = slope * (np.float32(1.0) - gate[t, i, j]) * kept


class _Stepped(Memory):
    """A layer whose gates also see its own state, so that time goes step by step."""

    gate_count: int

    def __init__(self, inputs: int, size: int) -> None:
        super().__init__()
        self.size = size
        self.inputs = Gates(inputs, size, self.gate_count)
        self.recurrent = Gates(size, size, self.gate_count, bias=self.gate_count == 3)

    @abstractmethod
    def step(self, seen: Tensor, recurrent: tuple[Tensor, Tensor | None], state: Mapping[str, Tensor]) -> State:
        """Return the next state, whose "h" is the output, from the input's part of the gates."""

    def forward(self, features: Tensor, state: Mapping[str, Tensor]) -> tuple[Tensor, State]:
        seen = self.inputs(features)
        new = self.step(seen, self.recurrent.stacked(), {name: part.to(seen.dtype) for name, part in state.items()})
        return new["h"], new

    def sequence(
        self, features: Tensor, state: Mapping[str, Tensor], began: Tensor, acting: Tensor | None = None
    ) -> Tensor:
        return self._through_time(self.inputs(features), state, began, acting)

    def _through_time(self, seen: Tensor, state: Mapping[str, Tensor], began: Tensor, acting: Tensor | None) -> Tensor:
        """Return outputs (time, rows, size) from the input's part of all gates, (time, rows, gates * size)."""
        recurrent = self.recurrent.stacked()
        keep = (~began).to(seen.dtype)[..., None]
        state = {name: part.to(seen.dtype) for name, part in state.items()}
        outputs = []
        for t, now in enumerate(seen.unbind()):  # whose gradient is one stack; that of seen[t] is as large as seen
            before = {name: part * keep[t] for name, part in state.items()}
            state = self.step(now, recurrent, before)
            if acting is not None:
                moves = acting[t, :, None]
                state = {name: torch.where(moves, part, before[name].to(part.dtype)) for name, part in state.items()}
            outputs.append(state["h"])
        return torch.stack(outputs)


class Gru(_Stepped):
    """Cho et al. 2014, in the form of Chung et al. 2014, arXiv 1412.3555, with the reset gate after the product."""

    gate_count = 3

    def __init__(self, inputs: int, size: int) -> None:
        super().__init__(inputs, size)
        self.spec = {"h": (size,)}

    def _through_time(self, seen: Tensor, state: Mapping[str, Tensor], began: Tensor, acting: Tensor | None) -> Tensor:
        if seen.device.type != "cpu" or seen.dtype == torch.float64:
            return super()._through_time(seen, state, began, acting)
        with torch.autocast("cpu", enabled=False):  # its products are small, and Python's part is the larger
            output: Tensor = _GruScan.apply(  # type: ignore[no-untyped-call]  # torch's
                seen.float(), *self.recurrent.stacked(), state["h"].float(), (~began).float(), acting
            )
        return output

    def step(self, seen: Tensor, recurrent: tuple[Tensor, Tensor | None], state: Mapping[str, Tensor]) -> State:
        h, size = state["h"], self.size
        own = functional.linear(h, *recurrent)
        gates = torch.sigmoid(seen[:, : 2 * size] + own[:, : 2 * size])
        candidate = torch.tanh(seen[:, 2 * size :] + gates[:, :size] * own[:, 2 * size :])
        return {"h": torch.lerp(candidate, h.to(candidate.dtype), gates[:, size:])}


class _GruScan(torch.autograd.Function):
    """`Gru.step` through time, with its gradient; on a CPU, where autograd's own costs more than the numbers.

    With r, z the reset and the update gate, c the candidate, and o = U h + b the recurrent part of the three,

        r = s(x_r + o_r),  z = s(x_z + o_z),  c = tanh(x_c + r o_c),  h' = c + z (h - c)
    """

    @staticmethod
    def forward(
        ctx: Any, seen: Tensor, weight: Tensor, bias: Tensor, before: Tensor, keep: Tensor, acting: Tensor | None
    ) -> Tensor:
        times, rows, size = *seen.shape[:2], seen.shape[2] // 3
        own, gates = seen.new_empty(seen.shape), seen.new_empty(times, rows, 2 * size)  # the loop writes in place
        candidate, known, out = (seen.new_empty(times, rows, size) for _ in range(3))
        torch.mul(before, keep[0, :, None], out=known[0])
        moves = torch.ones_like(keep, dtype=torch.bool) if acting is None else acting
        given = (part.detach().contiguous() for part in (seen, keep, moves))
        arrays = [part.numpy() for part in (*given, own, gates, candidate, known, out)]
        across = weight.t()
        for t, (h, h_own) in enumerate(zip(known.unbind(), own.unbind(), strict=True)):
            torch.addmm(bias, h, across, out=h_own)
            gru_step(t, *arrays)
        ctx.save_for_backward(weight, keep, own, gates, candidate, known)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        weight, keep, own, gates, candidate, known = ctx.saved_tensors
        d_seen, d_own, carry = torch.empty_like(own), torch.empty_like(own), torch.zeros_like(known[0])
        arrays = [part.numpy() for part in (gradients[0].contiguous(), own, gates, candidate, known, d_seen, d_own)]
        for t in range(len(own) - 1, -1, -1):
            gru_slopes(t, *arrays, carry.numpy())
            carry.addmm_(d_own[t], weight).mul_(keep[t, :, None])
        slopes = d_own.flatten(0, 1)
        return d_seen, slopes.t() @ known.flatten(0, 1), slopes.sum(0), carry, None, None


@jit
def squash(x: Any) -> Any:
    """Return tanh(x) to 2e-7, in float32 and without a call, so that loops of it use vector registers.

    Of a quarter of x by Lambert's continued fraction, cut off behind 9, then doubled twice.  NaN stays NaN.
    """
    one, two, end = np.float32(1.0), np.float32(2.0), np.float32(9.0)  # from where on it is 1
    y = np.float32(0.25) * (end if x > end else -end if x < -end else x)
    q = y * y
    fraction = np.float32(945.0) + q * (np.float32(420.0) + q * np.float32(15.0))
    half = y * (np.float32(945.0) + q * (np.float32(105.0) + q)) / fraction
    half = two * half / (one + half * half)
    return two * half / (one + half * half)


@kernel
def gru_step(
    t: Any, seen: Any, keep: Any, moves: Any, own: Any, gates: Any, candidate: Any, known: Any, out: Any
) -> None:
    """Set a step's gates, its output, and what is known of that in the next step; own[t] and known[t] are there.

    Args:
        seen, own: parts of the three gates from the input and the state, (time, rows, 3 size); gates: two, (.., 2 size).
        keep, moves: whether the state goes on into a step, and whether a step moves it, (time, rows).
        candidate, known, out: (time, rows, size).
    """
    half = np.float32(0.5)
    times, rows, size = out.shape
    for i in range(rows):
        for j in range(2 * size):
            gates[t, i, j] = half + half * squash(half * (seen[t, i, j] + own[t, i, j]))
        if not moves[t, i]:
            gates[t, i, size:] = 1.0
        for j in range(size):
            new = squash(seen[t, i, 2 * size + j] + gates[t, i, j] * own[t, i, 2 * size + j])
            candidate[t, i, j] = new
            out[t, i, j] = new + gates[t, i, size + j] * (known[t, i, j] - new)
        if t + 1 < times:
            kept = keep[t + 1, i]
            for j in range(size):
                known[t + 1, i, j] = kept * out[t, i, j]


@kernel
def gru_slopes(
    t: Any, d_out: Any, own: Any, gates: Any, candidate: Any, known: Any, d_seen: Any, d_own: Any, carry: Any
) -> None:
    """Set the gradients of a step's gates, from that of its output and `carry`, that of what came after.

    Leaves in `carry` (rows, size) what reaches the state before the step past the gates.
    """
    one = np.float32(1.0)
    rows, size = carry.shape
    for i in range(rows):
        for j in range(size):
            reset, update, new = gates[t, i, j], gates[t, i, size + j], candidate[t, i, j]
            slope = d_out[t, i, j] + carry[i, j]
            d_new = slope * (one - update) * (one - new * new)
            d_reset = d_new * own[t, i, 2 * size + j] * reset * (one - reset)
            d_update = slope * (known[t, i, j] - new) * update * (one - update)
            d_seen[t, i, j], d_own[t, i, j] = d_reset, d_reset
            d_seen[t, i, size + j], d_own[t, i, size + j] = d_update, d_update
            d_seen[t, i, 2 * size + j], d_own[t, i, 2 * size + j] = d_new, d_new * reset
            carry[i, j] = slope * update


class Lstm(_Stepped):
    """Hochreiter and Schmidhuber 1997 with the forget gate of Gers et al. 2000, whose bias starts at 1."""

    gate_count = 4

    def __init__(self, inputs: int, size: int) -> None:
        super().__init__(inputs, size)
        self.spec = {"h": (size,), "c": (size,)}
        nn.init.ones_(self.inputs.each[1].bias)  # type: ignore[arg-type]  # the gates: input, forget, cell, output

    def step(self, seen: Tensor, recurrent: tuple[Tensor, Tensor | None], state: Mapping[str, Tensor]) -> State:
        size = self.size
        gates = seen + functional.linear(state["h"], *recurrent)
        opened = torch.sigmoid(gates[:, : 2 * size])
        written = torch.tanh(gates[:, 2 * size : 3 * size])
        cell = opened[:, size:] * state["c"] + opened[:, :size] * written
        return {"h": torch.sigmoid(gates[:, 3 * size :]) * torch.tanh(cell), "c": cell}


MEMORIES: dict[str, Any] = {"mingru": MinGru, "gru": Gru, "lstm": Lstm}


def make_memory(kind: str, inputs: int, size: int) -> Memory | None:
    """Make the recurrent layer that `network.memory` names, or None."""
    if kind == "none":
        return None
    memory: Memory = MEMORIES[kind](inputs, size)
    return memory
