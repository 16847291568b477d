"""Replays as a Minari dataset, for offline learning with other libraries."""

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from puffer_arena.adapters.spaces import one_value, to_gymnasium
from puffer_arena.errors import FileError, ParameterError, require
from puffer_arena.replay.reader import Replay
from puffer_arena.replay.relabel import dataset


def write_minari(paths: Iterable[str | Path], dataset_id: str, env: str = "") -> int:
    """Write the whole episodes of some replays of a solo game as a Minari dataset, and return how many there are.

    Args:
        paths: the files, all of one game with the same spaces.
        dataset_id: Minari's name for it, such as "snake/people-v0"; it goes where MINARI_DATASETS_PATH says.
        env: the game as the person names it; see `Replay`.

    Raises:
        MissingExtra: minari is not installed.
        ParameterError: the game has several agents, or no episode is whole.
        FileError: a file cannot be read, or Minari refuses the dataset.
    """
    minari: Any = require("minari", "data")
    buffers: Any = require("minari.data_collector.episode_buffer", "data")
    require("h5py", "data")
    paths = list(paths)
    with Replay(paths[0], env) as first:
        if first.header.agents:
            raise ParameterError(f"'{first.env.name}' has several agents; Minari's datasets have one")
        observation, action = first.env.spaces(first.values)
        about = f"{first.env.summary} Recorded by puffer_arena."
        players = ", ".join(first.header.players.values()) or "unknown"
    kept = [
        buffers.EpisodeBuffer(
            id=number,
            observations=[one_value(observation, seen) for seen in found.observations],
            actions=list(found.actions.astype(action.dtype.base)),
            rewards=found.rewards.astype(np.float64).tolist(),
            terminations=found.terminated.tolist(),
            truncations=found.truncated.tolist(),
            infos={},
        )
        for number, found in enumerate(dataset(paths, env=env))
    ]
    if not kept:
        raise ParameterError("no episode is whole in these replays: none both begins and ends there")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of authors and links that nobody has to give
            minari.create_dataset_from_buffers(
                dataset_id,
                kept,
                observation_space=to_gymnasium(observation),
                action_space=to_gymnasium(action),
                algorithm_name=players,
                description=about,
                data_format="hdf5",
            )
    except (ValueError, OSError, TypeError) as error:
        raise FileError(f"Minari refuses the dataset '{dataset_id}': {error}") from None
    return len(kept)
