"""From a network's outputs to actions: what is barred, how boldly one draws, and what was drawn.

The outputs are those of an action's leaves one after the other: a logit for every choice, a logit for every flag, or a
mean for every number of a box, in units of half the box around its middle.  Where it is squashed by tanh there follow as
many outputs that say how widely it is drawn.  Outputs may be values of choices, of which the best one is taken.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from puffer_arena.bots.file import Numbers
from puffer_arena.bots.layout import Leaf
from puffer_arena.bots.stream import normals
from puffer_arena.errors import ActionError, ParameterError, shown

LOW, HIGH, START = -5.0, 1.0, -0.5  # of a squashed number's log deviation; what an output of 0 means
SHARPNESS = 1e4  # logits of a value of 1, where outputs are values of choices: the best one is taken
BARRED = -1e9  # logit of a choice that is masked out, as in training


@dataclass(frozen=True)
class Sampling:
    """How actions are drawn; as the bot was trained, unless something is set.

    Attributes:
        temperature: above 1 the bot is more random, below 1 less; it divides logits and multiplies deviations.
        top_p: draw among the likeliest choices that have this probability together (Holtzman et al. 2020).
        epsilon: with this probability, draw among all open choices alike.
        greedy: take the likeliest action.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    epsilon: float = 0.0
    greedy: bool = False

    def __post_init__(self) -> None:
        allowed = {"temperature": (1e-3, 1e3), "top_p": (1e-6, 1.0), "epsilon": (0.0, 1.0)}
        for name, (least, most) in allowed.items():
            value = getattr(self, name)
            if not isinstance(value, int | float) or not least <= value <= most:
                raise ParameterError(f"{name} = {shown(value)}; it must be from {least:g} to {most:g}")

    @property
    def is_plain(self) -> bool:
        """Whether actions are drawn from the very distribution that was learned."""
        return self.temperature == 1.0 and self.top_p == 1.0 and self.epsilon == 0.0 and not self.greedy


class Head:
    """What the outputs of a network mean for one leaf of the action."""

    def __init__(self, leaf: Leaf, deviation: Numbers | None, squashed: bool = False, by_values: bool = False) -> None:
        self.leaf, self.deviation, self.squashed = leaf, deviation, squashed
        self.sharpness = SHARPNESS if by_values else 1.0
        self.is_box = squashed or deviation is not None
        self.width = (sum(leaf.codes) if leaf.codes else leaf.size) * (2 if squashed else 1)
        self.draws = len(leaf.codes) if leaf.codes else leaf.size
        self.masked = self.width if leaf.codes else 0
        bounded = np.isfinite(leaf.low) & np.isfinite(leaf.high)
        low, high = np.where(bounded, leaf.low, -1.0), np.where(bounded, leaf.high, 1.0)
        self.reach, self.middle = (high - low) / 2, (high + low) / 2

    def weights(self, outputs: Numbers, mask: Numbers | None, sampling: Sampling) -> list[Numbers]:
        """Return for each component how likely every choice is, (choices, actors); of flags, how likely 1 is.

        Choices come first: numpy goes through many actors faster than through the few choices of each.
        """
        if not self.leaf.codes:
            logits = outputs.astype(np.float64) * self.sharpness
            return [] if self.is_box else [0.5 + 0.5 * np.tanh(logits / sampling.temperature / 2)]
        logits = outputs.T.astype(np.float64, order="C")
        if self.sharpness != 1.0:
            logits *= self.sharpness
        found, at = [], 0
        for size in self.leaf.codes:
            part = slice(at, at + size)
            found.append(choice_weights(logits[part], None if mask is None else mask.T[part], sampling))
            at += size
        return found

    def probabilities(self, outputs: Numbers, mask: Numbers | None) -> list[Numbers]:
        """Return the same as probabilities, as the bot was trained."""
        weights = self.weights(outputs, mask, Sampling())
        return [np.asarray((part / part.sum(0)).T) for part in weights] if self.leaf.codes else weights

    def draw(
        self, outputs: Numbers, mask: Numbers | None, noise: Numbers, bold: Numbers, sampling: Sampling
    ) -> Numbers:
        """Return actions (actors, *shape) in the environment's terms.

        Args:
            outputs, mask: the leaf's own, (actors, width).
            noise: (actors, draws), uniform.
            bold: (actors,), uniform; below epsilon an actor draws among all that is open.
        """
        at_random = bold < sampling.epsilon if sampling.epsilon else None
        if self.is_box:
            return self._draw_box(outputs, noise, at_random, sampling)
        found = self.weights(outputs, mask, sampling)
        if not self.leaf.codes:
            chosen = found[0] > 0.5 if sampling.greedy else noise < found[0]
            if at_random is not None:
                chosen = np.where(at_random[:, None], noise < 0.5, chosen)
        elif len(found) == 1:
            chosen = self._draw_choice(0, found[0], mask, noise, at_random, sampling)
        else:
            drawn = [self._draw_choice(k, each, mask, noise, at_random, sampling) for k, each in enumerate(found)]
            chosen = np.stack(drawn, 1)
        return np.asarray(chosen.reshape(-1, *self.leaf.shape).astype(self.leaf.dtype, copy=False))

    def _draw_choice(
        self,
        k: int,
        weights: Numbers,
        mask: Numbers | None,
        noise: Numbers,
        at_random: Numbers | None,
        sampling: Sampling,
    ) -> Numbers:
        """Return the choices for component `k`, (actors,), of weights (choices, actors)."""
        best: Numbers | None = weights.argmax(0) if sampling.greedy else None
        if best is not None and at_random is None:
            return best
        if at_random is not None:
            at = sum(self.leaf.codes[:k])
            is_open = np.ones(weights.shape) if mask is None else mask.T[at : at + len(weights)]
            weights = np.where(at_random, is_open, weights)
        steps = weights.cumsum(0)
        drawn: Numbers = (steps <= noise[:, k] * steps[-1]).sum(0)
        if drawn.max(initial=0) == len(weights):  # rounding: the last choice that is open
            beyond = drawn == len(weights)
            drawn[beyond] = (steps[:, beyond] < steps[-1, beyond]).sum(0)
        return drawn if best is None or at_random is None else np.where(at_random, drawn, best)

    def _draw_box(self, outputs: Numbers, noise: Numbers, at_random: Numbers | None, sampling: Sampling) -> Numbers:
        outputs = outputs.astype(np.float64)
        means: Numbers = outputs[:, : self.leaf.size]
        if not sampling.greedy:
            means = means + self._spread(outputs) * sampling.temperature * normals(noise)
        if self.squashed:
            means = np.tanh(means)
        if at_random is not None:
            means = np.where(at_random[:, None], noise * 2.0 - 1.0, means)
        actions = np.clip(means * self.reach + self.middle, self.leaf.low, self.leaf.high)
        return np.asarray(actions.reshape(-1, *self.leaf.shape).astype(self.leaf.dtype))

    def _spread(self, outputs: Numbers) -> Numbers:
        """Return how widely the numbers of a box are drawn, (size,) or (actors, size)."""
        if self.deviation is not None:
            return self.deviation
        begin = math.log((START - LOW) / (HIGH - START))
        share = 0.5 + 0.5 * np.tanh((outputs[:, self.leaf.size :] + begin) / 2)  # a sigmoid
        return np.asarray(np.exp(LOW + (HIGH - LOW) * share))


