"""`edit`: a person draws a level."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from puffer_arena.cli.options import read_pairs
from puffer_arena.errors import ParameterError


@dataclass
class Options:
    """Draw a level: paint cells, move things, play it at once, save it as a file that a person can read.

    Examples:
        python -m puffer_arena edit maze
        python -m puffer_arena edit maze --param size=9
        python -m puffer_arena edit maze levels/maze-20261128-120000.toml
        python -m puffer_arena edit lander
        python -m puffer_arena edit maze --weight 0.5

    Keys: H lists them.
    """

    env: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="ENV")]
    """An id of `list`, a dotted module, or a path to a .py file."""
    file: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")] = ""
    """The level to begin with, a .toml or .json file."""
    level: int = 0
    """The game's own level to begin with, where there is no file."""
    param: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """A parameter of the environment as name=value; may be repeated."""
    folder: str = "levels"
    """Where levels are saved, and opened from."""
    weight: float = 0.2
    """The share of a run's episodes that begin at drawn levels, once one was sent there (T)."""
    runs_dir: str = "runs"
    """Where runs are looked for: T sends the level to the newest that trains in this game, B lets the policy of the
    newest play it."""


def run(options: Options) -> int:
    """Open the window and draw until it is closed."""
    from puffer_arena.cli.seats import list_sitters, newest_run
    from puffer_arena.cli.sending import Sender
    from puffer_arena.render.editor.show import edit

    if not 0.0 < options.weight <= 1.0:
        raise ParameterError(f"--weight is {options.weight}; it is above 0, at most 1")
    params, sender = read_pairs(options.param, "--param"), Sender(options.env, options.runs_dir, options.weight)
    sitters = list_sitters(options.env, options.runs_dir, run=newest_run(options.env, options.runs_dir))
    try:
        edit(
            options.env,
            options.file,
            level=options.level,
            params=params,
            folder=options.folder,
            trainer=sender,
            sitters=sitters,
        )
    finally:
        sender.close()
    return 0
