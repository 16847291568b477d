"""The networks that the trainer makes, in numpy; docs/bots.md has the formulas' sources.

Every layer takes the numbers of one actor, (size,), or of many, (actors, size); one actor's go through matrix times
vector, which takes half the time.  A tower is described by

    {"inputs": [{"kind": "codes"}, {"kind": "numbers", "factor": 1.0},
    {"kind": "entities", "size": 64, "attention": false}, {"kind": "grid", "filters": [[channels, width, apart, around]],
    "factor": 1.0}], "hidden": [128, 128], "blocks": "plain", "normed" or "residual", "memory": {"kind": "gru", "size": 64}
    or null}, with one input for each leaf.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from puffer_arena.bots.file import Numbers
from puffer_arena.bots.layout import Leaf

Shapes = dict[str, tuple[int, ...]]
Layer = Callable[[Numbers], Numbers]
MOST_WIDTH = 1 << 16
MOST_LAYERS = 64
GATES = {"mingru": 2, "gru": 3, "lstm": 4}
STATES = {"mingru": ("h",), "gru": ("h",), "lstm": ("h", "c")}
ZERO = np.zeros((), np.float32)
KEPT_ZEROS = 8  # shapes
WIDER = 4  # how much wider a residual block's inner layer is
NORM_EPSILON = np.float32(1e-5)  # torch's, of a layer norm
NOT_THERE = np.float32(-1e9)  # attention's score of what is not there


def width_of(value: Any) -> int:
    """Return a layer's width from outside.

    Raises:
        ValueError: it is none.
    """
    if type(value) is not int or not 1 <= value <= MOST_WIDTH:
        raise ValueError(f"a width is {str(value)[:40]}; 1 to {MOST_WIDTH} are allowed")
    return value


def tower_shapes(about: Mapping[str, Any], leaves: list[Leaf], outputs: int) -> Shapes:
    """Return name -> shape of all weights that a tower of this description has, before anything is made.

    Raises:
        ValueError, KeyError, TypeError: the description does not hold together.
    """
    widths = [width_of(n) for n in about["hidden"]]
    if not 1 <= len(widths) <= MOST_LAYERS or len(about["inputs"]) != len(leaves):
        raise ValueError(f"a tower has {len(widths)} layers and {len(about['inputs'])} inputs of {len(leaves)}")
    shapes: Shapes = {"bias": (widths[0],)}
    for k, (given, leaf) in enumerate(zip(about["inputs"], leaves, strict=True)):
        shapes |= {f"inputs.{k}.{name}": shape for name, shape in input_shapes(given, leaf, widths[0]).items()}
    shapes |= hidden_shapes(about.get("blocks", "plain"), widths)
    features = widths[-1]
    if about["memory"] is not None:
        kind, size = about["memory"]["kind"], width_of(about["memory"]["size"])
        count = GATES[kind]
        shapes |= {"memory.input": (count * size, features), "memory.bias": (count * size,)}
        if kind != "mingru":
            shapes["memory.recurrent"] = (count * size, size)
        if kind == "gru":
            shapes["memory.recurrent_bias"] = (count * size,)
        features = size
    return shapes | {"output.weight": (outputs, features), "output.bias": (outputs,)}


def hidden_shapes(kind: Any, widths: list[int]) -> Shapes:
    """Return name -> shape of the weights between the first hidden layer and the last, norms included."""
    if kind not in ("plain", "normed", "residual") or (kind == "residual" and len(set(widths)) > 1):
        raise ValueError(f"blocks {str(kind)[:40]!r} of widths {widths[:9]}")
    shapes: Shapes = {}
    for k in range(1, len(widths)):
        if kind == "residual":
            width, wide = widths[k], WIDER * widths[k]
            shapes |= {f"hidden.{k}.widen.weight": (wide, width), f"hidden.{k}.widen.bias": (wide,)}
            shapes |= {f"hidden.{k}.narrow.weight": (width, wide), f"hidden.{k}.narrow.bias": (width,)}
            shapes |= {f"hidden.{k}.norm.{part}": (width,) for part in ("weight", "bias")}
        else:
            shapes |= {f"hidden.{k}.weight": (widths[k], widths[k - 1]), f"hidden.{k}.bias": (widths[k],)}
    normed = {"plain": [], "normed": widths, "residual": widths[-1:]}[kind]
    return shapes | {f"norms.{k}.{part}": (width,) for k, width in enumerate(normed) for part in ("weight", "bias")}


def input_shapes(about: Mapping[str, Any], leaf: Leaf, width: int) -> Shapes:
    """Return name -> shape of the weights over one leaf."""
    kind = about["kind"]
    if kind == "codes":
        if not leaf.codes:
            raise ValueError(f"{leaf.label} has no codes")
        return {"weight": (max(sum(leaf.codes) - len(leaf.codes), 1), width)}
    if kind == "numbers":
        return {"weight": (width, leaf.size)}
    if kind == "entities" and len(leaf.shape) == 2 and leaf.shape[1] > 1:
        size = width_of(about["size"])
        look = {"look": (3 * size, size)} if about["attention"] is True else {}
        embed = {"embed": (size, leaf.shape[1] - 1), "embed_bias": (size,)}
        return {**embed, **look, "weight": (width, 2 * size)}
    if kind != "grid" or len(leaf.shape) not in (2, 3):
        raise ValueError(f"unknown layer {str(kind)[:40]!r} over shape {leaf.shape}")
    rows, cols = leaf.shape[:2]
    planes = (leaf.shape[2] if len(leaf.shape) == 3 else 1) * max(leaf.codes[0] if leaf.codes else 1, 1)
    shapes: Shapes = {}
    for k, (count, wide, apart, around) in enumerate(about["filters"]):
        for number in (count, wide, apart, around + 1):
            width_of(number)
        shapes |= {f"filter.{k}.weight": (count, planes, wide, wide), f"filter.{k}.bias": (count,)}
        rows, cols = ((side + 2 * around - wide) // apart + 1 for side in (rows, cols))
        planes = count
        if min(rows, cols) < 1:
            raise ValueError(f"convolutions leave nothing of shape {leaf.shape}")
    return shapes | {"weight": (width, planes * rows * cols)}


class Tower:
    """Layers over an observation's leaves, a recurrent layer where there is one, and a linear layer.

    Attributes:
        spec: shapes of the recurrent state's arrays, without actors.
    """

    def __init__(self, about: Mapping[str, Any], leaves: list[Leaf], weights: Mapping[str, Numbers]) -> None:
        self.inputs = [
            make_input(given, leaf, _below(weights, f"inputs.{k}."))
            for k, (given, leaf) in enumerate(zip(about["inputs"], leaves, strict=True))
        ]
        self.bias = weights["bias"]
        count, self.blocks = len(about["hidden"]), about.get("blocks", "plain")
        self.residuals: list[Block] = []
        self.hidden: list[tuple[Numbers, Numbers]] = []
        if self.blocks == "residual":
            self.residuals = [Block(_below(weights, f"hidden.{k}.")) for k in range(1, count)]
        else:
            self.hidden = [_linear(weights, f"hidden.{k}.") for k in range(1, count)]
        normed = {"plain": 0, "normed": count, "residual": 1}[self.blocks]
        self.norms = [Norm(_below(weights, f"norms.{k}.")) for k in range(normed)]
        self.memory = None if about["memory"] is None else Memory(about["memory"], _below(weights, "memory."))
        self.spec: Shapes = {} if self.memory is None else self.memory.spec
        self.output = _linear(weights, "output.")
        self._zeros: dict[tuple[int, ...], Numbers] = {}

    def run(self, parts: list[Numbers], state: dict[str, Numbers]) -> tuple[Numbers, dict[str, Numbers]]:
        """Return the outputs and the next state."""
        features = self.inputs[0](parts[0])
        features = features + self.bias
        for layer, part in zip(self.inputs[1:], parts[1:], strict=True):
            features += layer(part)
        features = self._hidden(features)
        if self.memory is not None:
            state = self.memory.step(features, state)
            features = state["h"]
        weight, bias = self.output
        outputs: Numbers = np.dot(features, weight)
        outputs += bias
        return outputs, state

    def _hidden(self, features: Numbers) -> Numbers:
        """Return the last hidden layer's features from the first one's sums."""
        if self.blocks == "residual":
            for block in self.residuals:
                features = block(features)
            return self.norms[0](features)
        if self.norms:
            features = self.norms[0](features)
        zeros = ZERO if features.ndim == 1 else self._zeros_of(features.shape)
        np.maximum(features, zeros, out=features)
        for k, (weight, bias) in enumerate(self.hidden):
            features = np.dot(features, weight)
            features += bias
            if self.norms:
                features = self.norms[k + 1](features)
            if features.shape != zeros.shape and features.ndim > 1:
                zeros = self._zeros_of(features.shape)
            np.maximum(features, zeros, out=features)
        return features

    def _zeros_of(self, shape: tuple[int, ...]) -> Numbers:
        """Return zeros of a shape, kept: an array of them takes a fourth of the time that a single zero does."""
        if shape not in self._zeros:
            if len(self._zeros) >= KEPT_ZEROS:
                self._zeros.clear()
            self._zeros[shape] = np.zeros(shape, np.float32)
        return self._zeros[shape]


class Norm:
    """A layer norm (Ba et al. 2016)."""

    def __init__(self, weights: Mapping[str, Numbers]) -> None:
        self.weight, self.bias = weights["weight"], weights["bias"]

    def __call__(self, features: Numbers) -> Numbers:
        apart = features - features.mean(-1, keepdims=True)
        apart /= np.sqrt(np.square(apart).mean(-1, keepdims=True) + NORM_EPSILON)
        apart *= self.weight
        return np.asarray(apart + self.bias)


class Block:
    """A residual block: two layers over a norm, added to what came in (Lee et al. 2024)."""

    def __init__(self, weights: Mapping[str, Numbers]) -> None:
        self.norm = Norm(_below(weights, "norm."))
        self.widen, self.narrow = _linear(weights, "widen."), _linear(weights, "narrow.")

    def __call__(self, features: Numbers) -> Numbers:
        inner = np.dot(self.norm(features), self.widen[0]) + self.widen[1]
        inner = np.dot(np.maximum(inner, ZERO), self.narrow[0]) + self.narrow[1]
        return np.asarray(features + inner)


class Memory:
    """A recurrent layer: minGRU (Feng et al. 2024), GRU (Chung et al. 2014) or LSTM (Gers et al. 2000)."""

    def __init__(self, about: Mapping[str, Any], weights: Mapping[str, Numbers]) -> None:
        self.kind, self.size = about["kind"], about["size"]
        self.spec: Shapes = {name: (int(self.size),) for name in STATES[self.kind]}
        self.input = np.ascontiguousarray(weights["input"].T)
        self.bias = weights["bias"]
        self.recurrent = np.ascontiguousarray(weights["recurrent"].T) if "recurrent" in weights else None
        self.recurrent_bias = weights.get("recurrent_bias")

    def step(self, features: Numbers, state: Mapping[str, Numbers]) -> dict[str, Numbers]:
        """Return the next state, whose "h" is the output."""
        seen, size, h = np.dot(features, self.input), self.size, state["h"]
        seen += self.bias
        if self.recurrent is None:
            return {"h": h + sigmoid(seen[..., :size]) * (seen[..., size:] - h)}
        own = np.dot(h, self.recurrent)
        if self.kind == "gru":
            own += self.recurrent_bias
            gates = sigmoid(seen[..., : 2 * size] + own[..., : 2 * size])
            candidate = np.tanh(seen[..., 2 * size :] + gates[..., :size] * own[..., 2 * size :])
            return {"h": candidate + gates[..., size:] * (h - candidate)}
        seen += own
        opened = sigmoid(seen[..., : 2 * size])
        cell = opened[..., size:] * state["c"] + opened[..., :size] * np.tanh(seen[..., 2 * size : 3 * size])
        return {"h": sigmoid(seen[..., 3 * size :]) * np.tanh(cell), "c": cell}


def sigmoid(x: Numbers) -> Numbers:
    """Return 1 / (1 + exp(-x)), which cannot overflow in this form."""
    half = np.tanh(x * np.float32(0.5))
    half *= np.float32(0.5)
    half += np.float32(0.5)
    return half


def make_input(about: Mapping[str, Any], leaf: Leaf, weights: Mapping[str, Numbers]) -> Layer:
    """Return the layer that projects a leaf, (*shape) or (actors, *shape), to the first hidden layer."""
    if about["kind"] == "codes":
        return CodeLayer(leaf, weights["weight"])
    if about["kind"] == "grid":
        return GridLayer(about, leaf, weights)
    if about["kind"] == "entities":
        return EntityLayer(weights)
    return NumberLayer(about, leaf, weights["weight"])


class NumberLayer:
    """Numbers times a matrix."""

    def __init__(self, about: Mapping[str, Any], leaf: Leaf, weight: Numbers) -> None:
        self.weight = np.ascontiguousarray(weight.T) * np.float32(about["factor"])
        self.axes, self.size = len(leaf.shape), leaf.size

    def __call__(self, part: Numbers) -> Numbers:
        if self.axes != 1:
            part = part.reshape(*part.shape[: part.ndim - self.axes], self.size)
        return np.asarray(np.dot(part.astype(np.float32, copy=False), self.weight))


class CodeLayer:
    """One-hot codes times a matrix; code 0 has no weights.  One actor's rows are added up."""

    def __init__(self, leaf: Leaf, weight: Numbers) -> None:
        self.weight, self.axes = weight, len(leaf.shape)
        sizes = np.asarray(leaf.codes, np.int64) - 1
        self.first = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64) - 1
        self.places = self.first  # of codes 1 - 1 of every cell in the one-hot numbers of several actors

    def __call__(self, part: Numbers) -> Numbers:
        flat = part.reshape(-1)
        filled = flat.nonzero()[0]
        if part.ndim == self.axes:
            return np.asarray(np.add.reduce(self.weight[self.first[filled] + flat[filled]], axis=0))
        actors, wide = len(part), len(self.weight)
        if len(self.places) < len(flat):
            self.places = (self.first + np.arange(actors)[:, None] * wide).reshape(-1)
        hot = np.zeros(actors * wide, np.float32)
        hot[self.places[filled] + flat[filled]] = 1.0
        return np.asarray(np.dot(hot.reshape(actors, wide), self.weight))


