"""What the Gymnasium and PettingZoo adapters share.

Making, seeds, reset options, infos, copying, and pictures that wait for pygame.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from gymnasium import logger

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.make import make
from puffer_arena.core.fields import Array
from puffer_arena.core.spaces import Discrete, MultiBinary, MultiDiscrete
from puffer_arena.errors import ActionError, ArenaError, ParameterError, UnknownKeyword, UnknownName, suggest
from puffer_arena.registry import load_env, with_options

RENDER_SIZE = (480, 480)  # pixels, width and height


def open_batch(env_id: str, several: bool, params: Mapping[str, Any], **settings: Any) -> Batch:
    """Make a batch for an adapter of environments for one agent, or for several.

    Args:
        env_id: what `puffer_arena.make` takes.
        several: whether the adapter is for several agents.
        params: the adapter's keyword arguments beyond its own.
        settings: for `puffer_arena.make`.

    Raises:
        UnknownKeyword: one of `params` is no parameter of the environment.
        ArenaError: the environment is of the other kind; and what `make` raises.
    """
    env_id, params = with_options(env_id, dict(params))
    env = load_env(env_id)
    for name in params:
        if name not in env.parameters:  # in Python's own words: TorchRL looks for them, and leaves the keyword out
            raise UnknownKeyword(
                f"environment '{env.name}': unexpected keyword argument '{name}'; {suggest(name, env.parameters)}"
            )
    sees = several and env.observe_state is not None  # PettingZoo's `state`
    # Copies are snapshots, which must be exact.
    batch = make(env_id, record=None, observe_state=sees, **settings, **params)
    if several and not batch.num_agents:
        raise ArenaError(
            f"environment '{batch.env.name}' is for one agent; "
            f"use puffer_arena.adapters.gymnasium.GymnasiumEnv('{env_id}')"
        )
    if batch.num_agents and not several:
        raise ArenaError(
            f"environment '{batch.env.name}' has {batch.num_agents} agents; "
            f"use puffer_arena.adapters.pettingzoo.parallel_env('{env_id}')"
        )
    return batch


def statistic_names(batch: Batch) -> tuple[str, ...]:
    """Return the fields of `Batch.finished` that infos hold when an episode ends."""
    return ("episode_return", "episode_length", *signal_sums(batch), *batch.env.counters)


def signal_sums(batch: Batch) -> tuple[str, ...]:
    """Return what the sums of signals over an episode are called."""
    return tuple(f"episode_{name}" for name in batch.env.signals)


def counter_columns(batch: Batch) -> dict[str, Array]:
    """Return the environment's counters as they stand: name -> a view, (num_envs,)."""
    return {name: batch.rows.states[name] for name in batch.env.counters}


def open_choices(batch: Batch, i: int) -> Array:
    """Return the allowed choices of row `i`, which has one agent: shape (choices,) bool.

    Where the environment has no masks all are allowed; MultiBinary counts two choices, off and on, a component.

    Raises:
        ActionError: its actions are numbers, not choices.
    """
    if batch.num_choices:
        return np.array(batch.action_mask[i])
    match batch.action:
        case Discrete(n=n):
            return np.ones(n, np.bool_)
        case MultiDiscrete(nvec=nvec):
            return np.ones(sum(nvec), np.bool_)
        case MultiBinary():
            return np.ones(2 * math.prod(batch.action.dtype.shape), np.bool_)
    raise ActionError(f"'{batch.env.name}' has no choices to mask: its actions are {batch.action}")


def check_options(options: Mapping[str, Any], allowed: Iterable[str]) -> None:
    """Refuse reset options that mean nothing.

    Raises:
        UnknownName: an option that does not exist.
    """
    for name in options:
        if name not in set(allowed):
            raise UnknownName(f"unknown reset option '{name}'; {suggest(str(name), allowed)}")


def set_params(batch: Batch, given: Any, rows: Array, source: str = "options['params']") -> None:
    """Set parameters of `rows` from a reset's `options["params"]`, or from another `source`.

    Args:
        batch: whose parameters.
        given: name -> one value for all rows, or an array of shape (num_envs, *shape of the parameter).
        rows: indices of the rows.
        source: where they were given, for messages.

    Raises:
        UnknownName: no such parameter.
        ParameterError: a value of the wrong type or shape, or outside its range. Nothing has been set.
    """
    where = f"environment '{batch.env.name}': {source}"
    if not isinstance(given, Mapping):
        raise ParameterError(f"{where} = {given!r}; it must be a dict of parameter names and values")
    checked = {}
    for name, value in given.items():
        try:
            checked[name] = _check_values(batch, str(name), value)
        except (UnknownName, ParameterError) as error:
            raise type(error)(f"{where}: {error}") from None
    try:
        batch.params.write(rows, **{name: values[rows] for name, values in checked.items()})
    except ParameterError as error:
        raise ParameterError(f"{where}: {error}") from None


def _check_values(batch: Batch, name: str, value: Any) -> Array:
    """Return a parameter's value for every row."""
    column = batch.params[name]
    try:
        values = np.asarray(value)
    except ValueError:  # a ragged list
        values = np.asarray(None)
    if values.dtype.kind not in "biuf":
        column.parameter.check(value, column.high)  # raises: no number is of another kind
    of_one = column.parameter.shape
    every = (batch.num_envs, *of_one)
    if values.ndim and values.shape not in (of_one, every):
        one = f"{column.parameter.size} numbers" if of_one else "one number"
        raise ParameterError(f"parameter '{name}' has shape {values.shape}; allowed: {one}, or {every}")
    return np.broadcast_to(column.checked(values), every)


