"""The loops of the fused path: everything between its matrix products, one pass over the rows each.

Hidden activations come in float32 (`h32`) or as the upper halves of float32, which is bfloat16, in uint16 (`h16`); `half`
says which one counts.  They are kept after their ReLU, so an activation of 0 had no gradient.
"""

from typing import Any

import numpy as np

from puffer_arena.machine.loops import kernel


@kernel
def index_codes(codes: Any, offsets: Any, limits: Any, rows: Any, counts: Any) -> None:
    """List, for every row, the weight rows of its codes above 0: rows[i, : counts[i]]."""
    for i in range(codes.shape[0]):
        n = 0
        for cell in range(codes.shape[1]):
            code = codes[i, cell]
            rows[i, n] = offsets[cell] + code - 1
            n += 0 < code < limits[cell]  # without a branch, which would be mispredicted at every code
        counts[i] = n


@kernel
def index_equal_codes(codes: Any, size: Any, rows: Any, counts: Any) -> None:
    """`index_codes` where every cell takes codes below `size`; twice as fast."""
    for i in range(codes.shape[0]):
        n: Any = 0
        for cell in range(codes.shape[1]):
            code = np.int32(codes[i, cell])
            rows[i, n] = cell * (size - 1) + code - 1
            n += np.int32(code > 0) & np.int32(code < size)
        counts[i] = n


@kernel
def sum_rows(rows: Any, counts: Any, weight: Any, bias: Any, h32: Any, h16: Any, half: bool) -> None:
    """h[i] = relu(bias + sum of the listed rows of `weight`)."""
    width = weight.shape[1]
    total = np.empty(width, np.float32)
    bits = total.view(np.uint32)
    for i in range(len(counts)):
        for j in range(width):
            total[j] = bias[j]
        for k in range(counts[i]):
            row = rows[i, k]
            for j in range(width):
                total[j] += weight[row, j]
        for j in range(width):
            total[j] = total[j] if total[j] > 0.0 or total[j] != total[j] else np.float32(0.0)
        if half:
            for j in range(width):
                h16[i, j] = (bits[j] + np.uint32(0x7FFF) + ((bits[j] >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
        else:
            for j in range(width):
                h32[i, j] = total[j]


@kernel
def scatter_rows(
    rows: Any, counts: Any, h32: Any, h16: Any, d32: Any, d16: Any, half: bool, weight: Any, bias: Any
) -> None:
    """The transpose of `sum_rows`: add every row's gradient to the listed rows of `weight` and to `bias`."""
    width = weight.shape[1]
    gradient = np.empty(width, np.float32)
    bits = gradient.view(np.uint32)
    for i in range(len(counts)):
        if half:
            for j in range(width):
                bits[j] = np.uint32(d16[i, j]) << np.uint32(16) if h16[i, j] != 0 else np.uint32(0)
        else:
            for j in range(width):
                gradient[j] = d32[i, j] if h32[i, j] != 0.0 else np.float32(0.0)
        for j in range(width):
            bias[j] += gradient[j]
        for k in range(counts[i]):
            row = rows[i, k]
            for j in range(width):
                weight[row, j] += gradient[j]


@kernel
def add_rows(rows: Any, counts: Any, weight: Any, out: Any) -> None:
    """out[i] += sum of the listed rows of `weight`."""
    for i in range(len(counts)):
        for k in range(counts[i]):
            row = rows[i, k]
            for j in range(weight.shape[1]):
                out[i, j] += weight[row, j]


@kernel
def add_gradient_rows(rows: Any, counts: Any, gradient: Any, weight: Any) -> None:
    """The transpose of `add_rows`: weight[listed rows] += gradient[i]."""
    for i in range(len(counts)):
        for k in range(counts[i]):
            row = rows[i, k]
            for j in range(weight.shape[1]):
                weight[row, j] += gradient[i, j]


@kernel
def mask_gradient(h32: Any, h16: Any, d32: Any, d16: Any, half: bool, out32: Any, bias: Any) -> None:
    """Cut the gradient where the activation was 0, and add it up in `bias`; float32 copies go to `out32` if it has rows."""
    width = len(bias)
    gradient = np.empty(width, np.float32)
    bits = gradient.view(np.uint32)
    copies = len(out32) > 0
    for i in range(max(len(d32), len(d16))):
        if half:
            for j in range(width):
                d16[i, j] = d16[i, j] if h16[i, j] != 0 else np.uint16(0)
                bits[j] = np.uint32(d16[i, j]) << np.uint32(16)
        else:
            for j in range(width):
                gradient[j] = d32[i, j] if h32[i, j] != 0.0 else np.float32(0.0)
                d32[i, j] = gradient[j]
        for j in range(width):
            bias[j] += gradient[j]
        if copies:
            for j in range(width):
                out32[i, j] = gradient[j]


@kernel
def output_rows(h32: Any, h16: Any, half: bool, weight: Any, bias: Any, out: Any) -> None:
    """out = h weight^T + bias, (rows, outputs) in float32."""
    outputs, width = weight.shape
    h = np.empty(width, np.float32)
    bits = h.view(np.uint32)
    for i in range(len(out)):
        if half:
            for j in range(width):
                bits[j] = np.uint32(h16[i, j]) << np.uint32(16)
        else:
            for j in range(width):
                h[j] = h32[i, j]
        for a in range(outputs):
            dot = np.float32(0.0)
            for j in range(width):
                dot += h[j] * weight[a, j]
            out[i, a] = dot + bias[a]


@kernel
def return_rows(
    slopes: Any,
    h32: Any,
    h16: Any,
    half: bool,
    weight: Any,
    d32: Any,
    d16: Any,
    weight_gradient: Any,
    bias_gradient: Any,
    hidden_bias: Any,
) -> None:
    """The transpose of `output_rows`, for activations kept after their ReLU.

    Args:
        slopes: of the outputs, (rows, outputs).
        d32, d16: receive the gradient of the activations, cut where those were 0.
        weight_gradient, bias_gradient: of the output layer, added to.
        hidden_bias: of the last hidden layer, added to.
    """
    outputs, width = weight.shape
    h = np.empty(width, np.float32)
    bits = h.view(np.uint32)
    back = np.empty(width, np.float32)
    back_bits = back.view(np.uint32)
    for i in range(len(slopes)):
        if half:
            for j in range(width):
                bits[j] = np.uint32(h16[i, j]) << np.uint32(16)
        else:
            for j in range(width):
                h[j] = h32[i, j]
        for j in range(width):
            back[j] = 0.0
        for a in range(outputs):
            slope = slopes[i, a]
            bias_gradient[a] += slope
            for j in range(width):
                back[j] += slope * weight[a, j]
                weight_gradient[a, j] += slope * h[j]
        for j in range(width):
            back[j] = back[j] if h[j] != 0.0 else 0.0
            hidden_bias[j] += back[j]
        if half:
            for j in range(width):
                d16[i, j] = (
                    back_bits[j] + np.uint32(0x7FFF) + ((back_bits[j] >> np.uint32(16)) & np.uint32(1))
                ) >> np.uint32(16)
        else:
            for j in range(width):
                d32[i, j] = back[j]