class EntityLayer:
    """A set of things (most, 1 + features): mean and maximum of their embeddings, which may attend to one another first.

    Zaheer et al. 2017, "Deep Sets"; Vaswani et al. 2017, equation 1.
    """

    def __init__(self, weights: Mapping[str, Numbers]) -> None:
        self.embed, self.bias = np.ascontiguousarray(weights["embed"].T), weights["embed_bias"]
        self.look = np.ascontiguousarray(weights["look"].T) if "look" in weights else None
        self.weight, self.size = np.ascontiguousarray(weights["weight"].T), len(self.bias)

    def __call__(self, part: Numbers) -> Numbers:
        there = part[..., 0] > 0.5
        embedded = np.dot(part[..., 1:].astype(np.float32, copy=False), self.embed) + self.bias
        np.maximum(embedded, ZERO, out=embedded)
        if self.look is not None:
            query, key, value = np.split(np.dot(embedded, self.look), 3, -1)
            scores = np.matmul(query, key.swapaxes(-1, -2)) / np.float32(math.sqrt(self.size))
            scores = np.where(there[..., None, :], scores, NOT_THERE)
            scores = np.exp(scores - scores.max(-1, keepdims=True))
            embedded += np.matmul(scores / scores.sum(-1, keepdims=True), value)
            np.maximum(embedded, ZERO, out=embedded)
        embedded *= there[..., None]
        count = np.maximum(there.sum(-1, keepdims=True), 1).astype(np.float32)
        pooled = np.concatenate([embedded.sum(-2) / count, embedded.max(-2)], -1)
        return np.asarray(np.dot(pooled, self.weight))


