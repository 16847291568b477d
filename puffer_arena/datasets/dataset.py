"""A dataset in memory: the episodes of a solo game one after the other, in flat columns.

observations  o0 o1 o2 o3 | o0 o1 o2 | ...     one more than steps: the last is what came after the last action
actions       a0 a1 a2    | a0 a1    | ...
rewards       r0 r1 r2    | r0 r1    | ...
lengths       3             2          ...
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from puffer_arena.core.actions import action_bounds, action_dtype, choice_sizes, count_choices
from puffer_arena.core.composites import at, leaves
from puffer_arena.core.fields import Array
from puffer_arena.core.spaces import Box, Space, stored
from puffer_arena.errors import ArenaError, FileError, ParameterError
from puffer_arena.players.described import describe, difference
from puffer_arena.registry import load_env, source_digest

NO_DESCRIPTION = (KeyError, TypeError, ValueError, AttributeError)  # of what describes no space
MOST_SOURCES = 100  # names of players that a dataset keeps


class Episode(NamedTuple):
    """A whole episode of T steps; masks are None where all that there was, was open."""

    observations: Array  # (T + 1, *observation)
    masks: Array | None  # bool (T + 1, choices)
    actions: Array  # (T, *action), as `Batch.step` takes them
    rewards: Array  # (T,)
    terminated: bool  # by the rules; else it was cut off


@dataclass(frozen=True)
class About:
    """Where a dataset comes from.

    Attributes:
        env: the id of the environment, as a person named it.
        params: its parameters.
        sources: who played, as `players.names` calls them, or the files that it was made of.
    """

    env: str
    params: Mapping[str, Any] = field(default_factory=dict)
    sources: tuple[str, ...] = ()

    @cached_property
    def spaces(self) -> tuple[Space, Space]:
        """Observation and action.

        Raises:
            ParameterError: the game has several agents, or the parameters do not fit it.
        """
        env = load_env(self.env)
        values = env.build_params(dict(self.params))
        if env.agents:
            raise ParameterError(f"'{env.name}' has several agents; datasets are of games with one, so far")
        return env.spaces(values)

    @cached_property
    def choices(self) -> int:
        """How many flags a mask has; 0 where the game bars nothing."""
        return 0 if load_env(self.env).action_mask is None else count_choices(self.spaces[1])

    def noted(self) -> dict[str, Any]:
        """Return it fit for JSON, with what tells whether the game is still the same."""
        env = load_env(self.env)
        return {
            "env": {"id": env.name, "version": env.version, "rules": source_digest(env)},
            "params": dict(self.params),
            "sources": list(self.sources[:MOST_SOURCES]),
            "spaces": [describe(space) for space in self.spaces],
        }


class Column(NamedTuple):
    """An array of a dataset."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """How many bytes it takes."""
        count = self.dtype.itemsize
        for size in self.shape:
            count *= size
        return count


def columns_of(about: About, steps: int, episodes: int) -> dict[str, Column]:
    """Return what the arrays of a dataset of so many steps and episodes are."""
    observation, action = about.spaces
    kind, shape = stored(observation)
    acts: Any = action_dtype(action)
    seen = steps + episodes
    return {
        "observations": Column(kind, (seen, *shape)),
        "masks": Column(np.dtype(np.bool_), (seen, about.choices)),
        "actions": Column(acts.base, (steps, *acts.shape)),
        "rewards": Column(np.dtype(np.float32), (steps,)),
        "lengths": Column(np.dtype(np.int64), (episodes,)),
        "terminated": Column(np.dtype(np.bool_), (episodes,)),
    }


@dataclass(frozen=True)
class Dataset:
    """Episodes in flat columns; see the module.

    Attributes:
        about: where it comes from.
        observations: (steps + episodes, *observation).
        masks: open choices, bool (steps + episodes, choices); (steps + episodes, 0) where the game bars nothing.
        actions: (steps, *action).
        rewards: float32 (steps,).
        lengths: of the episodes, (episodes,).
        terminated: which of them the rules ended, bool (episodes,); the others were cut off.
    """

    about: About
    observations: Array
    masks: Array
    actions: Array
    rewards: Array
    lengths: Array
    terminated: Array

    @classmethod
    def of(cls, about: About, episodes: Iterable[Episode]) -> "Dataset":
        """Return episodes as a dataset.

        Raises:
            ParameterError: there are none.
            FileError: they hold what does not lie in the game's spaces.
        """
        kept = list(episodes)
        if not kept:
            raise ParameterError("no episode is whole, so there is no dataset: none both begins and ends")
        masks = [
            np.ones((len(each.observations), about.choices), np.bool_) if each.masks is None else each.masks
            for each in kept
        ]
        made = cls(
            about,
            np.concatenate([each.observations for each in kept]),
            np.concatenate(masks),
            np.concatenate([each.actions for each in kept]),
            np.concatenate([each.rewards for each in kept]).astype(np.float32),
            np.array([len(each.rewards) for each in kept], np.int64),
            np.array([each.terminated for each in kept], np.bool_),
        )
        clip_boxes(about.spaces[1], made.actions)
        if about.choices:
            made.masks[made.seen] |= taken(about.spaces[1], made.actions)  # people, and some bots, try what is barred
        made.check("the dataset")
        return made

    @property
    def steps(self) -> int:
        """How many steps there are in all episodes."""
        return len(self.rewards)

    @property
    def episodes(self) -> int:
        """How many episodes there are."""
        return len(self.lengths)

    @cached_property
    def first(self) -> Array:
        """The first step of every episode, (episodes,)."""
        return np.cumsum(self.lengths) - self.lengths

    @cached_property
    def episode(self) -> Array:
        """The episode of every step, (steps,)."""
        return np.repeat(np.arange(self.episodes), self.lengths)

    @cached_property
    def seen(self) -> Array:
        """The row in `observations` that every step acted on, (steps,); the row behind it is what came of it."""
        return np.arange(self.steps) + self.episode

    @cached_property
    def ends(self) -> Array:
        """Where the rules ended an episode, bool (steps,)."""
        flags = np.zeros(self.steps, np.bool_)
        flags[self.first + self.lengths - 1] = self.terminated
        return flags

    @cached_property
    def returns(self) -> Array:
        """The return of every episode, float64 (episodes,)."""
        return np.add.reduceat(self.rewards.astype(np.float64), self.first)

    def best(self, share: float) -> Array:
        """Return the steps of the episodes with the highest returns, a share of them and at least one."""
        count = max(1, round(self.episodes * share))
        order = np.argsort(-self.returns, kind="stable")[:count]
        return np.flatnonzero(np.isin(self.episode, order))

    def each(self) -> Iterable[Episode]:
        """Go through the episodes."""
        for k, (begin, length) in enumerate(zip(self.first.tolist(), self.lengths.tolist(), strict=True)):
            seen, steps = slice(begin + k, begin + k + length + 1), slice(begin, begin + length)
            yield Episode(
                self.observations[seen],
                self.masks[seen],
                self.actions[steps],
                self.rewards[steps],
                bool(self.terminated[k]),
            )

    def check(self, name: str) -> None:
        """Check that all of it lies in the game's spaces; `name` is for errors.

        Raises:
            FileError: it does not.
        """
        observation, action = self.about.spaces
        if self.lengths.min() < 1 or int(self.lengths.sum()) != self.steps:
            raise FileError(f"{name} is damaged: its episodes' lengths do not add up to its {self.steps} steps")
        if not np.isfinite(self.rewards).all():
            raise FileError(f"{name} is damaged: a reward is not finite")
        for path, leaf in leaves(observation):
            _check_leaf(leaf, at(self.observations, path), f"{name}: an observation{_dotted(path)}")
        for path, leaf in leaves(action):
            _check_leaf(leaf, at(self.actions, path), f"{name}: an action{_dotted(path)}", bounded=True)
        if self.about.choices and not self.masks[self.seen][taken(action, self.actions)].all():
            raise FileError(f"{name} is damaged: an action was taken that its mask bars")


def _dotted(path: tuple[str, ...]) -> str:
    return "".join(f".{part}" for part in path)


def _check_leaf(space: Space, values: Array, what: str, bounded: bool = False) -> None:
    """Check the values of a simple space; floats against its bounds only where they are `bounded`."""
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            raise FileError(f"{what} is not finite")
        if not bounded:
            return
    low, high = action_bounds(space)
    low, high = (bound if np.ndim(bound) == 0 else np.asarray(bound) for bound in (low, high))
    if ((values < low) | (values > high)).any():
        raise FileError(f"{what} does not lie in {space}")


def clip_boxes(action: Space, actions: Array) -> None:
    """Bring the numbers of Boxes within their bounds, as a batch does, in place."""
    for path, leaf in leaves(action):
        if isinstance(leaf, Box):
            part = at(actions, path)
            np.clip(part, *leaf.bounds, out=part)


def taken(action: Space, actions: Array) -> Array:
    """Return which choices were taken, as flags that lie as those of masks do: bool (steps, choices)."""
    flags = np.zeros((len(actions), count_choices(action)), np.bool_)
    first, rows = 0, np.arange(len(actions))
    for path, leaf in leaves(action):
        sizes = choice_sizes(leaf)
        chosen = at(actions, path).reshape(len(actions), -1) if sizes else None
        for k, size in enumerate(sizes):
            assert chosen is not None  # there are choices
            picked = chosen[:, k]
            inside = (picked >= 0) & (picked < size)
            flags[rows[inside], first + picked[inside]] = True
            first += size
    return flags


def same_game(about: Mapping[str, Any], env: str, name: str) -> About:
    """Return what a file says about itself, once that fits the game that a person named.

    Args:
        about: as `About.noted` gives it.
        env: the id of the game.
        name: what to call the file in errors.

    Raises:
        FileError: it is of another game, version or spaces, or damaged.
    """
    rules = load_env(env)
    try:
        noted, params = dict(about["env"]), dict(about["params"])
        recorded, version, digest = str(noted["id"]), int(noted["version"]), str(noted["rules"])
        sources, (observation, action) = tuple(str(each)[:200] for each in about["sources"]), about["spaces"]
    except (KeyError, TypeError, ValueError) as error:
        raise FileError(f"{name} is damaged: its description lacks {error}") from None
    if recorded != rules.name and digest != source_digest(rules):
        raise FileError(f"{name} is of {recorded[:100]!r}, not of '{rules.name}'; record one of '{rules.name}'")
    if version != rules.version:
        raise FileError(
            f"{name} is of version {version} of '{rules.name}', which has version {rules.version} here: record it anew"
        )
    made = About(env, params, sources[:MOST_SOURCES])
    try:
        own = [describe(space) for space in made.spaces]
        differs = [difference(then, now) for then, now in zip((observation, action), own, strict=True)]
    except (ArenaError, *NO_DESCRIPTION) as error:
        raise FileError(f"{name} does not fit '{rules.name}': {error}") from None
    if any(differs):
        raise FileError(
            f"{name} is of other spaces than '{rules.name}' has with its parameters: {'; '.join(filter(None, differs))}"
        )
    return made
