"""Datasets from and to Minari, for offline learning across libraries."""

import warnings
from typing import Any

import numpy as np

from puffer_arena.adapters.spaces import one_value, to_gymnasium
from puffer_arena.batch.limits import memory_bytes, readable_size
from puffer_arena.core.actions import action_dtype
from puffer_arena.core.composites import Composite
from puffer_arena.core.fields import Array
from puffer_arena.core.spaces import Space, stored
from puffer_arena.datasets.dataset import About, Dataset, Episode, columns_of
from puffer_arena.errors import FileError, ParameterError, SpaceError, require

BROKEN = (ValueError, OSError, TypeError, KeyError, AttributeError, AssertionError, RuntimeError, IndexError)


def write_minari(dataset: Dataset, dataset_id: str) -> int:
    """Write a dataset as Minari's, and return how many episodes it has.  Masks stay behind: Minari has no place for them.

    Args:
        dataset: what to write.
        dataset_id: Minari's name for it, such as "snake/people-v0"; it goes where MINARI_DATASETS_PATH says.

    Raises:
        MissingExtra: minari is not installed.
        FileError: Minari refuses the dataset.
    """
    minari: Any = require("minari", "data")
    buffers: Any = require("minari.data_collector.episode_buffer", "data")
    require("h5py", "data")
    observation, action = dataset.about.spaces
    kept = [
        buffers.EpisodeBuffer(
            id=number,
            observations=_over_time(observation, found.observations),
            actions=_over_time(action, found.actions),
            rewards=found.rewards.astype(np.float64).tolist(),
            terminations=[*[False] * (len(found.rewards) - 1), found.terminated],
            truncations=[*[False] * (len(found.rewards) - 1), not found.terminated],
            infos={},
        )
        for number, found in enumerate(dataset.each())
    ]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of authors and links that nobody has to give
            minari.create_dataset_from_buffers(
                dataset_id,
                kept,
                observation_space=to_gymnasium(observation),
                action_space=to_gymnasium(action),
                algorithm_name=", ".join(dataset.about.sources) or "unknown",
                description=f"{dataset.about.env}, recorded by puffer_arena.",
                data_format="hdf5",
            )
    except (ValueError, OSError, TypeError) as error:
        raise FileError(f"Minari refuses the dataset '{dataset_id}': {error}") from None
    return len(kept)


def read_minari(dataset_id: str, about: About) -> Dataset:
    """Read one of Minari's datasets as ours.  It holds no masks: all choices count as open.

    Args:
        dataset_id: Minari's name for it; see `write_minari`.
        about: the game that it is of; its parameters say how large what it sees is.

    Raises:
        MissingExtra: minari is not installed.
        ParameterError: it does not fit into memory; nothing has been allocated.
        FileError: there is none of this name, or it is damaged, or of other spaces than the game's.
    """
    minari: Any = require("minari", "data")
    require("h5py", "data")
    spaces = about.spaces
    name = f"Minari's dataset '{dataset_id}'"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = minari.load_dataset(dataset_id)
        given, steps, episodes = (
            (found.observation_space, found.action_space),
            int(found.total_steps),
            int(found.total_episodes),
        )
    except BROKEN as error:
        raise FileError(f"{name} cannot be read: {error}") from None
    if given != tuple(to_gymnasium(space) for space in spaces):
        raise FileError(
            f"{name} is of other spaces than '{about.env}': it sees {given[0]} and does {given[1]}; give the parameters that "
            "it was recorded with (--param)"
        )
    need = sum(column.nbytes for column in columns_of(about, max(steps, 0), max(episodes, 0)).values())
    if need > memory_bytes():
        raise ParameterError(f"{name} takes {readable_size(need)} of memory; there are {readable_size(memory_bytes())}")
    try:
        kept = [_episode(spaces, each) for each in found.iterate_episodes()]
    except (*BROKEN, SpaceError) as error:
        raise FileError(f"{name} is damaged: {error}") from None
    if not kept:
        raise FileError(f"{name} is empty: it holds no episode")
    return Dataset.of(About(about.env, about.params, (f"minari:{dataset_id}",)), kept)


def _episode(spaces: tuple[Space, Space], theirs: Any) -> Episode:
    observation, action = spaces
    length = len(theirs.rewards)
    kind, shape = stored(observation)
    acts: Any = action_dtype(action)
    seen: Array = np.zeros((length + 1, *shape), kind)
    done: Array = np.zeros((length, *acts.shape), acts.base)
    for t in range(length + 1):
        _store(observation, _at(theirs.observations, t), seen, t)
    for t in range(length):
        action.store(_at(theirs.actions, t), done, t)
    return Episode(seen, None, done, np.asarray(theirs.rewards, np.float32), bool(theirs.terminations[-1]))


def _store(space: Space, value: Any, into: Array, t: int) -> None:
    if not space.contains(value):
        raise SpaceError(f"the observation of step {t} does not lie in {space}")
    space.store(value, into, t)


def _at(values: Any, t: int) -> Any:
    """Return one value of a nest of arrays over time."""
    if isinstance(values, dict):
        return {name: _at(part, t) for name, part in values.items()}
    if isinstance(values, tuple):
        return tuple(_at(part, t) for part in values)
    return values[t]


def _over_time(space: Space, values: Array) -> Any:
    """Return stored values as Minari takes those of an episode: a list, or a nest of lists where a space has parts."""
    if isinstance(space, Composite):
        return space.join([_over_time(part, values[name]) for name, part in space.parts.items()])
    return [one_value(space, value) for value in values]
