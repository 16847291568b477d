"""`verify`: whether replays are true."""

import sys
from dataclasses import dataclass
from typing import Annotated

import tyro

from puffer_arena.cli.output import naming, printable, show
from puffer_arena.errors import ArenaError, ParameterError, UnnamedEnv
from puffer_arena.replay.truth import verify

DIFFERENT, UNREADABLE = 1, 2


@dataclass
class Options:
    """Simulate replays again and say whether they play the same, to the bit.

    Exit code 1 says that one differs; its first episode, step, row and field are named.

    Examples:
        python -m puffer_arena verify best.mcap
        python -m puffer_arena verify runs/snake-1/replays/*.mcap
        python -m puffer_arena verify mine.mcap --env my_game.py
    """

    files: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="FILE...")]
    """Replays."""
    env: str = ""
    """The game, where it is none that `list` shows: a file does not choose what is imported."""


def run(options: Options) -> int:
    """Print a line for each file."""
    if not options.files:
        raise ParameterError("name the replays, such as: python -m puffer_arena verify best.mcap")
    worst = 0
    for path in options.files:
        try:
            report = verify(path, options.env)
        except ArenaError as error:
            typed = f", or: {naming(['verify', path], error.recorded)}" if isinstance(error, UnnamedEnv) else ""
            print(f"error: {printable(f'{error}{typed}')}", file=sys.stderr)
            worst = UNREADABLE
            continue
        show(printable(str(report)))
        if report.difference is not None:
            worst = max(worst, DIFFERENT)
    return worst
