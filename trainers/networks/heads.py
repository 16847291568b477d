"""What a network's outputs mean: distributions over actions, chosen from the action space.

Actions here are in the policy's own terms: whole numbers (rows, components) or, for Box actions, floats in units
of half the box around its middle; `to_env` gives the actions that the environment takes.  Random draws come as
`noise`, so that a seeded generator is read once per rollout.

An action of parts has a head for each simple space within it, side by side in a `Joint`: its parts are drawn
independently of one another, so that log-probabilities and entropies add up.
"""

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from puffer_arena.core.actions import KINDS, action_dtype
from puffer_arena.core.composites import Composite, at, leaves
from puffer_arena.core.fields import Array
from puffer_arena.core.spaces import Box, Discrete, MultiBinary, MultiDiscrete, Space
from puffer_arena.errors import DefinitionError

BARRED = -1e9  # logit of a choice that is masked out
IMPOSSIBLE = 1e-30  # probability of what is never done, so that its logarithm is finite

Numbers = TypeVar("Numbers", Array, Tensor)
Draw = Callable[[tuple[int, ...]], Array]  # shape -> random numbers, float32


class Head(nn.Module, ABC):
    """What all heads do; `rows` is the leading axis of every tensor."""

    width: int  # outputs of the network that it reads
    components: int  # numbers per action
    sizes: tuple[int, ...] = ()  # choices of each component that a mask can bar
    noise_kind = "uniform"  # or "normal"
    numbers: Any = np.int64  # dtype of an action in the policy's own terms

    def draw_noise(self, leading: tuple[int, ...], uniform: Draw, normal: Draw) -> Array:
        """Return `noise` for actions, (*leading, components), from numbers in [0, 1) or of the normal distribution."""
        return (uniform if self.noise_kind == "uniform" else normal)((*leading, self.components))

    @abstractmethod
    def sample(self, outputs: Tensor, noise: Tensor, mask: Tensor | None) -> Tensor:
        """Draw actions (rows, components) with `noise` (rows, components)."""

    @abstractmethod
    def best(self, outputs: Tensor, mask: Tensor | None) -> Tensor:
        """Return the likeliest actions (rows, components)."""

    @abstractmethod
    def evaluate(self, outputs: Tensor, actions: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the log-probabilities of `actions` and the entropies, each (rows,)."""

    @abstractmethod
    def probabilities(self, outputs: Tensor, mask: Tensor | None) -> Tensor | None:
        """Return the probability of every choice, all components in a row; None for continuous actions."""

    def to_env(self, actions: Array) -> Array:
        """Return the environment's actions for the policy's (rows, components)."""
        return actions

    def from_env(self, actions: Array) -> Array:
        """Return the policy's actions (rows, components) for the environment's: what `to_env` was given."""
        return actions.reshape(len(actions), self.components)


class Categorical(Head):
    """One choice per component; masks give barred choices no probability."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.sizes, self.width, self.components = sizes, sum(sizes), len(sizes)

    def _log_probs(self, outputs: Tensor, mask: Tensor | None) -> list[Tensor]:
        logits = outputs.float() if outputs.dtype == torch.bfloat16 else outputs
        if mask is not None:
            logits = logits.masked_fill(~mask, BARRED)
        return [functional.log_softmax(part, -1) for part in torch.split(logits, list(self.sizes), -1)]

    def sample(self, outputs: Tensor, noise: Tensor, mask: Tensor | None) -> Tensor:
        chosen = []
        for k, log_probs in enumerate(self._log_probs(outputs, mask)):
            steps = log_probs.exp().cumsum(-1)
            threshold = noise[:, k : k + 1] * steps[:, -1:]
            chosen.append((steps <= threshold).sum(-1).clamp_(max=log_probs.shape[-1] - 1))
        return torch.stack(chosen, -1)

    def best(self, outputs: Tensor, mask: Tensor | None) -> Tensor:
        return torch.stack([part.argmax(-1) for part in self._log_probs(outputs, mask)], -1)

    def evaluate(self, outputs: Tensor, actions: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        total = entropy = torch.zeros((), device=outputs.device)
        for k, log_probs in enumerate(self._log_probs(outputs, mask)):
            total = total + log_probs.gather(-1, actions[:, k : k + 1].long()).squeeze(-1)
            entropy = entropy - (log_probs.exp() * log_probs).sum(-1)
        return total, entropy

    def probabilities(self, outputs: Tensor, mask: Tensor | None) -> Tensor | None:
        return torch.cat([part.exp() for part in self._log_probs(outputs, mask)], -1)


class Greedy(Categorical):
    """One choice by its value: the outputs are values of choices, and all but `epsilon` of the actions take the best."""

    epsilon: Tensor

    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__(sizes)
        self.register_buffer("epsilon", torch.zeros(()))

    def _log_probs(self, outputs: Tensor, mask: Tensor | None) -> list[Tensor]:
        values = outputs.float()
        is_open = torch.ones_like(values) if mask is None else mask.float()
        best = functional.one_hot(values.masked_fill(is_open == 0, BARRED).argmax(-1), values.shape[-1])
        chance = self.epsilon * is_open / is_open.sum(-1, keepdim=True)
        return [(chance + (1.0 - self.epsilon) * best).clamp_min(IMPOSSIBLE).log()]


class Bernoulli(Head):
    """Flags, each 0 or 1."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.width = self.components = count

    def sample(self, outputs: Tensor, noise: Tensor, mask: Tensor | None) -> Tensor:
        return (noise < outputs.float().sigmoid()).long()

    def best(self, outputs: Tensor, mask: Tensor | None) -> Tensor:
        return (outputs > 0).long()

    def evaluate(self, outputs: Tensor, actions: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        logits = outputs.float() if outputs.dtype == torch.bfloat16 else outputs
        on, off = functional.logsigmoid(logits), functional.logsigmoid(-logits)
        log_prob = torch.where(actions > 0, on, off).sum(-1)
        entropy = -(on.exp() * on + off.exp() * off).sum(-1)
        return log_prob, entropy

    def probabilities(self, outputs: Tensor, mask: Tensor | None) -> Tensor | None:
        return outputs.float().sigmoid()


class Gaussian(Head):
    """Independent normal components whose spread does not depend on the state; the batch clips them.

    The logarithm of the spread stays between LOW and HIGH by a sigmoid, whose slope never vanishes.
    """

    noise_kind, numbers = "normal", np.float32
    LOW, HIGH, START = -5.0, 1.0, -0.5

    def __init__(self, box: Box) -> None:
        super().__init__()
        low, high = box.bounds
        bounded = np.isfinite(low) & np.isfinite(high)
        self.shape = low.shape
        self.reach = np.where(bounded, (high.astype(np.float64) - low) / 2, 1.0).reshape(-1)
        self.middle = np.where(bounded, (high.astype(np.float64) + low) / 2, 0.0).reshape(-1)
        self.width = self.components = self.reach.size
        share = (self.START - self.LOW) / (self.HIGH - self.LOW)
        self.spread = nn.Parameter(torch.full((self.width,), math.log(share / (1.0 - share))))

    def log_spread(self) -> Tensor:
        """Return the logarithm of every component's deviation, (width,)."""
        return self.LOW + (self.HIGH - self.LOW) * torch.sigmoid(self.spread)

    def _spread(self) -> tuple[Tensor, Tensor]:
        log_spread = self.log_spread()
        return log_spread, log_spread.exp()

    def sample(self, outputs: Tensor, noise: Tensor, mask: Tensor | None) -> Tensor:
        return outputs.float() + self._spread()[1] * noise

    def best(self, outputs: Tensor, mask: Tensor | None) -> Tensor:
        return outputs.float()

    def evaluate(self, outputs: Tensor, actions: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        log_spread, spread = self._spread()
        means = outputs.float() if outputs.dtype == torch.bfloat16 else outputs
        half_log_two_pi = 0.5 * float(np.log(2 * np.pi))
        log_prob = (-0.5 * ((actions - means) / spread) ** 2 - log_spread - half_log_two_pi).sum(-1)
        entropy = (log_spread + 0.5 + half_log_two_pi).sum().expand(len(outputs))
        return log_prob, entropy

    def probabilities(self, outputs: Tensor, mask: Tensor | None) -> Tensor | None:
        return None

    def to_env(self, actions: Array) -> Array:
        scaled: Array = actions * self.reach + self.middle
        return scaled.reshape(len(actions), *self.shape)

    def from_env(self, actions: Array) -> Array:
        flat = actions.reshape(len(actions), self.components)
        return np.asarray((flat - self.middle) / self.reach, np.float32)


class Squashed(Head):
    """Independent normal components whose mean and spread depend on the state, brought into the box by tanh.

    Haarnoja et al. 2018, arXiv 1801.01290, appendix C.  Actions in the policy's own terms are those before the tanh.
    Outputs are the means, then the spreads, whose logarithms stay between LOW and HIGH by a sigmoid.
    """

    noise_kind, numbers = "normal", np.float32
    LOW, HIGH, START = -5.0, 1.0, -0.5
    EDGE = 1.0 - 1e-6  # how far out an action is taken to lie at most; tanh itself never comes to 1

    def __init__(self, box: Box) -> None:
        super().__init__()
        low, high = (bound.astype(np.float64) for bound in box.bounds)
        if not (np.isfinite(low).all() and np.isfinite(high).all()):
            raise DefinitionError(f"network.head = 'squashed' needs actions with bounds, not {box}; choose 'auto'")
        self.shape = low.shape
        self.reach, self.middle = ((high - low) / 2).reshape(-1), ((high + low) / 2).reshape(-1)
        self.components = self.reach.size
        self.width = 2 * self.components
        share = (self.START - self.LOW) / (self.HIGH - self.LOW)
        self.begin = math.log(share / (1.0 - share))  # what outputs of 0 begin with

    def moments(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and the logarithms of the deviations, (rows, components) each."""
        outputs = outputs.float() if outputs.dtype == torch.bfloat16 else outputs
        means, spreads = outputs.chunk(2, -1)
        return means, self.LOW + (self.HIGH - self.LOW) * torch.sigmoid(spreads + self.begin)

    def sample(self, outputs: Tensor, noise: Tensor, mask: Tensor | None) -> Tensor:
        means, log_spread = self.moments(outputs)
        return means + log_spread.exp() * noise

    def best(self, outputs: Tensor, mask: Tensor | None) -> Tensor:
        return self.moments(outputs)[0]

    def evaluate(self, outputs: Tensor, actions: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Log-densities of what tanh makes of the actions; entropies have no closed form and are estimated at them."""
        means, log_spread = self.moments(outputs)
        half_log_two_pi = 0.5 * float(np.log(2 * np.pi))
        log_prob = (-0.5 * ((actions - means) / log_spread.exp()) ** 2 - log_spread - half_log_two_pi).sum(-1)
        # log of tanh's slope, 1 - tanh^2, in a form that does not cancel
        slope = (2.0 * (math.log(2.0) - actions - functional.softplus(-2.0 * actions))).sum(-1)
        return log_prob - slope, (log_spread + 0.5 + half_log_two_pi).sum(-1) + slope

    def probabilities(self, outputs: Tensor, mask: Tensor | None) -> Tensor | None:
        return None

    def to_env(self, actions: Array) -> Array:
        scaled: Array = np.tanh(actions) * self.reach + self.middle
        return scaled.reshape(len(actions), *self.shape)

    def from_env(self, actions: Array) -> Array:
        flat = (actions.reshape(len(actions), self.components).astype(np.float64) - self.middle) / self.reach
        return np.arctanh(np.clip(flat, -self.EDGE, self.EDGE)).astype(np.float32)


class Joint(Head):
    """One head for each part of an action, side by side; an action's numbers are float32, choices among them whole."""

    numbers = np.float32

    def __init__(self, action: Composite, kind: str = "auto") -> None:
        super().__init__()
        self.paths = [path for path, _ in leaves(action)]
        self.storage = action_dtype(action)
        made = [make_head(leaf, kind) for _, leaf in leaves(action)]
        self.each = nn.ModuleList(made)
        self.width, self.components = sum(head.width for head in made), sum(head.components for head in made)
        self.sizes = tuple(size for head in made for size in head.sizes)

    @property
    def parts(self) -> list[Head]:
        """The heads in order."""
        return list(self.each)  # type: ignore[arg-type]  # made of heads

    def outputs_of(self, outputs: Numbers) -> list[Numbers]:
        """Return each part's columns of the network's outputs, (rows, width)."""
        return columns(outputs, [head.width for head in self.parts])

    def actions_of(self, actions: Numbers) -> list[Numbers]:
        """Return each part's columns of actions or noise, (rows, components)."""
        return columns(actions, [head.components for head in self.parts])

    def masks_of(self, masks: Numbers) -> list[Numbers]:
        """Return each part's columns of masks, (rows, choices or 0)."""
        return columns(masks, [sum(head.sizes) for head in self.parts])

    def _masks(self, mask: Tensor | None) -> Sequence[Tensor | None]:
        if mask is None:
            return [None] * len(self.parts)
        return [part if head.sizes else None for head, part in zip(self.parts, self.masks_of(mask), strict=True)]

    def draw_noise(self, leading: tuple[int, ...], uniform: Draw, normal: Draw) -> Array:
        return np.concatenate([head.draw_noise(leading, uniform, normal) for head in self.parts], -1)

    def sample(self, outputs: Tensor, noise: Tensor, mask: Tensor | None) -> Tensor:
        given = zip(self.parts, self.outputs_of(outputs), self.actions_of(noise), self._masks(mask), strict=True)
        return torch.cat([head.sample(out, own, barred).float() for head, out, own, barred in given], -1)

    def best(self, outputs: Tensor, mask: Tensor | None) -> Tensor:
        given = zip(self.parts, self.outputs_of(outputs), self._masks(mask), strict=True)
        return torch.cat([head.best(out, barred).float() for head, out, barred in given], -1)

    def evaluate(self, outputs: Tensor, actions: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        given = zip(self.parts, self.outputs_of(outputs), self.actions_of(actions), self._masks(mask), strict=True)
        found = [head.evaluate(out, chosen, barred) for head, out, chosen, barred in given]
        log_probs, entropies = zip(*found, strict=True)
        return torch.stack(log_probs).sum(0), torch.stack(entropies).sum(0)

    def probabilities(self, outputs: Tensor, mask: Tensor | None) -> Tensor | None:
        given = zip(self.parts, self.outputs_of(outputs), self._masks(mask), strict=True)
        found = [probs for head, out, barred in given if (probs := head.probabilities(out, barred)) is not None]
        return torch.cat(found, -1) if found else None

    def to_env(self, actions: Array) -> Array:
        taken = np.zeros(len(actions), self.storage)
        for path, head, part in zip(self.paths, self.parts, self.actions_of(actions), strict=True):
            field = at(taken, path)
            field[...] = head.to_env(part).reshape(field.shape)
        return taken

    def from_env(self, actions: Array) -> Array:
        parts = [head.from_env(at(actions, path)) for path, head in zip(self.paths, self.parts, strict=True)]
        return np.concatenate(parts, -1).astype(np.float32)


def parts_of(head: Head) -> list[Head]:
    """Return the heads of an action's simple spaces in order: a head's parts, or itself alone."""
    return head.parts if isinstance(head, Joint) else [head]


def columns(numbers: Numbers, widths: Sequence[int]) -> list[Numbers]:
    """Return neighbouring columns of numbers (..., columns), so many each."""
    ends = list(itertools.accumulate(widths, initial=0))
    return [numbers[..., begin:end] for begin, end in itertools.pairwise(ends)]


def make_head(action: Space, kind: str = "auto") -> Head:
    """Choose the head for an action space.

    Args:
        kind: `network.head`.

    Raises:
        DefinitionError: no head fits the space.
    """
    if kind == "greedy":
        if not isinstance(action, Discrete):
            raise DefinitionError(f"network.head = 'greedy' values the choices of a Discrete action, not of {action}")
        return Greedy((action.n,))
    if kind == "squashed" and isinstance(action, Box):
        return Squashed(action)
    if isinstance(action, Discrete):
        return Categorical((action.n,))
    if isinstance(action, MultiDiscrete):
        return Categorical(tuple(action.nvec))
    if isinstance(action, MultiBinary):
        return Bernoulli(action.n)
    if isinstance(action, Box):
        return Gaussian(action)
    if isinstance(action, Composite):
        return Joint(action, kind)
    raise DefinitionError(f"no policy acts in {action}; actions are {KINDS}")


def action_shape(action: Space) -> tuple[int, ...]:
    """Return the shape of one of the environment's actions; those of parts are records without one."""
    shape: Any = action_dtype(action).shape
    return tuple(shape)


def feature_count(head: Head) -> int:
    """Return how many numbers `action_features` gives."""
    return sum(sum(part.sizes) or part.components for part in parts_of(head))


def action_features(head: Head, actions: Tensor) -> Tensor:
    """Return actions (..., components) as numbers for a network, (..., numbers): choices one-hot, all else as the game has it."""
    found, begin = [], 0
    for part in parts_of(head):
        for size in part.sizes:
            found.append(functional.one_hot(actions[..., begin].long(), size).float())
            begin += 1
        if not part.sizes:
            numbers = actions[..., begin : begin + part.components].float()
            found.append(numbers.tanh() if isinstance(part, Squashed) else numbers)
            begin += part.components
    return torch.cat(found, -1)
