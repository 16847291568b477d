"""`record-dataset`: whole episodes of a game in a folder, to learn from without playing."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from puffer_arena.cli.options import read_pairs
from puffer_arena.cli.output import Waiting, show
from puffer_arena.datasets.dataset import About, Dataset
from puffer_arena.datasets.file import write_dataset
from puffer_arena.datasets.recording import record
from puffer_arena.errors import ParameterError
from puffer_arena.players.names import find_player
from puffer_arena.replay.relabel import to_dataset

MINARI = "minari:"


@dataclass
class Options:
    """Record a dataset of a game with one agent: of players, of replays, or of one of Minari's.

    Several players take turns, each with as many episodes.  People's play comes by way of replays: play --record.

    Examples:
        python -m puffer_arena record-dataset lander --player bot:autopilot --episodes 500 -o landings
        python -m puffer_arena record-dataset maze --player random --player bot:shortest -o mixed
        python -m puffer_arena record-dataset lander --replay me.mcap --replay you.mcap -o people
        python -m puffer_arena record-dataset lander --minari lander/people-v0 -o people
        python -m puffer_arena train lander --offline landings --algorithm bc
    """

    environment: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="ENV")]
    """An id of `list`, a dotted module, or a path to a .py file."""
    out: Annotated[str, tyro.conf.arg(aliases=("-o",), metavar="DIR")] = ""
    """The folder to make; or minari:NAME for a dataset of Minari's."""
    player: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """Who plays: random, bot:NAME, arena:NAME@LEVEL, run:NAME, or the file of a bot or checkpoint; may be repeated."""
    episodes: int = 500
    """How many, of all players together."""
    replay: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """Take the whole episodes of a replay instead; may be repeated."""
    minari: str = ""
    """Take one of Minari's datasets instead, by its name."""
    deterministic: bool = False
    """Players who were trained take the likeliest action instead of drawing one."""
    max_steps: int = 1_000_000
    """Give up when the episodes have not ended after so many steps of every row."""
    seed: int = 1
    """Of levels and actions."""
    param: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """A parameter of the environment as name=value; may be repeated.  A checkpoint brings its own."""
    runs_dir: str = "runs"
    """Where run folders are."""


def run(options: Options) -> int:
    """Record it, and say what it is."""
    sources = [name for name in ("player", "replay", "minari") if getattr(options, name)]
    if len(sources) != 1:
        raise ParameterError(
            "say what the dataset is made of, by one of --player, --replay and --minari"
            + (f"; given are --{' and --'.join(sources)}" if sources else "")
        )
    if not options.out:
        raise ParameterError("say where to: -o DIR, a folder to make, or -o minari:NAME")
    if options.seed < 0 or options.max_steps < 1:
        raise ParameterError("--seed is at least 0 and --max-steps at least 1")
    to_minari = options.out.startswith(MINARI)
    if not to_minari and Path(options.out).exists():
        raise ParameterError(f"'{options.out}' exists; name a folder that does not")
    make: dict[str, Callable[[Options], Dataset]] = {"player": _played, "replay": _replayed, "minari": _minari}
    dataset = make[sources[0]](options)
    if to_minari:
        from puffer_arena.adapters.minari import write_minari

        write_minari(dataset, options.out.removeprefix(MINARI))
    else:
        write_dataset(dataset, options.out)
    returns = dataset.returns
    show(
        f"{options.out}: {dataset.episodes:,} episodes, {dataset.steps:,} steps by {', '.join(dataset.about.sources)}; "
        f"mean return {returns.mean():.3f} ({returns.min():.3f} to {returns.max():.3f})"
    )
    return 0


def _played(options: Options) -> Dataset:
    players = [
        find_player(name, options.environment, options.runs_dir, options.seed + k, options.deterministic)
        for k, name in enumerate(options.player)
    ]
    params = players[0].params | read_pairs(options.param, "--param")
    with Waiting() as waiting:

        def tell(ended: int, steps: int) -> None:
            if waiting.due():
                waiting.tell(f"{ended} of {options.episodes} episodes have ended after {steps:,} steps")

        return record(
            options.environment,
            players,
            options.episodes,
            seed=options.seed,
            params=params,
            max_steps=options.max_steps,
            told=tell,
        )


def _replayed(options: Options) -> Dataset:
    if options.param:
        raise ParameterError("replays bring their parameters; leave --param out")
    return to_dataset(options.replay, options.environment)


def _minari(options: Options) -> Dataset:
    from puffer_arena.adapters.minari import read_minari

    return read_minari(options.minari, About(options.environment, read_pairs(options.param, "--param")))
