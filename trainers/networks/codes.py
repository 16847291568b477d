"""The first layer over cell codes: a one-hot encoding times a matrix, done by adding up rows.

Code 0 is the background and has no weights; the layer's bias takes its part.  Only cells of another code cost
anything, so a mostly empty board needs a few additions where the full product has hundreds.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from puffer_arena.machine.loops import kernel


@kernel
def add_code_rows(codes: Any, offsets: Any, limits: Any, weight: Any, out: Any) -> None:
    """out[i] += sum over cells of weight[offsets[cell] + code - 1], for codes from 1 up to the cell's limit."""
    width = weight.shape[1]
    for i in range(codes.shape[0]):
        for cell in range(codes.shape[1]):
            code = codes[i, cell]
            if 0 < code < limits[cell]:
                row = offsets[cell] + code - 1
                for j in range(width):
                    out[i, j] += weight[row, j]


@kernel
def add_code_gradients(codes: Any, offsets: Any, limits: Any, gradient: Any, out: Any) -> None:
    """The transpose of `add_code_rows`: out[offsets[cell] + code - 1] += gradient[i]."""
    width = gradient.shape[1]
    for i in range(codes.shape[0]):
        for cell in range(codes.shape[1]):
            code = codes[i, cell]
            if 0 < code < limits[cell]:
                row = offsets[cell] + code - 1
                for j in range(width):
                    out[row, j] += gradient[i, j]


class _Sum(torch.autograd.Function):
    """`add_code_rows` with its gradient."""

    @staticmethod
    def forward(ctx: Any, codes: Tensor, weight: Tensor, layer: "CodeLayer") -> Tensor:
        ctx.save_for_backward(codes)
        ctx.layer, ctx.shape = layer, weight.shape
        out = weight.new_zeros(len(codes), weight.shape[1])
        add_code_rows(codes.numpy(), layer.offsets, layer.limits, weight.detach().numpy(), out.numpy())
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor, None]:
        (codes,) = ctx.saved_tensors
        gradient = gradients[0].contiguous()
        out = gradient.new_zeros(ctx.shape)
        add_code_gradients(codes.numpy(), ctx.layer.offsets, ctx.layer.limits, gradient.numpy(), out.numpy())
        return None, out, None


class CodeLayer(nn.Module):
    """Linear in the one-hot encoding of codes (rows, cells), without a bias."""

    def __init__(self, sizes: tuple[int, ...], width: int) -> None:
        super().__init__()
        import numpy as np

        self.sizes = sizes
        self.limits = np.asarray(sizes, np.int64)
        self.offsets = np.concatenate([[0], np.cumsum(self.limits - 1)[:-1]]).astype(np.int64)
        # About a quarter of the cells is taken to be occupied; the sum then has a variance near 2.
        self.weight = nn.Parameter(torch.empty(max(int((self.limits - 1).sum()), 1), width))
        nn.init.normal_(self.weight, std=(2.0 / max(1.0, len(sizes) / 4)) ** 0.5)

    def forward(self, codes: Tensor) -> Tensor:
        codes = codes.reshape(len(codes), -1)
        if codes.device.type == "cpu" and not torch.compiler.is_compiling():
            total: Tensor = _Sum.apply(codes, self.weight, self)  # type: ignore[no-untyped-call]  # torch's own
            return total
        return self.product(codes)

    def product(self, codes: Tensor) -> Tensor:
        """The same by the full matrix product, for devices where that is faster."""
        columns = [
            functional.one_hot(codes[:, cell].long(), size)[:, 1:] for cell, size in enumerate(self.sizes) if size > 1
        ]
        return torch.cat(columns, -1).to(self.weight.dtype) @ self.weight
