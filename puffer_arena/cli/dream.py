"""`dream`: a picture of what a world model expects with its eyes shut, beside what came."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from puffer_arena.cli.output import show
from puffer_arena.core.spaces import Box, Space
from puffer_arena.errors import ParameterError, require


@dataclass
class Options:
    """Draw open-loop predictions: an episode of a held-out level, and what the model of a run makes of its beginning.

    For runs that train a world model, such as: train cartpole --algorithm dreamer.

    Examples:
        python -m puffer_arena dream newest
        python -m puffer_arena dream runs/maze-20261120-120000 --known 3 --steps 20 -o maze.png
    """

    run: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")] = "newest"
    """The run: its folder, its name, or `newest`."""
    known: int = 5
    """Observations that the model sees."""
    steps: int = 45
    """Those that it does not see."""
    seed: int = 1
    """Of the level and the actions."""
    out: Annotated[str, tyro.conf.arg(aliases=("-o",), metavar="FILE")] = "dream.png"
    """The PNG file."""
    env: str = ""
    """The game, where it is none that `list` shows: a file does not choose what is imported."""
    runs_dir: str = "runs"
    """Where run folders are."""


def run(options: Options) -> int:
    """Draw it."""
    require("torch", "train")
    from puffer_arena.render.draw.chart import save_png
    from puffer_arena.render.draw.forecast import forecast_picture
    from puffer_arena.trainers.algorithms.dreamer import Dreamer
    from puffer_arena.trainers.forecast import forecast
    from puffer_arena.trainers.runs.checkpoint import restore_trainer
    from puffer_arena.trainers.runs.find import find_checkpoint

    trainer = restore_trainer(find_checkpoint(options.run, options.runs_dir), env=options.env)
    try:
        if not isinstance(trainer, Dreamer):
            raise ParameterError(
                f"run '{options.run}' was trained by '{trainer.config.algorithm}', which has no world model; train one with: "
                f"python -m puffer_arena train {trainer.config.env} --algorithm dreamer"
            )
        found = forecast(trainer, options.known, options.steps, options.seed)
        parts = [_seen(each.space, each.truth, each.expected) for each in found]
        title = f"{trainer.batch.env.name}, after {trainer.steps:,} steps"
        try:
            save_png(forecast_picture(title, parts, options.known), Path(options.out))
        except OSError as error:
            raise ParameterError(f"'{options.out}' cannot be written: {error.strerror}") from None
    finally:
        trainer.close()
    show(f"{options.out}: {len(found[0].truth)} steps, of which the model saw {options.known}")
    return 0


def _seen(space: Space, truth: Any, expected: Any) -> Any:
    """Return a leaf as it is drawn: a grid of codes, or elements with their names."""
    from puffer_arena.render.draw.forecast import Seen

    shape = space.dtype.shape
    if isinstance(space, Box) and space.num_codes and len(shape) == 2:
        return Seen((), truth.reshape(-1, *shape), expected.reshape(-1, *shape))
    given = getattr(space, "labels", ())
    names = given if len(given) == truth.shape[1] else [f"element {k}" for k in range(truth.shape[1])]
    return Seen(names, truth, expected)
