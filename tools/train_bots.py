"""Train the bots that come with puffer_arena, and measure them and their levels of difficulty.

    python tools/train_bots.py                 # every game below
    python tools/train_bots.py snake --seconds 60
    python tools/train_bots.py --table         # what assets/bots holds, as a table for docs/bots.md

Each game is trained with its tuned config for a given time, exported in half precision and measured on held-out
levels; the record stands in the file's description.  A level's rating says on Elo's scale how often an episode of it
does better than one at level 10: 400 log10(p / (1 - p)), p from 1,000 pairs of episodes.
"""

import argparse
import math
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from puffer_arena.bots.bot import Bot
from puffer_arena.bots.difficulty import Handicapped, Level, usual_levels
from puffer_arena.core.fields import Array
from puffer_arena.machine.files import write_bytes
from puffer_arena.players.bots import bot_acting
from puffer_arena.players.evaluate import Sample, evaluate, summarize
from puffer_arena.players.player import Player, chance, scripted
from puffer_arena.registry import load_env
from puffer_arena.trainers.config import load_config
from puffer_arena.trainers.export.bot import export_policy, with_measured
from puffer_arena.trainers.trainer import make_trainer

FOLDER = Path(__file__).parent.parent / "assets" / "bots"
MOST_BYTES = 200_000


GAMES: dict[str, dict[str, Any]] = {  # what is changed of the tuned config, to fit into minutes and 200 kB
    "snake": {"network.hidden": (64, 64)},
    "cartpole": {},
    "lander": {},
    "tag": {"network.hidden": (64, 64)},
    "squared": {},
}


def train(game: str, seconds: float, seed: int) -> tuple[bytes, dict[str, Any]]:
    """Train a game for some time and return the bot, with where it comes from."""
    config = load_config(game, overrides={"seed": seed, "threads": 2, **GAMES[game]})
    trainer = make_trainer(config)
    begun = time.perf_counter()
    while not trainer.finished and time.perf_counter() - begun < seconds:
        trainer.update()
    spent = time.perf_counter() - begun
    changed = " ".join(
        f"--{key.replace('_', '-')} {' '.join(map(str, value)) if isinstance(value, tuple) else value}"
        for key, value in GAMES[game].items()
    )
    record = {
        "command": f"python tools/train_bots.py {game} --seconds {seconds:g} --seed {seed}",
        "settings": changed,
        "algorithm": config.algorithm,
        "seed": seed,
        "steps": trainer.steps,
        "seconds": round(spent, 1),
    }
    trainer.policy.origin.update(env=game)
    data = export_policy(trainer.policy, game, record, half=True, seed=seed)
    trainer.close()
    return data, record


def play(game: str, player: Player, episodes: int) -> Sample:
    """Play held-out episodes."""
    return evaluate(game, player, episodes, seed=5)


def at_level(bot: Bot, level: Level) -> Player:
    """Return a bot at a level as a player."""
    return Player("bot", lambda batch: bot_acting(Handicapped(bot.model, 5, level), batch), dict(bot.about["params"]))


def returns(sample: Sample) -> Array:
    """Return one number an episode: the return, with several agents that of the first role."""
    return next(values for name, values in sample.columns.items() if name.startswith("return"))


def rate(ours: Array, best: Array) -> float:
    """Return how strong episodes are against others on Elo's scale, kept within 800."""
    rng = np.random.default_rng(0)
    a, b = rng.choice(ours, 1000), rng.choice(best, 1000)
    share = float(np.clip((a > b).mean() + 0.5 * (a == b).mean(), 0.01, 0.99))
    return round(400.0 * math.log10(share / (1.0 - share)), 1)


def measured(game: str, data: bytes, episodes: int) -> dict[str, Any]:
    """Return strength and levels of a bot, with chance and the scripted bot beside it."""
    bot = Bot.of(data, game)
    players = {"random": chance(5), "trained": at_level(bot, Level())}
    if load_env(game).bots:
        players["scripted"] = scripted(next(iter(load_env(game).bots)))
    samples = {name: play(game, player, episodes) for name, player in players.items()}
    strength = {
        name: {
            column: {"mean": mean, "low": bounds.low, "high": bounds.high}
            for column, (mean, bounds) in summarize(sample).items()
        }
        for name, sample in samples.items()
    }
    best = returns(samples["trained"])
    levels = []
    for level in usual_levels():
        sample = play(game, at_level(bot, level), max(episodes // 2, 2))
        mean = float(returns(sample).mean())
        levels.append({**asdict(level), "rating": rate(returns(sample), best), "return": round(mean, 4)})
    against = {name: strength[name] for name in strength if name != "trained"}
    held = {"episodes": samples["trained"].episodes, "levels": "held out", **strength["trained"], "beside": against}
    return {"strength": held, "levels": levels}


def table() -> str:
    """Return what assets/bots holds."""
    lines = [
        "| game | random | scripted | trained | trained for | level 0, 5 | size |",
        "|---|---|---|---|---|---|---|",
    ]
    for path in sorted(FOLDER.glob("*.bot")):
        bot = Bot.load(path)
        about = bot.about
        strength, training = about["strength"], about["training"]
        column = next(name for name in strength if name.startswith("return"))
        cells = [_cell(strength["beside"].get(who, {}).get(column)) for who in ("random", "scripted")]
        ratings = ", ".join(f"{about['levels'][k]['rating']:.0f}" for k in (0, 5))
        spent = f"{training['seconds']:.0f} s, {training['steps'] / 1e6:.1f} M steps"
        size = f"{path.stat().st_size / 1000:.0f} kB"
        lines.append(" | ".join([f"| {path.stem}", *cells, _cell(strength[column]), spent, ratings, f"{size} |"]))
    return "\n".join(lines)


def _cell(measure: Any) -> str:
    return f"{measure['mean']:.2f} [{measure['low']:.2f}, {measure['high']:.2f}]" if measure else "-"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n\n")[2], formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("games", nargs="*", metavar="GAME", help=f"of {', '.join(GAMES)}; all by default")
    parser.add_argument("--seconds", type=float, default=150.0, help="of training, each")
    parser.add_argument("--episodes", type=int, default=400, help="by which each is measured")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--table", action="store_true", help="print what there is, and train nothing")
    given = parser.parse_args()
    if given.table:
        print(table())
        sys.exit()
    torch.set_num_threads(1)
    for game in given.games or GAMES:
        if game not in GAMES:
            parser.error(f"unknown game '{game}'; there are {', '.join(GAMES)}")
        data, record = train(game, given.seconds, given.seed)
        data = with_measured(data, measured(game, data, given.episodes))
        if len(data) > MOST_BYTES:
            sys.exit(f"{game}.bot has {len(data)} bytes; at most {MOST_BYTES} are allowed")
        FOLDER.mkdir(exist_ok=True)
        write_bytes(FOLDER / f"{game}.bot", data)
        print(
            f"{game}: {record['steps'] / 1e6:.1f} M steps in {record['seconds']} s, {len(data) / 1000:.0f} kB",
            flush=True,
        )