def choice_weights(logits: Numbers, mask: Numbers | None, sampling: Sampling) -> Numbers:
    """Return what the probabilities of choices are in proportion to, (choices, actors), by softmax and `top_p`."""
    if mask is not None:
        logits = np.where(mask, logits, BARRED)
    weights: Numbers = logits - logits.max(0)
    if sampling.temperature != 1.0:
        weights /= sampling.temperature
    np.exp(weights, out=weights)
    if sampling.top_p < 1.0:
        order = np.argsort(-weights, axis=0, kind="stable")
        likeliest = np.take_along_axis(weights, order, 0)
        steps = likeliest.cumsum(0)
        kept = steps - likeliest < sampling.top_p * steps[-1]  # the likeliest has nothing before it and stays
        np.put_along_axis(weights, order, np.where(kept, likeliest, 0.0), 0)
    return weights


def draw_choice(logits: list[float], mask: list[bool] | None, noise: float, sampling: Sampling) -> int:
    """Return one actor's choice: `Head.draw` without arrays, where neither `top_p` nor `epsilon` is set."""
    if mask is not None:
        logits = [value if is_open else BARRED for value, is_open in zip(logits, mask, strict=True)]
    best = max(logits)
    if sampling.greedy:
        return logits.index(best)
    exp, heat = math.exp, sampling.temperature
    steps = list(accumulate([exp((value - best) / heat) for value in logits]))
    choice = bisect_right(steps, noise * steps[-1])
    return choice if choice < len(steps) else bisect_left(steps, steps[-1])


def _mask_parts(mask: Any) -> Iterator[Any]:
    """Yield the arrays of a mask in order; parts of an action that cannot be barred have None."""
    if isinstance(mask, Mapping | tuple):
        for part in mask.values() if isinstance(mask, Mapping) else mask:
            yield from _mask_parts(part)
    elif mask is not None:
        yield mask


def read_mask(mask: Any, width: int, sizes: list[tuple[int, ...]], actors: int | None) -> Numbers:
    """Return a mask as bool (width,) or (actors, width).

    Raises:
        ActionError: its shape is wrong, or it leaves a component nothing to choose.
    """
    try:
        array = np.concatenate([np.asarray(part, np.bool_) for part in _mask_parts(mask)], axis=-1)
    except (ValueError, TypeError) as error:
        raise ActionError(f"the mask is {shown(mask)}, no flags ({error})") from None
    shape = (width,) if actors is None else (actors, width)
    if array.shape != shape:
        raise ActionError(f"the mask has shape {array.shape}; it must be {shape}, a flag for every choice")
    rows, at = array.reshape(-1, width), 0
    for size in (size for part in sizes for size in part):
        closed = ~rows[:, at : at + size].any(1)
        if closed.any():
            raise ActionError(
                f"the mask bars choices {at} to {at + size - 1} of actor {int(closed.argmax())}; leave one open"
            )
        at += size
    return array
