"""Pictures of an environment of another library, which draws itself, while somebody plays."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.make import make
from puffer_arena.core.fields import Array
from puffer_arena.errors import ParameterError
from puffer_arena.foreign.picture import take_picture
from puffer_arena.registry import drawn_id, is_foreign

MOST_PICTURES = 10_000


def open_film(env_id: str, params: Mapping[str, Any], seed: int) -> Batch:
    """Return a batch of one row, on held-out levels, whose environment draws itself.

    Raises:
        ParameterError: it is none of another library's, or gives no pictures.
        ArenaError: see `make`.
    """
    if not is_foreign(env_id):
        raise ParameterError(
            f"'{env_id}' is puffer_arena's own: --record keeps its episodes, and `share` makes a video"
        )
    return make(drawn_id(env_id), 1, seed, split="held_out", autoreset="disabled", **params)


def film(batch: Batch, choose: Callable[[Batch], Array], episodes: int = 1) -> Iterator[Array]:
    """Play episodes and yield a picture, uint8 (rows, cols, 3), before the first step and after every one.

    Raises:
        ParameterError: the environment gives no pictures.
    """
    row, count = batch.stepper.pool.part.rows[0], 0
    for episode in range(episodes):
        if episode:
            batch.reset()
        yield take_picture(row.env, batch.env.name)
        while not batch.rows.states["ended"][0] and count < MOST_PICTURES:
            batch.step(choose(batch))
            count += 1
            yield take_picture(row.env, batch.env.name)
