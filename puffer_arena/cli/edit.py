"""`edit`: a person draws a level."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from puffer_arena.cli.options import read_pairs


@dataclass
class Options:
    """Draw a level: paint cells, move things, play it at once, save it as a file that a person can read.

    Examples:
        python -m puffer_arena edit maze
        python -m puffer_arena edit maze --param size=9
        python -m puffer_arena edit maze levels/maze-20261128-120000.toml
        python -m puffer_arena edit lander

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


def run(options: Options) -> int:
    """Open the window and draw until it is closed."""
    from puffer_arena.render.editor.show import edit

    params = read_pairs(options.param, "--param")
    edit(options.env, options.file, level=options.level, params=params, folder=options.folder)
    return 0
