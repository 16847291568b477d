"""`replay`: scrub through what happened, and play on from any frame."""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from puffer_arena.cli.recording import FOLDER
from puffer_arena.cli.seats import list_sitters
from puffer_arena.errors import ParameterError, UnknownName
from puffer_arena.players.names import find_player
from puffer_arena.replay.reader import Replay
from puffer_arena.trainers.runs.find import find_run

MOST_BESIDE = 4


@dataclass
class Options:
    """Open replays in a window: a timeline to scrub, episodes and events marked, any frame to go on from.

    Examples:
        python -m puffer_arena replay newest
        python -m puffer_arena replay landing.mcap
        python -m puffer_arena replay runs/snake-20261120-120000
        python -m puffer_arena replay before.mcap after.mcap
        python -m puffer_arena replay mine.mcap --env my_game.py

    Keys: Space plays, arrows step, N next event, B best episode, F takes over from here; H lists all.
    """

    files: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="FILE|RUN|newest")] = ("newest",)
    """Replays, or runs for their newest one; several are shown beside each other, step for step."""
    env: str = ""
    """The game, where it is none that `list` shows: a file does not choose what is imported."""
    bot: str | None = None
    """Who steers in branches what you do not: a scripted bot, a checkpoint or run, or what else `play --bot` takes."""
    palette: str = "dark"
    """The colours: dark, light, or safe for eyes that tell few apart."""
    runs_dir: str = "runs"
    """Where run folders are."""


def run(options: Options) -> int:
    """Show the window until it is closed."""
    from puffer_arena.render.draw.palette import choose_palette
    from puffer_arena.render.replay.show import show_replays

    choose_palette(options.palette)
    if len(options.files) > MOST_BESIDE:
        raise ParameterError(f"{len(options.files)} replays beside each other; at most {MOST_BESIDE}")
    paths = [find_replay(name, options.runs_dir) for name in options.files]
    with contextlib.ExitStack() as stack:
        replays = [stack.enter_context(Replay(path, options.env)) for path in paths]
        for replay in replays:
            print(f"replay {replay.path}: {replay.steps} steps, {len(replay.episodes)} episodes", flush=True)
        if options.bot is not None:
            find_player(options.bot, replays[0].env_id, options.runs_dir)  # a wrong name is told at once
        sitters = list_sitters(replays[0].env_id, options.runs_dir, options.bot, run_of(paths[0]))
        with contextlib.suppress(KeyboardInterrupt):  # closing the window from the terminal is no error
            show_replays(replays, sitters=sitters)
    return 0


def run_of(replay: Path) -> Path | None:
    """Return the folder of the run that recorded a replay, where it lies there."""
    folder = replay.resolve().parent.parent
    return folder if replay.resolve().parent.name == FOLDER and (folder / "config.json").is_file() else None


def find_replay(name: str, runs_dir: str) -> Path:
    """Return the file that a person means: a file, or the newest of a run, or of all.

    Raises:
        UnknownName: there is none.
    """
    if Path(name).is_file() or name.endswith(".mcap"):
        return Path(name)
    if name == "newest":
        places = [*Path(runs_dir).glob(f"*/{FOLDER}/*.mcap"), *Path("recordings").glob("*.mcap")]
        where = f"'{runs_dir}' or 'recordings'"
    else:
        folder = find_run(name, runs_dir)
        places, where = list((folder / FOLDER).glob("*.mcap")), f"run '{folder}'"
    if not places:
        raise UnknownName(
            f"there is no replay in {where}; record one with: python -m puffer_arena train snake --record, "
            "or with F9 in play"
        )
    return max(places, key=lambda path: path.stat().st_mtime)
