"""Naming players: one way for every command and for training.

random                  chance
bot:greedy              a scripted bot of the environment
arena:snake@7           a trained bot that comes with puffer_arena, at a difficulty from 0 to 10; best without
run:NAME                the newest checkpoint of a run, by its name
newest, run:newest      that of the newest run
run:newest#self@4096    a snapshot in that run's pool of opponents; run:newest#runner/self@4096 one in the second role's
path/to/file            a bot's file, a checkpoint or a policy; a run's folder for its newest checkpoint
"""

import importlib
import json
from importlib import resources
from pathlib import Path
from typing import Any

from puffer_arena.bots.bot import Bot
from puffer_arena.bots.difficulty import BEST, Handicapped
from puffer_arena.bots.file import KIND, read_file
from puffer_arena.errors import ParameterError, UnknownName, require, suggest
from puffer_arena.players.bots import bot_player
from puffer_arena.players.player import Player, chance, scripted
from puffer_arena.registry import choose_env, env_name, load_env

BUNDLED = "puffer_arena.assets"
# Checkpoints are the trainers' own, who know of players; so what opens them is named here, not imported.
POLICIES = "puffer_arena.trainers.playing"
MOST_HEADER = 1 << 20  # bytes of a file in which its kind must be said


def find_player(name: str, env: str, runs_dir: str = "runs", seed: int = 1, deterministic: bool = False) -> Player:
    """Return who is meant by a name.

    Args:
        name: see the module's docstring.
        env: the environment to play, as a person named it.
        runs_dir: where run folders are.
        seed: of what it draws.
        deterministic: whoever was trained takes the likeliest action.

    Raises:
        UnknownName: nobody answers to it.
        ParameterError: they are of another environment.
        FileError: a file is damaged.
    """
    kind, colon, rest = name.partition(":")
    if name == "random":
        return chance(seed)
    if colon and kind == "bot":
        load_env(env).find_bot(rest)
        return scripted(rest)
    if colon and kind == "arena":
        return bot_player(bundled_bot(rest), env, seed, deterministic, is_bundled=True)
    if (run := run_named(name)) is not None:
        return run_player(run, env, runs_dir, seed, deterministic)
    path = Path(name)
    if not path.is_file():
        raise UnknownName(f"unknown player '{name}': there is no such file; {hint(name, env)}")
    if is_bot(path):
        return bot_player(Bot.load(path), env, seed, deterministic)
    player: Player = policies().policy_player(path, env, seed, deterministic)
    return player


def env_of(name: str) -> str:
    """Return the environment of a player whose name or file tells it, "" where neither does.

    Raises:
        UnnamedEnv: the file's environment does not come with puffer_arena, so that the person has to name it.
        FileError: the file is damaged.
    """
    kind, colon, rest = name.partition(":")
    if colon and kind == "arena":
        return rest.partition("@")[0]
    path = Path(name)
    if not path.is_file():
        return ""
    if is_bot(path):
        origin = Bot.load(path).about["env"]
        return choose_env(origin["id"], origin["rules"], "", f"'{name}'")
    return str(policies().policy_env(path))


def run_named(name: str) -> str | None:
    """Return the run that a name means, below where runs are: run:NAME, newest, or a run's folder; None where none."""
    kind, colon, rest = name.partition(":")
    if colon and kind == "run":
        return rest
    return name if Path(name).is_dir() or (name == "newest" and not Path(name).is_file()) else None


def run_player(name: str, env: str, runs_dir: str, seed: int, deterministic: bool) -> Player:
    """Return the newest policy of a run, by its folder or its name below `runs_dir`."""
    player: Player = policies().run_player(name, env, runs_dir, seed, deterministic)
    return player


def policies() -> Any:
    """Return the module that makes players of runs and checkpoints.

    Raises:
        MissingExtra: torch is not installed.
    """
    require("torch", "train")
    return importlib.import_module(POLICIES)


def is_bot(path: Path) -> bool:
    """Tell whether a file says that it is a bot's."""
    with path.open("rb") as file:
        start = file.read(MOST_HEADER)
    return json.dumps(KIND).encode() in start


def bundled() -> list[str]:
    """Return the names of the trained bots that come with puffer_arena, sorted."""
    folder = resources.files(BUNDLED) / "bots"
    if not folder.is_dir():
        return []
    return sorted(entry.name.removesuffix(".bot") for entry in folder.iterdir() if entry.name.endswith(".bot"))


def bundled_bot(name: str) -> Bot:
    """Return a bundled bot, "snake" or "snake@7" with a difficulty.

    Raises:
        UnknownName: there is none of that name.
        ParameterError: a difficulty that is none.
    """
    game, at, level = name.partition("@")
    bot = Bot.of(bot_file(f"arena:{game}")[1], f"arena:{game}")
    if not at:
        return bot
    if not (level.isascii() and level.isdigit() and 0 <= int(level) <= BEST):
        raise ParameterError(f"'arena:{name}': a difficulty is a whole number from 0 to {BEST}")
    return Handicapped(bot.model, level=int(level))


def bot_file(name: str) -> tuple[str, bytes]:
    """Return the name and the bytes of the bot's file that somebody named: a path, or "arena:snake".

    Raises:
        UnknownName: there is none; what makes one is said.
        ParameterError: a level of difficulty of a bot; a file holds all of them.
        FileError: it cannot be read.
    """
    kind, colon, rest = name.partition(":")
    if colon and kind == "arena":
        game, at, _ = rest.partition("@")
        if at:
            raise ParameterError(f"'{name}': a bot's file holds all levels, not one; write arena:{game}")
        if game not in bundled():
            raise UnknownName(f"no trained bot '{game}' comes with puffer_arena; {suggest(game, bundled())}")
        return f"{game}.bot", (resources.files(BUNDLED) / "bots" / f"{game}.bot").read_bytes()
    path = Path(name)
    if path.is_file():
        return path.name, read_file(path)
    if path.is_dir() or (colon and kind == "run"):
        raise UnknownName(
            f"'{name}' is no bot's file yet; make one with: python -m puffer_arena export {name} -o my.bot"
        )
    raise UnknownName(f"'{name}' is no bot's file; give the path of one, or arena:NAME for one that comes along")


def hint(name: str, env: str) -> str:
    """Return what might have been meant by a name that nobody answers to."""
    known = ["random", "run:newest", *(f"bot:{bot}" for bot in load_env(env).bots)]
    known += [f"arena:{bot}" for bot in bundled() if bot == env_name(env)]
    return suggest(name, known)
