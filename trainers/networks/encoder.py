"""Encoders chosen from the spaces: every leaf of an observation is projected into the first hidden layer.

Cell codes go through `CodeLayer`, quantities through a linear layer, pictures (and grids with `images = "cnn"`)
through convolutions, sets of things through `EntityLayer`; the projections add up, which is the same as one linear layer over all of them.
"""

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from puffer_arena.core.composites import leaves
from puffer_arena.core.spaces import Box, Entities, MultiBinary, Space
from puffer_arena.errors import ParameterError
from puffer_arena.trainers.config import Network
from puffer_arena.trainers.networks.codes import CodeLayer
from puffer_arena.trainers.networks.convolutions import ConvolutionLayer
from puffer_arena.trainers.networks.observations import code_sizes, is_picture, scale

MOST_EMBEDDED = 64  # numbers that each of a set's things is embedded in
NOT_THERE = -1e9  # attention's score of what is not there
SMALLEST_DEVIATION = 1e-4  # of a quantity that hardly changes


class QuantityLayer(nn.Module):
    """Linear in numbers, brought near 1 where they are whole; without a bias.

    With `normalize` they are brought to mean 0 and deviation 1 by what `watch` has seen.
    """

    seen: Tensor
    mean: Tensor
    variance: Tensor

    def __init__(self, space: Space, width: int, normalize: bool = False) -> None:
        super().__init__()
        self.factor = scale(space)
        size = math.prod(space.dtype.shape)
        self.weight = nn.Parameter(torch.empty(width, size))
        nn.init.orthogonal_(self.weight, math.sqrt(2))
        self.normalizes = normalize and not isinstance(space, MultiBinary)
        if self.normalizes:
            self.register_buffer("seen", torch.zeros(1, dtype=torch.float64))
            self.register_buffer("mean", torch.zeros(size, dtype=torch.float64))
            self.register_buffer("variance", torch.ones(size, dtype=torch.float64))

    def plain_numbers(self, part: Tensor) -> Tensor:
        """Return a leaf as numbers near 1, (rows, size), before they are normalized."""
        numbers = part.reshape(len(part), -1).to(self.weight.dtype)
        return numbers if self.factor == 1.0 else numbers * self.factor

    def numbers(self, part: Tensor) -> Tensor:
        """Return a leaf as the numbers that the weights see, (rows, size)."""
        numbers = self.plain_numbers(part)
        if not self.normalizes:
            return numbers
        mean, deviation = self.statistics()
        return (numbers - mean) / deviation

    def statistics(self) -> tuple[Tensor, Tensor]:
        """Return mean and deviation of every quantity, (size,)."""
        deviation = self.variance.sqrt().clamp_(min=SMALLEST_DEVIATION)
        return self.mean.to(self.weight.dtype), deviation.to(self.weight.dtype)

    @torch.no_grad()
    def watch(self, part: Tensor) -> None:
        """Take more rows of the leaf into mean and variance (Chan et al. 1983, equation 2.1)."""
        numbers = self.plain_numbers(part).double()
        count, seen = len(numbers), float(self.seen)
        mean, variance = numbers.mean(0), numbers.var(0, correction=0)
        total = seen + count
        moved = mean - self.mean
        spread = self.variance * seen + variance * count + moved**2 * (seen * count / total)
        self.mean += moved * (count / total)
        self.variance.copy_(spread / total)
        self.seen.fill_(total)

    def forward(self, part: Tensor) -> Tensor:
        return functional.linear(self.numbers(part), self.weight)


class EntityLayer(nn.Module):
    """A set of things (rows, most, 1 + features), in any order, to (rows, width); without a bias.

    Each thing is embedded alike, and the mean and the maximum over those that are there are projected (Zaheer et al.
    2017, "Deep Sets", arXiv 1703.06114, theorem 2).  With attention they first look at one another, by one head
    (Vaswani et al. 2017, equation 1).  What is not there counts in nothing; of an empty set all is 0.
    """

    def __init__(self, space: Entities, width: int, attention: bool) -> None:
        super().__init__()
        self.size = min(width, MOST_EMBEDDED)
        self.embed = nn.Linear(space.dtype.shape[1] - 1, self.size)
        nn.init.orthogonal_(self.embed.weight, math.sqrt(2))
        nn.init.zeros_(self.embed.bias)
        self.look = nn.Linear(self.size, 3 * self.size, bias=False) if attention else None
        if self.look is not None:
            nn.init.orthogonal_(self.look.weight)
        self.weight = nn.Parameter(torch.empty(width, 2 * self.size))
        nn.init.orthogonal_(self.weight, math.sqrt(2))

    def forward(self, things: Tensor) -> Tensor:
        things = things.to(self.weight.dtype)
        there = things[..., :1] > 0.5  # (rows, most, 1)
        embedded = torch.relu(self.embed(things[..., 1:]))
        if self.look is not None:
            embedded = torch.relu(embedded + self._attend(embedded, there))
        embedded = embedded.masked_fill(~there, 0.0)  # below nothing that is there, for embeddings are not negative
        mean = embedded.sum(1) / there.sum(1).clamp(min=1).to(embedded.dtype)
        return functional.linear(torch.cat([mean, embedded.amax(1)], -1), self.weight)

    def _attend(self, embedded: Tensor, there: Tensor) -> Tensor:
        """Return what every thing sees of those that are there, (rows, most, size)."""
        assert self.look is not None  # asked for with attention only
        query, key, value = self.look(embedded).chunk(3, -1)
        scores = (query @ key.transpose(1, 2)).float() / math.sqrt(self.size)
        weights = scores.masked_fill(~there.transpose(1, 2), NOT_THERE).softmax(-1)
        seen: Tensor = weights.to(value.dtype) @ value
        return seen


