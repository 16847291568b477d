"""A bot as an ONNX graph, written node by node from its weights; it gives what the bot's own runtime gives.

    inputs    obs.0, obs.1, ...: the leaves of the observation (actors, *shape), typed as they are seen
              state.actor.h, ...: the recurrent state, zeros where an episode begins
    outputs   logits (actors, width): the heads' inputs, part after part; values (actors, values)
              where there are any
              next.actor.h, ...: the state to give next time

With `choose` there is an input mask (actors, choices), where choices are barred, and an output action.0, ... for each
part of the action: the likeliest, as `Sampling(greedy=True)` takes it.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from puffer_arena.bots.file import Numbers
from puffer_arena.bots.heads import BARRED, Head
from puffer_arena.bots.layout import Leaf
from puffer_arena.bots.model import Model
from puffer_arena.bots.network import (
    NORM_EPSILON,
    NOT_THERE,
    CodeLayer,
    EntityLayer,
    GridLayer,
    Memory,
    Norm,
    NumberLayer,
    Tower,
)
from puffer_arena.errors import require

OPSET, IR = 17, 8  # what runtimes of 2022 read
ACTORS = "actors"


def onnx_bytes(model: Model, choose: bool = False) -> bytes:
    """Return the graph's file.

    Args:
        choose: mask and take the likeliest action within the graph; else that is the caller's.

    Raises:
        MissingExtra: onnx is not installed.
    """
    require("onnx", "export")
    graph = Graph()
    parts = [graph.input(f"obs.{k}", leaf.dtype, leaf.shape) for k, leaf in enumerate(model.leaves)]
    outputs = []
    for name, tower in model.towers.items():
        state = {part: graph.input(f"state.{name}.{part}", np.float32, shape) for part, shape in tower.spec.items()}
        out, after = _tower(graph, tower, model.leaves, parts, state)
        outputs.append(out)
        for part, value in after.items():
            graph.output(f"next.{name}.{part}", value, np.float32, tower.spec[part])
    width, values = sum(head.width for head in model.heads), len(model.about["values"])
    logits, *rest = graph.split(graph.concat(outputs), [width, values] if values else [width])
    graph.output("logits", logits, np.float32, (width,))
    if values:
        graph.output("values", rest[0], np.float32, (values,))
    if choose:
        _choose(graph, model, logits)
    return graph.bytes(model.name)


class Graph:
    """Nodes, weights, inputs and outputs of a graph that grows; values are known by their names."""

    def __init__(self) -> None:
        import onnx
        from onnx import helper, numpy_helper

        self.onnx, self.helper, self.numpy_helper = onnx, helper, numpy_helper
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []

    def node(self, kind: str, *inputs: str, count: int = 1, name: str = "", **attributes: Any) -> Any:
        """Add a node and return its output, or its outputs."""
        names = [name or f"v{len(self.nodes)}.{k}" for k in range(count)]
        self.nodes.append(self.helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if count == 1 else names

    def weight(self, array: Any) -> str:
        """Add a constant."""
        name = f"w{len(self.weights)}"
        self.weights.append(self.numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def input(self, name: str, dtype: Any, shape: tuple[int, ...]) -> str:
        """Add an input (actors, *shape)."""
        self.inputs.append(self._described(name, dtype, shape))
        return name

    def output(self, name: str, value: str, dtype: Any, shape: tuple[int, ...]) -> None:
        """Make a value an output (actors, *shape)."""
        self.node("Identity", value, name=name)
        self.outputs.append(self._described(name, dtype, shape))

    def _described(self, name: str, dtype: Any, shape: tuple[int, ...]) -> Any:
        kind = self.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.helper.make_tensor_value_info(name, kind, [ACTORS, *shape])

    def cast(self, value: str, dtype: Any) -> str:
        """Return a value as another type."""
        return str(self.node("Cast", value, to=self.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))))

    def reshape(self, value: str, *shape: int) -> str:
        """Return a value (actors, ...) as (actors, *shape)."""
        return str(self.node("Reshape", value, self.weight(np.array([-1, *shape], np.int64))))

    def split(self, value: str, sizes: list[int]) -> list[str]:
        """Return neighbouring columns."""
        if len(sizes) == 1:
            return [value]
        return list(self.node("Split", value, self.weight(np.array(sizes, np.int64)), count=len(sizes), axis=1))

    def concat(self, values: list[str]) -> str:
        """Return values side by side."""
        return values[0] if len(values) == 1 else str(self.node("Concat", *values, axis=1))

    def linear(self, value: str, weight: Any, bias: Any = None) -> str:
        """Return value @ weight + bias."""
        product = str(self.node("MatMul", value, self.weight(weight)))
        return product if bias is None else str(self.node("Add", product, self.weight(bias)))

    def bytes(self, name: str) -> bytes:
        """Return the file."""
        graph = self.helper.make_graph(self.nodes, name, self.inputs, self.outputs, self.weights)
        opset = [self.helper.make_opsetid("", OPSET)]
        made = self.helper.make_model(graph, opset_imports=opset, ir_version=IR, producer_name="puffer_arena")
        self.onnx.checker.check_model(made)
        return bytes(made.SerializeToString())


def _tower(
    graph: Graph, tower: Tower, leaves: list[Leaf], parts: list[str], state: dict[str, str]
) -> tuple[str, dict[str, str]]:
    """Add a tower and return its outputs and next state."""
    total = graph.weight(tower.bias)
    for layer, leaf, part in zip(tower.inputs, leaves, parts, strict=True):
        total = graph.node("Add", _project(graph, layer, leaf, part), total)
    features = _hidden(graph, tower, total)
    if tower.memory is not None:
        state = _remember(graph, tower.memory, features, state)
        features = state["h"]
    return graph.linear(features, *tower.output), state


def _hidden(graph: Graph, tower: Tower, features: str) -> str:
    """Add the layers from the first one's sums to the last one's features."""
    if tower.blocks == "residual":
        for block in tower.residuals:
            inner = graph.node("Relu", graph.linear(_norm(graph, block.norm, features), *block.widen))
            features = str(graph.node("Add", features, graph.linear(inner, *block.narrow)))
        return _norm(graph, tower.norms[0], features)
    norms: Sequence[Norm | None] = tower.norms or [None] * (1 + len(tower.hidden))
    features = str(graph.node("Relu", _norm(graph, norms[0], features)))
    for norm, (weight, bias) in zip(norms[1:], tower.hidden, strict=True):
        features = str(graph.node("Relu", _norm(graph, norm, graph.linear(features, weight, bias))))
    return features


def _norm(graph: Graph, norm: Norm | None, features: str) -> str:
    """Add a layer norm, where there is one."""
    if norm is None:
        return features
    given = graph.weight(norm.weight), graph.weight(norm.bias)
    return str(graph.node("LayerNormalization", features, *given, axis=-1, epsilon=float(NORM_EPSILON)))


def _project(graph: Graph, layer: Any, leaf: Leaf, part: str) -> str:
    """Add the layer over one leaf."""
    if isinstance(layer, NumberLayer):
        return graph.linear(graph.reshape(graph.cast(part, np.float32), leaf.size), layer.weight)
    if isinstance(layer, CodeLayer):
        codes = graph.reshape(graph.cast(part, np.int64), leaf.size)
        padded = np.concatenate([layer.weight, np.zeros((1, layer.weight.shape[1]), np.float32)])  # for code 0
        rows = graph.node("Add", codes, graph.weight(layer.first))
        filled = graph.node("Greater", codes, graph.weight(np.zeros((), np.int64)))
        rows = graph.node("Where", filled, rows, graph.weight(np.array(len(layer.weight), np.int64)))
        taken = graph.node("Gather", graph.weight(padded), rows)
        return str(graph.node("ReduceSum", taken, graph.weight(np.array([1], np.int64)), keepdims=0))
    if isinstance(layer, EntityLayer):
        return _gather(graph, layer, graph.cast(part, np.float32))
    assert isinstance(layer, GridLayer)  # there are no others
    rows, cols, *rest = leaf.shape
    if layer.codes is not None:
        numbers = graph.weight(np.array([0.0, 1.0], np.float32))
        hot = graph.node(
            "OneHot", graph.cast(part, np.int64), graph.weight(np.array(len(layer.codes), np.int64)), numbers
        )
        planes = graph.reshape(hot, rows, cols, len(layer.codes) * (rest[0] if rest else 1))
    else:
        grid = graph.reshape(graph.cast(part, np.float32), rows, cols, *(rest or [1]))
        planes = graph.node("Mul", grid, graph.weight(layer.factor))
    planes = graph.node("Transpose", planes, perm=[0, 3, 1, 2])
    for matrix, bias, wide, apart, around in layer.filters:
        kernel = matrix.reshape(wide, wide, -1, matrix.shape[1]).transpose(3, 2, 0, 1)
        given: dict[str, Any] = {"strides": [apart] * 2, "pads": [around] * 4, "kernel_shape": [wide] * 2}
        planes = graph.node("Relu", graph.node("Conv", planes, graph.weight(kernel), graph.weight(bias), **given))
    return graph.linear(str(graph.node("Flatten", planes, axis=1)), layer.matrix.T)


def _gather(graph: Graph, layer: EntityLayer, things: str) -> str:
    """Add the layer over a set of things."""
    sizes = graph.weight(np.array([1, len(layer.embed)], np.int64))
    flags, features = graph.node("Split", things, sizes, count=2, axis=2)
    there = graph.node("Greater", flags, graph.weight(np.array(0.5, np.float32)))
    embedded = graph.node("Relu", graph.linear(features, layer.embed, layer.bias))
    if layer.look is not None:
        thirds = graph.weight(np.array([layer.size] * 3, np.int64))
        query, key, value = graph.node("Split", graph.linear(embedded, layer.look), thirds, count=3, axis=2)
        scores = graph.node("MatMul", query, graph.node("Transpose", key, perm=[0, 2, 1]))
        scores = graph.node("Div", scores, graph.weight(np.float32(math.sqrt(layer.size))))
        seen = graph.node("Transpose", there, perm=[0, 2, 1])
        weights = graph.node("Softmax", graph.node("Where", seen, scores, graph.weight(NOT_THERE)), axis=2)
        embedded = graph.node("Relu", graph.node("Add", embedded, graph.node("MatMul", weights, value)))
    present = graph.cast(there, np.float32)
    embedded, axis = graph.node("Mul", embedded, present), graph.weight(np.array([1], np.int64))
    count = graph.node("ReduceSum", present, axis, keepdims=0)
    count = graph.node("Max", count, graph.weight(np.ones(1, np.float32)))
    mean = graph.node("Div", graph.node("ReduceSum", embedded, axis, keepdims=0), count)
    return graph.linear(graph.concat([mean, graph.node("ReduceMax", embedded, axes=[1], keepdims=0)]), layer.weight)


def _remember(graph: Graph, memory: Memory, features: str, state: dict[str, str]) -> dict[str, str]:
    """Add a recurrent layer and return its next state."""
    size, h = memory.size, state["h"]
    seen = graph.linear(features, memory.input, memory.bias)
    if memory.recurrent is None:
        gate, candidate = graph.split(seen, [size, size])
        return {"h": _lerp(graph, h, candidate, graph.node("Sigmoid", gate))}
    own = graph.linear(h, memory.recurrent, memory.recurrent_bias)
    if memory.kind == "gru":
        seen_gates, seen_new = graph.split(seen, [2 * size, size])
        own_gates, own_new = graph.split(own, [2 * size, size])
        reset, update = graph.split(graph.node("Sigmoid", graph.node("Add", seen_gates, own_gates)), [size, size])
        candidate = graph.node("Tanh", graph.node("Add", seen_new, graph.node("Mul", reset, own_new)))
        return {"h": _lerp(graph, candidate, h, update)}
    put_in, forget, cell, out = graph.split(graph.node("Add", seen, own), [size] * 4)
    kept = graph.node("Mul", graph.node("Sigmoid", forget), state["c"])
    written = graph.node("Mul", graph.node("Sigmoid", put_in), graph.node("Tanh", cell))
    new = graph.node("Add", kept, written)
    return {"h": graph.node("Mul", graph.node("Sigmoid", out), graph.node("Tanh", new)), "c": new}


def _lerp(graph: Graph, a: str, b: str, share: str) -> str:
    """Return a + share (b - a)."""
    return str(graph.node("Add", a, graph.node("Mul", share, graph.node("Sub", b, a))))


def _choose(graph: Graph, model: Model, logits: str) -> None:
    """Add the mask, where there are choices, and the likeliest action of every part."""
    masks: list[str | None] = [None] * len(model.heads)
    if model.choices:
        mask = graph.input("mask", np.bool_, (model.choices,))
        own = iter(graph.split(mask, [head.masked for head in model.heads if head.masked]))
        masks = [next(own) if head.masked else None for head in model.heads]
    parts = graph.split(logits, [head.width for head in model.heads])
    for k, (head, part, barred) in enumerate(zip(model.heads, parts, masks, strict=True)):
        action = graph.reshape(_best(graph, head, part, barred), *head.leaf.shape)
        graph.output(f"action.{k}", graph.cast(action, head.leaf.dtype), head.leaf.dtype, head.leaf.shape)


def _best(graph: Graph, head: Head, logits: str, mask: str | None) -> str:
    """Return a head's likeliest action (actors, components)."""
    if head.is_box:
        if head.squashed:
            logits = str(graph.node("Tanh", graph.split(logits, [head.leaf.size] * 2)[0]))
        bounds: list[Numbers] = [head.leaf.low.astype(np.float32), head.leaf.high.astype(np.float32)]
        reach, middle = (graph.weight(part.astype(np.float32)) for part in (head.reach, head.middle))
        scaled = graph.node("Add", graph.node("Mul", logits, reach), middle)
        return str(graph.node("Min", graph.node("Max", scaled, graph.weight(bounds[0])), graph.weight(bounds[1])))
    if not head.leaf.codes:
        return graph.cast(graph.node("Greater", logits, graph.weight(np.zeros((), np.float32))), np.int64)
    if mask is not None:
        logits = graph.node("Where", mask, logits, graph.weight(np.array(BARRED, np.float32)))
    parts = graph.split(logits, list(head.leaf.codes))
    return graph.concat([graph.node("ArgMax", part, axis=1, keepdims=1) for part in parts])
