"""`check`: whether a game keeps the laws that every environment owes."""

import json
from dataclasses import dataclass
from typing import Annotated

import tyro

from puffer_arena.cli.options import read_pairs
from puffer_arena.cli.output import fill, show, width
from puffer_arena.laws.check import Finding, check, line

BROKEN = 1  # exit code


@dataclass
class Options:
    """Try a game on the laws that every environment owes: one line for each, and exit code 1 where one is broken.

    Examples:
        python -m puffer_arena check my_game.py
        python -m puffer_arena check snake --param rows=5
        python -m puffer_arena check my_game.py --law masks --law drawing
    """

    env: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="ENV")]
    """An id of `list`, a dotted module, or a path to a .py file."""
    law: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """A law to try, instead of all; may be repeated."""
    param: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """A parameter of the environment as name=value; may be repeated."""
    json: bool = False
    """Print one JSON object instead of lines."""


def run(options: Options) -> int:
    """Print what comes of each law as soon as it is known."""
    columns = width()

    def tell(finding: Finding) -> None:
        for text in line(finding).split("\n"):
            show(fill(text, columns, 22))

    if not options.json:
        show(options.env)
    told = None if options.json else tell
    report = check(options.env, options.law, told, **read_pairs(options.param, "--param"))
    if options.json:
        found = [{"law": each.law.name, "holds": each.holds, "said": each.said} for each in report.findings]
        show(json.dumps({"env": report.env, "ok": report.ok, "laws": found}))
    else:
        show(report.summary)
    return 0 if report.ok else BROKEN