class Copies(ABC):
    """Makes an adapter picklable and copyable: a copy stands where the original stood and has the same future.

    A window stays with the original.  The adapter sets `batch`, and whatever looks at it, in `_open`, which its
    constructor calls.
    """

    batch: Batch
    _pictures: "Pictures"
    _counters: dict[str, Array]

    @abstractmethod
    def _open(self) -> None:
        """Make the batch and the pictures from attributes that are copied."""

    def __getstate__(self) -> dict[str, Any]:
        looking = ("batch", "_pictures", "_counters")
        state = {name: value for name, value in vars(self).items() if name not in looking}
        return {**state, "rows": [self.batch.snapshot(i) for i in range(self.batch.num_envs)]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        rows = state.pop("rows")
        vars(self).update(state)
        self._open()
        for i, row in enumerate(rows):
            self.batch.restore(i, row)


class OneRow(Copies):
    """What the adapters of a single row share: how they are made, drawn and closed.

    Args:
        env_id: what `puffer_arena.make` takes.
        render_mode: None, "rgb_array", or "human" for a window that follows by itself.
        render_size: pictures' width and height in pixels.
        split, num_levels, compiled: as in `puffer_arena.make`.
        params: the environment's parameters.

    Raises:
        UnknownName, ParameterError: no such environment, parameter or render mode, or a value outside its range; a
            keyword that is no parameter is an UnknownKeyword, which is a TypeError too.
        ArenaError: the environment has one agent where the adapter is for several, or the other way round.
    """

    metadata: dict[str, Any] = {"render_modes": ["human", "rgb_array"]}
    several: bool  # whether the adapter is for several agents

    def __init__(
        self,
        env_id: str,
        render_mode: str | None = None,
        render_size: tuple[int, int] = RENDER_SIZE,
        split: str = "train",
        num_levels: int = 0,
        compiled: bool = True,
        **params: Any,
    ) -> None:
        self.render_mode, self._render_size = render_mode, render_size
        self._settings: dict[str, Any] = {
            "env_id": env_id,
            "split": split,
            "num_levels": num_levels,
            "compiled": compiled,
        }
        self._params = params
        self._open()
        self._seeded = False
        self.metadata = {**self.metadata, "render_fps": self.batch.env.steps_per_second}
        self._declare()

    def _open(self) -> None:
        self.batch = open_batch(several=self.several, autoreset="disabled", params=self._params, **self._settings)
        self._counters = counter_columns(self.batch)
        self._pictures = Pictures(self.batch, self.render_mode, self._render_size, type(self).metadata["render_modes"])

    @abstractmethod
    def _declare(self) -> None:
        """Set the spaces and whatever else the adapter's API asks for from the start."""

    def _counted(self) -> dict[str, Any]:
        """Return the counters as they stand."""
        return {name: float(column[0]) for name, column in self._counters.items()}

    def _signalled(self, agent: int = 0) -> dict[str, Any]:
        """Return the signals of the last step, those of one agent."""
        names = self.batch.env.signals
        return dict(zip(names, np.atleast_2d(self.batch.signals[0])[agent].tolist(), strict=True)) if names else {}

    def _show(self) -> None:
        """Show the row to the person, if there is one."""
        if self.render_mode == "human":
            self._pictures.show()

    def render(self) -> Any:
        """Return a picture, uint8 (height, width, 3), under "rgb_array"; show one under "human"."""
        if self.render_mode is None:
            logger.warn("render() does nothing without a render_mode; pass one when making the environment")
        elif self.render_mode == "rgb_array":
            return self._pictures.rgb()
        else:
            self._pictures.show()
        return None

    def close(self) -> None:
        """Close the window and end the batch."""
        self._pictures.close()
        self.batch.close()


class Pictures:
    """Draws rows of a batch: into arrays, or in a window.  Pygame is first imported when something is drawn.

    Args:
        batch: whose rows.
        mode: None, or one of `allowed`.
        size: of a picture, pixels, width and height.
        allowed: render modes of the adapter.

    Raises:
        UnknownName: a render mode that is not allowed.
    """

    def __init__(self, batch: Batch, mode: str | None, size: tuple[int, int], allowed: Iterable[str]) -> None:
        if mode is not None and mode not in set(allowed):
            raise UnknownName(f"unknown render_mode '{mode}'; {suggest(str(mode), allowed)}")
        self.batch, self.mode, self.size = batch, mode, (int(size[0]), int(size[1]))
        if min(self.size) < 1:
            raise ParameterError(f"render_size = {size!r}; it must be two whole numbers of at least 1")
        self._viewer: Any = None

    def rgb(self, i: int = 0) -> Array:
        """Draw row `i`: uint8, shape (height, width, 3)."""
        from puffer_arena.render.draw.canvas import render_rgb

        batch = self.batch
        return render_rgb(batch.env, batch.state(i), batch.state_params(i), self.size)

    def show(self) -> None:
        """Show the first row in the window, at the environment's natural speed.

        Raises:
            ArenaError: there is no display.
        """
        batch = self.batch
        if self._viewer is None:
            from puffer_arena.render.play.human import HumanViewer

            self._viewer = HumanViewer(batch.env.name, self.size, batch.env.steps_per_second)
        self._viewer.draw(batch.env, batch.state(0), batch.state_params(0))

    def close(self) -> None:
        """Close the window, if there is one."""
        if self._viewer is not None:
            self._viewer.close()
            self._viewer = None