class GridLayer:
    """Convolutions over a grid or picture, each followed by a ReLU, then a matrix."""

    def __init__(self, about: Mapping[str, Any], leaf: Leaf, weights: Mapping[str, Numbers]) -> None:
        self.codes = np.arange(leaf.codes[0]) if leaf.codes else None
        self.axes, self.shape, self.factor = len(leaf.shape), leaf.shape, np.float32(about["factor"])
        self.filters = []
        for k, (count, wide, apart, around) in enumerate(about["filters"]):
            matrix = weights[f"filter.{k}.weight"].transpose(2, 3, 1, 0).reshape(-1, count)  # (height, width, planes)
            self.filters.append((np.ascontiguousarray(matrix), weights[f"filter.{k}.bias"], wide, apart, around))
        self.matrix = weights["weight"]
        self._turned: Numbers | None = None

    def __call__(self, part: Numbers) -> Numbers:
        many = part.ndim > self.axes
        grid = part.reshape(-1, *self.shape, *([1] if self.axes == 2 else []))
        if self.codes is not None:
            planes = (grid[..., None] == self.codes).reshape(*grid.shape[:3], -1).astype(np.float32)
        else:
            planes = grid.astype(np.float32) * self.factor
        for matrix, bias, wide, apart, around in self.filters:
            if around:
                planes = np.pad(planes, ((0, 0), (around, around), (around, around), (0, 0)))
            seen = np.lib.stride_tricks.sliding_window_view(planes, (wide, wide), (1, 2))[:, ::apart, ::apart]
            seen = seen.transpose(0, 1, 2, 4, 5, 3)  # (actors, rows, cols, height, width, planes)
            planes = np.dot(seen.reshape(*seen.shape[:3], -1), matrix)
            planes += bias
            np.maximum(planes, ZERO, out=planes)
        if self._turned is None:  # the trainer's order is (planes, rows, cols); turned once it is known how many
            rows, cols, count = planes.shape[1:]
            turned = self.matrix.reshape(-1, count, rows, cols).transpose(2, 3, 1, 0)
            self._turned = np.ascontiguousarray(turned).reshape(rows * cols * count, -1)
        out: Numbers = np.dot(planes.reshape(len(planes), -1), self._turned)
        return out if many else out[0]


def _linear(weights: Mapping[str, Numbers], name: str) -> tuple[Numbers, Numbers]:
    """Return a linear layer's matrix as vectors are multiplied by it, and its bias."""
    return np.ascontiguousarray(weights[f"{name}weight"].T), weights[f"{name}bias"]


def _below(weights: Mapping[str, Numbers], prefix: str) -> dict[str, Numbers]:
    return {name.removeprefix(prefix): part for name, part in weights.items() if name.startswith(prefix)}
