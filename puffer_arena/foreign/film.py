"""Pictures of an environment of another library, which draws itself, while somebody plays."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.core.fields import Array
from puffer_arena.errors import DefinitionError, ParameterError
from puffer_arena.foreign.env import foreign_env
from puffer_arena.foreign.open import open_env
from puffer_arena.foreign.part import Part
from puffer_arena.registry import is_foreign

MOST_PICTURES = 10_000
USUAL_RATE = 30.0  # pictures a second, where an environment names none


def open_film(env_id: str, params: Mapping[str, Any], seed: int) -> Batch:
    """Return a batch of one row, on held-out levels, whose environment draws itself.

    Raises:
        ParameterError: it is none of another library's.
        ArenaError: see `open_env`; it does not draw.
    """
    if not is_foreign(env_id):
        raise ParameterError(
            f"'{env_id}' is puffer_arena's own: --record keeps its episodes, and `share` makes a video"
        )
    origin = open_env(env_id).origin
    if not env_id.startswith("emulated:"):
        origin = dataclasses.replace(origin, make=functools.partial(origin.make, render_mode="rgb_array"))
    try:
        env = foreign_env(origin)
    except DefinitionError as error:
        raise DefinitionError(f"{error}; it may have no render_mode='rgb_array'") from None
    return Batch(env, env_id, 1, seed, 1, "held_out", 0, "disabled", True, dict(params))


def rate_of(batch: Batch) -> float:
    """Return how many pictures a second an environment means to be shown with."""
    rate = getattr(drawn_by(batch), "metadata", {}).get("render_fps", USUAL_RATE)
    return float(rate) if isinstance(rate, int | float) and 0 < rate <= 240 else USUAL_RATE


def drawn_by(batch: Batch) -> Any:
    """Return the environment that a batch of one row steps."""
    part = batch.stepper.pool.part
    if not isinstance(part, Part):
        raise ParameterError(f"environment '{batch.env.name}' steps its rows by itself, and is not filmed")
    return part.rows[0].env


def film(batch: Batch, choose: Callable[[Batch], Array], episodes: int = 1) -> Iterator[Array]:
    """Play episodes and yield a picture, uint8 (rows, cols, 3), before the first step and after every one.

    Raises:
        ParameterError: the environment gives no pictures.
    """
    count = 0
    for episode in range(episodes):
        if episode:
            batch.reset()
        yield _picture(batch)
        while not batch.rows.states["ended"][0] and count < MOST_PICTURES:
            batch.step(choose(batch))
            count += 1
            yield _picture(batch)


def _picture(batch: Batch) -> Array:
    try:
        drawn = np.asarray(drawn_by(batch).render())
        said = f"{drawn.dtype} of shape {drawn.shape}"
    except Exception as error:  # of an environment that cannot draw: anything
        drawn, said = np.zeros(0), f"nothing ({type(error).__name__}: {error})"
    if drawn.ndim != 3 or drawn.shape[2] != 3 or drawn.dtype != np.uint8:
        raise ParameterError(
            f"environment '{batch.env.name}' draws {said}, no picture of (rows, cols, 3) bytes; give the function that makes "
            "it render_mode='rgb_array'"
        )
    return drawn
