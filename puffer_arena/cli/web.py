"""`web`: games as a page that plays them in a browser."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from puffer_arena.browser.page import write_page
from puffer_arena.cli.output import show
from puffer_arena.errors import ParameterError


@dataclass
class Options:
    """Write one HTML file that plays games in a browser, their rules compiled to WebAssembly; no server is needed.

    Examples:
        python -m puffer_arena web snake tag -o arcade.html
        python -m puffer_arena web my_game.py
    """

    environments: Annotated[list[str], tyro.conf.Positional, tyro.conf.arg(metavar="ENV")]
    """Names, or .py files of yours: games of rules alone, or with bodies that pymunk moves."""
    to: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("arcade.html")
    """The page."""
    title: str = "puffer_arena"
    """Of the page."""


def run(options: Options) -> int:
    """Write it."""
    if not options.environments:
        raise ParameterError("name the games of the page, such as: web snake tag")
    if options.to.exists():
        raise ParameterError(f"'{options.to}' exists; name another file")
    size = write_page(options.to, options.environments, options.title)
    count = len(options.environments)
    show(f"{options.to}: {count} game{'s' * (count > 1)}, {size / 1e6:.2f} MB; open it in a browser")
    return 0
