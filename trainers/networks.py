"""Networks chosen from the spaces: every leaf of an observation is projected into the first hidden layer.

Cell codes go through `CodeLayer`, quantities through a linear layer, pictures (and grids with `images = "cnn"`)
through convolutions; the projections add up, which is the same as one linear layer over all of them.
"""

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from puffer_arena.core.spaces import Box, Space
from puffer_arena.trainers.codes import CodeLayer
from puffer_arena.trainers.config import Network
from puffer_arena.trainers.observations import code_sizes, is_picture, leaves, scale


class QuantityLayer(nn.Module):
    """Linear in numbers, brought near 1 where they are whole; without a bias."""

    def __init__(self, space: Space, width: int) -> None:
        super().__init__()
        self.factor = scale(space)
        size = math.prod(space.dtype.shape)
        self.weight = nn.Parameter(torch.empty(width, size))
        nn.init.orthogonal_(self.weight, math.sqrt(2))

    def numbers(self, part: Tensor) -> Tensor:
        """Return a leaf as numbers near 1, (rows, size)."""
        numbers = part.reshape(len(part), -1).to(self.weight.dtype)
        return numbers if self.factor == 1.0 else numbers * self.factor

    def forward(self, part: Tensor) -> Tensor:
        return functional.linear(self.numbers(part), self.weight)


class ConvolutionLayer(nn.Module):
    """Two small convolutions over a grid or picture (rows, cols[, channels]), then linear; without a bias."""

    def __init__(self, space: Box, channels: tuple[int, ...], width: int) -> None:
        super().__init__()
        shape = space.dtype.shape
        self.codes, self.factor = space.num_codes, scale(space)
        planes = self.codes or (shape[2] if len(shape) == 3 else 1)
        stride = 2 if min(shape[:2]) >= 32 else 1
        layers: list[nn.Module] = []
        for k, count in enumerate(channels):
            layers += [nn.Conv2d(planes, count, 3, stride if k else max(stride, 1), 1), nn.ReLU()]
            planes = count
        self.convolutions = nn.Sequential(*layers)
        for layer in layers:
            if isinstance(layer, nn.Conv2d):
                nn.init.orthogonal_(layer.weight, math.sqrt(2))
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]  # these have a bias
        with torch.no_grad():
            flat = self._planes(torch.zeros(1, *shape, dtype=torch.uint8))
            size = self.convolutions(flat).numel()
        self.weight = nn.Parameter(torch.empty(width, size))
        nn.init.orthogonal_(self.weight, math.sqrt(2))

    def _planes(self, grid: Tensor) -> Tensor:
        """Return (rows, planes, height, width)."""
        if self.codes:
            grid = grid.reshape(len(grid), *grid.shape[1:3], -1)[..., 0]
            return functional.one_hot(grid.long(), self.codes).permute(0, 3, 1, 2).float()
        if grid.dim() == 3:
            grid = grid[..., None]
        return grid.permute(0, 3, 1, 2).float() * self.factor

    def forward(self, grid: Tensor) -> Tensor:
        planes = self._planes(grid).to(self.weight.dtype)
        return functional.linear(self.convolutions(planes).flatten(1), self.weight)


def make_input(space: Space, network: Network, width: int) -> nn.Module:
    """Choose the layer that projects one leaf of an observation to `width` numbers."""
    grid = isinstance(space, Box) and len(space.dtype.shape) >= 2
    convolved = grid if network.images == "cnn" else network.images == "auto" and is_picture(space)
    if isinstance(space, Box) and convolved:
        return ConvolutionLayer(space, network.channels, width)
    sizes = code_sizes(space)
    return CodeLayer(sizes, width) if sizes is not None else QuantityLayer(space, width)


class Encoder(nn.Module):
    """From the leaves of observations to features (rows, hidden[-1])."""

    def __init__(self, observation: Space, network: Network) -> None:
        super().__init__()
        widths = network.hidden
        self.inputs = nn.ModuleList(make_input(leaf, network, widths[0]) for leaf in leaves(observation))
        self.bias = nn.Parameter(torch.zeros(widths[0]))
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(widths))
        for layer in self.hidden:
            assert isinstance(layer, nn.Linear)  # made above
            nn.init.orthogonal_(layer.weight, math.sqrt(2))
            nn.init.zeros_(layer.bias)

    def forward(self, obs: list[Tensor]) -> Tensor:
        total = self.bias
        for layer, part in zip(self.inputs, obs, strict=True):
            total = total + layer(part)
        features = torch.relu(total)
        for layer in self.hidden:
            features = torch.relu(layer(features))
        return features


class Memory(nn.Module):
    """A recurrent layer; its state is (rows, size), for an LSTM its two parts side by side."""

    def __init__(self, kind: str, inputs: int, size: int) -> None:
        super().__init__()
        self.kind, self.size = kind, size
        self.cell = nn.GRUCell(inputs, size) if kind == "gru" else nn.LSTMCell(inputs, size)
        self.state_size = size if kind == "gru" else 2 * size
        for name, parameter in self.cell.named_parameters():
            if "weight" in name:
                nn.init.orthogonal_(parameter)
            else:
                nn.init.zeros_(parameter)

    def forward(self, features: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return the output (rows, size) and the next state."""
        state = state.to(features.dtype)
        if isinstance(self.cell, nn.GRUCell):
            output = self.cell(features, state)
            return output, output
        output, cell = self.cell(features, (state[:, : self.size], state[:, self.size :]))
        return output, torch.cat([output, cell], -1)
