"""What the Gymnasium and PettingZoo adapters share: reset options, and pictures that wait for pygame until asked."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch, make
from puffer_arena.core.errors import ArenaError, ParameterError, UnknownName, suggest
from puffer_arena.core.fields import Array

RENDER_SIZE = (480, 480)  # pixels, width and height


def make_solo(
    env_id: str, num_envs: int, *, params: dict[str, Any], autoreset: str = "disabled", **given: Any
) -> Batch:
    """Make a batch of an environment for one agent.

    Raises:
        ArenaError: it has several agents; and what `make` raises.
    """
    batch = make(env_id, num_envs, autoreset=autoreset, **given, **params)
    if batch.num_agents:
        raise ArenaError(
            f"environment '{batch.env.name}' has {batch.num_agents} agents; "
            f"use puffer_arena.adapters.pettingzoo.parallel_env('{env_id}')"
        )
    return batch


def statistic_names(batch: Batch) -> tuple[str, ...]:
    """Return the fields of `Batch.finished` that infos hold when an episode ends."""
    return ("episode_return", "episode_length", *batch.env.counters)


def check_options(options: Mapping[str, Any], allowed: Iterable[str]) -> None:
    """Refuse reset options that mean nothing.

    Raises:
        UnknownName: an option that does not exist.
    """
    for name in options:
        if name not in set(allowed):
            raise UnknownName(f"unknown reset option '{name}'; {suggest(str(name), allowed)}")


def set_params(batch: Batch, given: Any, rows: Array) -> None:
    """Set parameters of `rows`, which are about to be reset, from a reset's `options["params"]`.

    Args:
        batch: whose parameters.
        given: name -> one number for all rows, or an array of shape (num_envs,).
        rows: indices of the rows.

    Raises:
        UnknownName: no such parameter.
        ParameterError: a value of the wrong type or shape, or outside its range. Nothing has been set.
    """
    where = f"environment '{batch.env.name}': options['params']"
    if not isinstance(given, Mapping):
        raise ParameterError(f"{where} = {given!r}; it must be a dict of parameter names and values")
    checked = {}
    for name, value in given.items():
        try:
            checked[name] = _check_values(batch, str(name), value)
        except (UnknownName, ParameterError) as error:
            raise type(error)(f"{where}: {error}") from None
    for name, values in checked.items():
        batch.params[name][rows] = values[rows]


def _check_values(batch: Batch, name: str, value: Any) -> Array:
    """Return a parameter's value for every row."""
    column = batch.params[name]
    try:
        values = np.asarray(value)
    except ValueError:  # a ragged list
        values = np.asarray(None)
    if values.dtype.kind not in "biuf":
        column.parameter.check(value, column.high)  # raises: no number is of another kind
    if values.ndim and values.shape != (batch.num_envs,):
        raise ParameterError(
            f"parameter '{name}' has shape {values.shape}; allowed: one number, or ({batch.num_envs},)"
        )
    for extreme in (values.min().item(), values.max().item()):
        column.parameter.check(extreme, column.high)
    return np.broadcast_to(values, (batch.num_envs,))


class Copies:
    """Makes an adapter picklable and copyable: a copy stands where the original stood and has the same future.

    A window stays with the original.  The adapter sets `batch` and `_pictures` in `_open`, which its constructor calls.
    """

    batch: Batch
    _pictures: "Pictures"

    def _open(self) -> None:
        """Make the batch and the pictures from attributes that are copied."""
        raise NotImplementedError

    def __getstate__(self) -> dict[str, Any]:
        state = {name: value for name, value in vars(self).items() if name not in ("batch", "_pictures")}
        return {**state, "rows": [self.batch.snapshot(i) for i in range(self.batch.num_envs)]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        rows = state.pop("rows")
        vars(self).update(state)
        self._open()
        for i, row in enumerate(rows):
            self.batch.restore(i, row)


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
        from puffer_arena.render.canvas import render_rgb

        batch = self.batch
        return render_rgb(batch.env, batch.state(i), batch.state_params(i), self.size)

    def show(self) -> None:
        """Show the first row in the window, at the environment's natural speed.

        Raises:
            ArenaError: there is no display.
        """
        batch = self.batch
        if self._viewer is None:
            from puffer_arena.render.human import HumanViewer

            self._viewer = HumanViewer(batch.env.name, self.size, batch.env.steps_per_second)
        self._viewer.draw(batch.env, batch.state(0), batch.state_params(0))

    def close(self) -> None:
        """Close the window, if there is one."""
        if self._viewer is not None:
            self._viewer.close()
            self._viewer = None
