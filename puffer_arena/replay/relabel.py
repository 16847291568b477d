"""Studying recorded episodes: other rewards and observations from what was stored, without playing anew.

    far = replay.rewards("lander.mcap", lambda before, action, after, p: -abs(after.hull.x))
    for episode in replay.dataset(["a.mcap", "b.mcap"]):
        print(episode.observations.shape, episode.rewards.sum())

An episode's last state is not among a replay's frames where the batch began the next episode in the same step: that one
step is played again, from a fork of the frame before.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.make import make
from puffer_arena.batch.saving.past import raw
from puffer_arena.core.fields import Array, Row
from puffer_arena.datasets.dataset import About, Dataset
from puffer_arena.datasets.dataset import Episode as RecordedEpisode
from puffer_arena.errors import ParameterError
from puffer_arena.replay.block import TERMINATED, TRUNCATED
from puffer_arena.replay.branch import fork
from puffer_arena.replay.reader import Episode, Replay
from puffer_arena.replay.simulate import read_actions

ROWS = 256  # states observed at once

Reward = Callable[
    [Row, Any, Row, Row], Any
]  # state before, action, state after, parameters -> one number, or an agent's each
Observe = Callable[[Row, Row], Any]  # state, parameters -> array


@dataclass(frozen=True)
class Trajectory:
    """A whole episode; T steps.

    Attributes:
        observations: T + 1 of them, (T + 1[, agents], *observation); zeros of agents who have left.
        masks: choices that were open, bool (T + 1[, agents], choices); none where the caller observes.
        actions: (T[, agents], *action).
        rewards: (T,) or (T, agents), or as the given reward function returns them.
        terminated, truncated: (T[, agents]) bool.
        episode: where it lies in the file.
        path: the file.
    """

    observations: Array
    masks: Array | None
    actions: Array
    rewards: Array
    terminated: Array
    truncated: Array
    episode: Episode
    path: Path


def rewards(path: str | Path, function: Reward, env: str = "") -> list[Array]:
    """Return other rewards for the steps of every whole episode of a replay.

    Args:
        path: the file.
        function: (state before, action, state after, parameters) -> a number, or one for each agent; states and
            parameters as `draw` sees them.
        env: the game as the person names it; see `Replay`.

    Raises:
        FileError: it cannot be read, or is of another version of the game.
        ParameterError: it stores key frames alone.
    """
    with Replay(path, env) as replay:
        return [_relabel(part, function) for part in _parts(replay)]


def dataset(
    paths: Iterable[str | Path], *, observe: Observe | None = None, reward: Reward | None = None, env: str = ""
) -> Iterator[Trajectory]:
    """Go through the whole episodes of some replays.

    Args:
        paths: the files.
        observe: (state, parameters) -> array; the game's own observation by default.
        reward: see `rewards`; those that were recorded by default.
        env: see `Replay`.

    Raises:
        FileError, ParameterError: see `rewards`.
    """
    for path in paths:
        with Replay(path, env) as replay, make(replay.env_id, ROWS, **replay.header.params) as batch:
            for part in _parts(replay):
                given = _recorded_rewards(part) if reward is None else _relabel(part, reward)
                seen, masks = _observe(batch, part) if observe is None else (_observe_by(part, observe), None)
                shape = (-1,) if not replay.header.agents else (len(part.actions), -1)
                ends = part.ends.reshape(shape)
                flags = (ends & TERMINATED) > 0, (ends & TRUNCATED) > 0
                yield Trajectory(seen, masks, part.actions, given, *flags, part.episode, replay.path)


def to_dataset(paths: Iterable[str | Path], env: str = "") -> Dataset:
    """Return the whole episodes of some replays of a solo game as a dataset, those of people among them.

    Args:
        paths: the files, all of one game with the same parameters.
        env: see `Replay`.

    Raises:
        ParameterError: the game has several agents, no episode is whole, or a replay has other parameters.
        FileError: a file cannot be read.
    """
    paths = list(paths)
    about: About | None = None
    players: dict[str, None] = {}  # in order
    for path in paths:
        with Replay(path, env) as each:
            players |= dict.fromkeys(each.header.players.values() or ("unknown",))
            given = dict(each.header.params)
            if about is not None and given != about.params:
                raise ParameterError(f"'{path}' was played with {given}, not {dict(about.params)} as '{paths[0]}'")
            about = About(each.env_id, given)
    if about is None:
        raise ParameterError("name the replays that a dataset is to be made of")
    assert about.spaces  # says where there are several agents
    episodes = (
        RecordedEpisode(e.observations, e.masks, e.actions, e.rewards, bool(e.terminated[-1]))
        for e in dataset(paths, env=env)
    )
    return Dataset.of(replace(about, sources=tuple(players)), episodes)


@dataclass
class _Part:
    """An episode's arrays as they are stored, its last state among them."""

    episode: Episode
    states: Array  # (T + 1,) records
    params: Array  # (T + 1,) records
    actions: Array
    rewards: Array  # (T, agents)
    ends: Array
    several: bool


