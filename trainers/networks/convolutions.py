"""Convolutions over grids and pictures, the first layer of what sees them."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from puffer_arena.core.spaces import Box
from puffer_arena.trainers.networks.observations import scale

PICTURE_SIDE = 36  # pixels from which on pictures are strided over as in Mnih et al. 2015, table of Methods
LARGE_GRID = 32  # cells from which on a grid's convolutions skip every second one


class Convolution(nn.Conv2d):
    """A convolution of `factor` times what it sees, which its weights take in.

    Without padding, and with a width that is a multiple of the stride, as many neighbouring columns as the stride are
    one with that many times the planes: where planes lie innermost that is the same memory, and convolutions of few
    planes are slow on processors.
    """

    def __init__(self, planes: int, count: int, wide: int, apart: int, around: int, factor: float = 1.0) -> None:
        super().__init__(planes, count, wide, apart, around)
        self.factor = factor
        self.folds = apart > 1 and wide % apart == 0 and not around

    def forward(self, planes: Tensor) -> Tensor:
        """Return (rows, out_channels, height, width) for (rows, in_channels, height, width)."""
        weight = self.weight if self.factor == 1.0 else self.weight * self.factor
        if not self.folds:
            seen: Tensor = self._conv_forward(planes, weight, self.bias)
            return seen
        rows, count, height, width = planes.shape
        wide, apart = self.kernel_size[0], self.stride[0]
        cols = width // apart  # what is left over at the right no window reaches
        inner = planes.permute(0, 2, 3, 1)[:, :, : cols * apart].reshape(rows, height, cols, apart * count)
        weight = weight.reshape(-1, count, wide, wide // apart, apart).permute(0, 2, 3, 4, 1).flatten(3)
        return functional.conv2d(inner.permute(0, 3, 1, 2), weight.permute(0, 3, 1, 2), self.bias, (apart, 1))


class ConvolutionLayer(nn.Module):
    """Convolutions over a grid or picture (rows, cols[, channels]), then linear; without a bias.

    Pictures take the filters of Mnih et al. 2015: 8 wide 4 apart, 4 wide 2 apart, then 3 wide; grids 3 wide.
    """

    def __init__(self, space: Box, channels: tuple[int, ...], width: int) -> None:
        super().__init__()
        shape = space.dtype.shape
        self.codes, self.factor = space.num_codes, scale(space)
        planes = (shape[2] if len(shape) == 3 else 1) * max(self.codes, 1)
        height, cols = shape[:2]
        layers: list[nn.Module] = []
        for k, count in enumerate(channels):
            wide, apart, around = _filter(k, min(shape[:2]), bool(self.codes))
            factor = self.factor if k == 0 and not self.codes else 1.0
            layer = Convolution(planes, count, wide, apart, around, factor)
            nn.init.orthogonal_(layer.weight, math.sqrt(2))
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]  # it has one
            layers += [layer, nn.ReLU()]
            planes, height, cols = count, *((side + 2 * around - wide) // apart + 1 for side in (height, cols))
        self.convolutions = nn.Sequential(*layers)
        self.weight = nn.Parameter(torch.empty(width, planes * height * cols))
        nn.init.orthogonal_(self.weight, math.sqrt(2))

    def _planes(self, grid: Tensor) -> Tensor:
        """Return (rows, planes, height, width), planes innermost in memory; codes one-hot, those of every channel."""
        if grid.dim() == 3:
            grid = grid[..., None]
        if self.codes:
            grid = functional.one_hot(grid.long(), self.codes).flatten(3)
        device = grid.device.type  # to the precision that the products have, which holds every byte
        kind = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else self.weight.dtype
        return grid.to(kind).permute(0, 3, 1, 2)

    def forward(self, grid: Tensor) -> Tensor:
        return functional.linear(self.convolutions(self._planes(grid)).flatten(1), self.weight)


def _filter(layer: int, side: int, coded: bool) -> tuple[int, int, int]:
    """Return width, stride and padding of a convolution over a grid or picture whose shorter side is `side`."""
    if side >= PICTURE_SIDE and not coded:
        return ((8, 4, 0), (4, 2, 0))[layer] if layer < 2 else (3, 1, 1)
    return 3, 2 if side >= LARGE_GRID and layer < 2 else 1, 1
