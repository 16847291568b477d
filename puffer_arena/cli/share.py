"""`share`: a replay for those who have not got puffer_arena, or for other libraries."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from puffer_arena.cli.output import show
from puffer_arena.errors import ParameterError
from puffer_arena.replay.reader import Replay
from puffer_arena.replay.relabel import to_dataset

MINARI = "minari:"


@dataclass
class Options:
    """Turn a replay into a GIF, an MP4, one HTML file that plays in any browser, or a Minari dataset.

    Examples:
        python -m puffer_arena share landing.mcap landing.html
        python -m puffer_arena share landing.mcap landing.mp4 --width 720
        python -m puffer_arena share snake.mcap snake.gif --first 100 --last 300 --row 2
        python -m puffer_arena share people.mcap minari:snake/people-v0
    """

    file: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")]
    """The replay."""
    to: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="TO")]
    """A file that ends in .gif, .mp4 or .html, or minari:NAME for a dataset of its whole episodes."""
    row: int | None = None
    """The recorded environment; the first by default."""
    first: int = 0
    """The step to begin at."""
    last: int | None = None
    """The step to end at; the last one by default."""
    width: int = 480
    """Of the picture, in pixels."""
    speed: float = 1.0
    """1 is natural speed."""
    env: str = ""
    """The game, where it is none that `list` shows: a file does not choose what is imported."""


def run(options: Options) -> int:
    """Write it."""
    if options.to.startswith(MINARI):
        from puffer_arena.adapters.minari import write_minari

        name = options.to.removeprefix(MINARI)
        count = write_minari(to_dataset([options.file], options.env), name)
        show(f"{count} episodes in the Minari dataset {name}")
        return 0
    from puffer_arena.render.export.page import write_html
    from puffer_arena.render.export.pictures import Part, write_gif, write_mp4

    kinds = {".gif": write_gif, ".mp4": write_mp4, ".html": write_html}
    target = Path(options.to)
    if target.suffix not in kinds:
        raise ParameterError(
            f"'{options.to}' is nothing that a replay can be turned into; end it in {', '.join(kinds)}, or write minari:NAME"
        )
    if target.exists():
        raise ParameterError(f"'{target}' exists; name another file")
    part = Part(options.row, options.first, options.last, options.width, options.speed)
    with Replay(options.file, options.env) as replay:
        count = kinds[target.suffix](replay, target, part)
    show(f"{target}: {count} pictures, {target.stat().st_size / 1e6:.2f} MB")
    return 0