def _parts(replay: Replay) -> Iterator[_Part]:
    if not replay.header.every:
        raise ParameterError(f"{replay.what} stores key frames alone; record with states=True to study it")
    for episode in replay.episodes:
        if episode.how and episode.last - episode.first == episode.length:
            yield _read(replay, episode)


def _read(replay: Replay, episode: Episode) -> _Part:
    slot = episode.slot
    columns: dict[str, list[Array]] = {name: [] for name in ("states", "params", "actions", "rewards", "ends")}
    for number in range(replay.find_block(episode.first), replay.find_block(episode.last - 1) + 1):
        block = replay.block(number)
        low, high = max(episode.first - block.first, 0), min(episode.last - block.first, block.steps)
        columns["states"].append(block.states[low:high, slot])
        columns["params"].append(block.params[low:high, slot])
        columns["actions"].append(np.stack([read_actions(replay.header, block, t)[slot] for t in range(low, high)]))
        columns["rewards"].append(block.rewards[low:high, slot])
        columns["ends"].append(block.ends[low:high, slot])
    state, params = _last(replay, episode, columns["actions"][-1][-1])
    states = np.concatenate([*columns["states"], state]).reshape(-1).view(replay.state_dtype)
    records = np.concatenate([*columns["params"], params]).reshape(-1).view(replay.params_dtype)
    replay.check(states, records)
    joined = {name: np.concatenate(columns[name]) for name in ("actions", "rewards", "ends")}
    return _Part(episode, states, records, several=bool(replay.header.agents), **joined)


def _last(replay: Replay, episode: Episode, action: Array) -> tuple[Array, Array]:
    """Return an episode's last state and parameters as bytes, each (1, bytes)."""
    if not replay.header.autoreset.startswith("same_step"):
        frame = replay.frame(episode.last)
        which = slice(episode.slot, episode.slot + 1)
        return raw(frame.states[which]), raw(frame.params[which])
    with fork(replay, episode.last - 1, replay.header.rows[episode.slot]).batch as batch:
        batch.step(action[None])
        return raw(batch.rows.states).copy(), raw(batch.rows.params).copy()


def _recorded_rewards(part: _Part) -> Array:
    return part.rewards if part.several else part.rewards[:, 0]


def _relabel(part: _Part, function: Reward) -> Array:
    rows = [Row(state) for state in part.states]
    each = [function(rows[t], part.actions[t], rows[t + 1], Row(part.params[t])) for t in range(len(part.actions))]
    return np.asarray(each, np.float64)


def _observe(batch: Batch, part: _Part) -> tuple[Array, Array]:
    """Let the game observe states; return what was seen, and what was open."""
    every = np.ones(batch.num_envs, np.bool_)
    seen, masks = [], []
    for first in range(0, len(part.states), ROWS):
        count = len(part.states[first : first + ROWS])
        raw(batch.rows.states)[:count] = raw(part.states[first : first + ROWS])
        raw(batch.rows.params)[:count] = raw(part.params[first : first + ROWS])
        batch.look(every)
        seen.append(batch.obs[:count].copy())
        masks.append(batch.action_mask[:count].copy())
    return np.concatenate(seen), np.concatenate(masks)


def _observe_by(part: _Part, observe: Observe) -> Array:
    pairs = zip(part.states, part.params, strict=True)
    return np.stack([np.asarray(observe(Row(state), Row(params))) for state, params in pairs])
