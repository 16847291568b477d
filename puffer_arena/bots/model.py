"""What a bot's file holds, checked and ready to run: a network, what it sees, what its outputs mean."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from puffer_arena.bots.file import Numbers, brief, unpack
from puffer_arena.bots.heads import Head
from puffer_arena.bots.layout import read_leaves, read_part
from puffer_arena.bots.network import Shapes, Tower, tower_shapes
from puffer_arena.errors import FileError, SpaceError

TOLERANCE = 1e-5  # of parity with the trainer: absolute, and relative for outputs beyond 1
MOST_EARLIER = 16


class Model:
    """A policy without anybody who acts by it.

    Attributes:
        about: everything the file says of it: environment, training, strength.
        leaves: the parts of its observations.
        actions: the parts of its actions.
        decision_rate: decisions a second that it was trained for.
        towers: the networks by name; their outputs side by side are the heads' inputs, then the values.
        heads: what the outputs mean, one for each part of the action.
        draws: random numbers a decision takes.
        choices: flags of a mask.
        memory_shapes: shapes of the recurrent state's arrays, without actors.
        vectors: observations, states and outputs as the trainer had them.
        earlier: what the same run had learned before, the least first: the same network with other weights.
    """

    def __init__(self, data: bytes, name: str = "the bot") -> None:
        """Read a file's bytes.

        Args:
            name: what to call the file in errors.

        Raises:
            FileError: truncated, damaged, foreign, or from a newer version.
        """
        self.name = name
        self.about, arrays = unpack(data, name)
        try:
            told = self.about.get("earlier", [])
            if not isinstance(told, list) or len(told) > MOST_EARLIER:
                raise ValueError(f"its earlier policies are {str(told)[:40]}; at most {MOST_EARLIER} are read")
            self._build(arrays)
            self.earlier = [self._with_weights(_part(arrays, f"earlier.{k}.")) for k in range(len(told))]
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, SpaceError) as error:
            raise FileError(f"{name} is damaged: its description cannot be ({brief(error)})") from None

    def _with_weights(self, arrays: dict[str, Numbers]) -> "Model":
        """Return a model of the same description with weights and parity vectors of its own."""
        other = object.__new__(Model)
        other.name, other.about, other.earlier = self.name, self.about, []
        other._build(arrays)
        return other

    def check(self) -> float:
        """Run the parity vectors and return how far the outputs are from the trainer's at most.

        Raises:
            FileError: further than 1e-5 (relative beyond 1), or numbers that are not finite.
        """
        return max(each._check() for each in (self, *self.earlier))

    def _check(self) -> float:
        vectors = self.vectors
        parts = [vectors[f"obs.{k}"] for k in range(len(self.leaves))]
        worst = 0.0
        for one in (False, True):
            for at in range(len(parts[0])) if one else (slice(None),):
                for name, wanted in self._answers([part[at] for part in parts], at).items():
                    error = np.abs(wanted - vectors[name][at]) / np.maximum(np.abs(vectors[name][at]), 1.0)
                    worst = max(worst, float(error.max(initial=0.0)))
        if not worst <= TOLERANCE:
            raise FileError(f"{self.name} does not play as it was trained: its outputs are off by {worst:g}")
        return worst

    def _answers(self, parts: list[Numbers], at: Any) -> dict[str, Numbers]:
        """Return outputs and next states for some parity vectors, under the names of what they must be."""
        found: dict[str, Numbers] = {}
        outputs = []
        for name, tower in self.towers.items():
            own = {part: self.vectors[f"state.{name}.{part}"][at] for part in tower.spec}
            out, new = tower.run(parts, own)
            outputs.append(out)
            found |= {f"next.{name}.{part}": new[part] for part in tower.spec}
        return {"outputs": np.concatenate(outputs, -1), **found}

    def _build(self, arrays: dict[str, Numbers]) -> None:
        """Make the network of what the file holds, once all sizes are known to fit."""
        about = self.about
        _check_origin(about)
        self.leaves, self.actions = read_leaves(about["observation"]), read_leaves(about["action"])
        self.decision_rate = float(about["decision_rate"])
        values = about["values"]
        if not 0.0 < self.decision_rate < 1e6 or not 0 <= len(values) <= 64:
            raise ValueError(f"it decides {self.decision_rate} times a second and has {len(values)} values")
        squashed, by_values = (about["network"].get(name, False) for name in ("squashed", "by_values"))
        if type(squashed) is not bool or type(by_values) is not bool:
            raise ValueError(f"squashed is {str(squashed)[:40]}, by_values is {str(by_values)[:40]}")
        boxes = sum(leaf.size for leaf in self.actions if leaf.kind == "box")
        logits = sum(sum(leaf.codes) if leaf.codes else leaf.size for leaf in self.actions) + squashed * boxes
        described = about["network"]["towers"]
        if list(described) not in (["actor"], ["actor", "critic"]):
            raise ValueError(f"it has towers {list(described)[:9]}")
        widths = {"actor": logits + (len(values) if len(described) == 1 else 0), "critic": len(values)}
        shapes: Shapes = {}
        for name, tower in described.items():
            own = tower_shapes(tower, self.leaves, widths[name])
            shapes |= {f"network.{name}.{key}": shape for key, shape in own.items()}
        for k, leaf in enumerate(self.actions):
            if leaf.kind == "box" and not squashed:
                shapes[f"head.{k}.deviation"] = (leaf.size,)
        vectors = {key.removeprefix("check."): part for key, part in arrays.items() if key.startswith("check.")}
        weights = {key: part for key, part in arrays.items() if key.startswith(("network.", "head."))}
        _check_shapes(shapes, weights)
        held = {key: np.ascontiguousarray(part, np.float32) for key, part in weights.items()}
        for key, part in held.items():
            if not np.isfinite(part).all():
                raise ValueError(f"'{key}' holds numbers that are not finite")
        self.towers = {
            name: Tower(tower, self.leaves, _part(held, f"network.{name}.")) for name, tower in described.items()
        }
        self.heads = [
            Head(leaf, held.get(f"head.{k}.deviation"), squashed and leaf.kind == "box", by_values)
            for k, leaf in enumerate(self.actions)
        ]
        self.draws = sum(head.draws for head in self.heads) + 1
        self.choices = sum(head.masked for head in self.heads)
        only = self.actions[0]
        self.is_single_choice = len(self.actions) == 1 and not only.path and only.kind == "discrete" and not by_values
        self.memory_shapes = {
            f"{name}.{part}": s for name, tower in self.towers.items() for part, s in tower.spec.items()
        }
        self._check_vectors(vectors, logits + len(values))
        self.vectors = vectors

    def _check_vectors(self, vectors: dict[str, Numbers], width: int) -> None:
        """Check that the parity vectors are what `check` runs, before it does."""
        count = len(vectors["outputs"])
        shapes: Shapes = {"outputs": (count, width)}
        shapes |= {f"obs.{k}": (count, *leaf.shape) for k, leaf in enumerate(self.leaves)}
        for name, shape in self.memory_shapes.items():
            shapes |= {f"state.{name}": (count, *shape), f"next.{name}": (count, *shape)}
        _check_shapes(shapes, vectors)
        for k, leaf in enumerate(self.leaves):
            read_part(leaf, vectors[f"obs.{k}"])


def _check_origin(about: Mapping[str, Any]) -> None:
    """Check what a description tells of a bot's game and of its strength, which people are shown.

    Raises:
        KeyError, ValueError: it is missing, or of the wrong kind.
    """
    for name, kind in {"env": dict, "params": dict, "training": dict, "strength": dict, "levels": list}.items():
        if not isinstance(about[name], kind):
            raise ValueError(f"its '{name}' is {str(about[name])[:40]}")
    if [type(about["env"][name]) for name in ("id", "rules", "version")] != [str, str, int]:
        raise ValueError(f"its game is {str(about['env'])[:80]}")
    strength = about["strength"]
    beside = strength.get("beside", {})
    if not isinstance(beside, dict) or not isinstance(strength.get("rating", 0.0), int | float):
        raise ValueError(f"its strength is {str(strength)[:80]}")
    for columns in (strength, *beside.values()):
        measures = [each for name, each in columns.items() if isinstance(each, dict) and name != "beside"]
        if not all(isinstance(each[part], int | float) for each in measures for part in ("mean", "low", "high")):
            raise ValueError(f"its strength is {str(columns)[:80]}")


def _part(arrays: Mapping[str, Numbers], prefix: str) -> dict[str, Numbers]:
    return {key.removeprefix(prefix): part for key, part in arrays.items() if key.startswith(prefix)}


def _check_shapes(wanted: Shapes, arrays: Mapping[str, Numbers]) -> None:
    """Compare arrays with what their description asks for.

    Raises:
        ValueError: other names or shapes.
    """
    for name in sorted(wanted.keys() ^ arrays.keys()):
        raise ValueError(f"'{name[:60]}' is in its description or among its arrays only")
    for name, shape in wanted.items():
        if arrays[name].shape != shape:
            raise ValueError(f"'{name[:60]}' has shape {arrays[name].shape}, not {shape}")