def make_input(space: Space, network: Network, width: int) -> nn.Module:
    """Choose the layer that projects one leaf of an observation to `width` numbers."""
    if isinstance(space, Entities):
        return EntityLayer(space, width, network.entities == "attention")
    grid = isinstance(space, Box) and len(space.dtype.shape) in (2, 3)
    convolved = grid if network.images == "cnn" else network.images == "auto" and is_picture(space)
    if isinstance(space, Box) and convolved:
        return ConvolutionLayer(space, network.channels, width)
    sizes = code_sizes(space)
    return CodeLayer(sizes, width) if sizes is not None else QuantityLayer(space, width, network.normalize)


class ResidualBlock(nn.Module):
    """h + a hidden layer four times as wide over its norm (Lee et al. 2024, SimBa, arXiv 2410.09754, section 4)."""

    WIDER = 4

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.widen, self.narrow = nn.Linear(width, self.WIDER * width), nn.Linear(self.WIDER * width, width)
        nn.init.kaiming_normal_(self.widen.weight)
        nn.init.orthogonal_(self.narrow.weight)
        for layer in (self.widen, self.narrow):
            nn.init.zeros_(layer.bias)

    def forward(self, features: Tensor) -> Tensor:
        inner: Tensor = self.narrow(torch.relu(self.widen(self.norm(features))))
        return features + inner


class Encoder(nn.Module):
    """From the leaves of observations to features (rows, width).

    Hidden layers by `network.blocks`: "plain" ones end with a ReLU; "normed" ones have a layer norm before it (Ba et al.
    2016, arXiv 1607.06450); "residual" ones are blocks, with one norm behind the last.
    """

    def __init__(self, observation: Space, network: Network, widths: Sequence[int]) -> None:
        super().__init__()
        self.width, self.blocks = widths[-1], network.blocks
        self.inputs = nn.ModuleList(make_input(leaf, network, widths[0]) for _, leaf in leaves(observation))
        self.bias = nn.Parameter(torch.zeros(widths[0]))
        if self.blocks == "residual" and len(set(widths)) > 1:
            raise ParameterError(f"network.blocks = 'residual' adds layers up, and these have widths {tuple(widths)}")
        made: list[nn.Module] = []
        for a, b in itertools.pairwise(widths):
            made.append(ResidualBlock(a) if self.blocks == "residual" else _linear(a, b))
        self.hidden = nn.ModuleList(made)
        normed = {"plain": (), "normed": widths, "residual": widths[-1:]}[self.blocks]
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in normed)

    def forward(self, obs: list[Tensor]) -> Tensor:
        total: Tensor = self.bias
        for layer, part in zip(self.inputs, obs, strict=True):
            total = total + layer(part)
        if self.blocks == "residual":
            features: Tensor = total
            for block in self.hidden:
                features = block(features)
            last: Tensor = self.norms[0](features)
            return last
        features = torch.relu(self._normed(0, total))
        for k, layer in enumerate(self.hidden):
            features = torch.relu(self._normed(k + 1, layer(features)))
        return features

    def _normed(self, k: int, features: Tensor) -> Tensor:
        """Return the inputs of layer `k`'s ReLU."""
        if not self.norms:
            return features
        normed: Tensor = self.norms[k](features)
        return normed

    def watch(self, obs: list[Tensor]) -> None:
        """Let the layers that normalize their quantities see more of them."""
        for layer, part in zip(self.inputs, obs, strict=True):
            if isinstance(layer, QuantityLayer) and layer.normalizes:
                layer.watch(part)

    @torch.no_grad()
    def fold(self) -> None:
        """Take the normalization of quantities into the first layer's weights and bias; what comes out is the same."""
        for layer in self.inputs:
            if isinstance(layer, QuantityLayer) and layer.normalizes:
                mean, deviation = layer.statistics()
                layer.weight.div_(deviation)
                self.bias.sub_(layer.weight @ mean)
                layer.normalizes = False
                del layer.seen, layer.mean, layer.variance


def _linear(inputs: int, outputs: int) -> nn.Linear:
    """Make a hidden layer."""
    layer = nn.Linear(inputs, outputs)
    nn.init.orthogonal_(layer.weight, math.sqrt(2))
    nn.init.zeros_(layer.bias)
    return layer
