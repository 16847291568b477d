"""Train the bots that come with puffer_arena, and measure them and their levels of difficulty.

    python tools/train_bots.py                 # every game below
    python tools/train_bots.py snake --seconds 60
    python tools/train_bots.py --table         # what assets/bots holds, as a table for docs/bots.md

Each game is trained with its tuned config for a given time of one core, exported in half precision and measured on
held-out levels, against the scripted bot where training meets it; the record stands in the file's description.  A
level's rating says on Elo's scale how often an episode of it does better than one at level 10: 400 log10(p / (1 - p)),
p from 1,000 pairs of episodes.
"""

import argparse
import math
import sys
import time
from collections.abc import Iterable
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
from puffer_arena.players.player import Player, chance, scripted, versus
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
    "striker": {},
    "connect4": {"network.hidden": (128, 128)},
    "volley": {},
    "sumo": {},
    "bomber": {"network.hidden": (64, 64)},
    "hex": {"network.hidden": (128, 128)},
    "racer": {"params.cars": 2},
    "kart": {"params.cars": 2},
    "swarm": {},
    "pistons": {},
    "walker": {},
    "lander_continuous": {},
    "maze": {"network.hidden": (64,), "network.memory_size": 64},
    "doors": {"network.hidden": (64,), "network.memory_size": 64},
    "memory": {},
    "push": {"params.size": 8, "network.hidden": (64, 64)},
    "craft": {"network.hidden": (64, 64)},
    "target": {},
    "bandit": {},
    "marble": {},
    "rooms": {"params.pixels": 24, "network.hidden": (64,), "network.memory_size": 64},
}


def train(game: str, seconds: float, seed: int) -> tuple[bytes, dict[str, Any]]:
    """Train a game for some processor seconds, on one core, and return the bot, with where it comes from."""
    config = load_config(game, overrides={"seed": seed, "threads": 1, **GAMES[game]})
    trainer = make_trainer(config)
    begun = time.process_time()
    while not trainer.finished and time.process_time() - begun < seconds:
        trainer.update()
    spent = time.process_time() - begun
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
        "cores": 1,
    }
    trainer.policy.origin.update(env=game)
    data = export_policy(trainer.policy, game, record, half=True, seed=seed)
    trainer.close()
    return data, record


def is_met(game: str) -> bool:
    """Tell whether a game is won against somebody: its bot is measured against the scripted one."""
    return f"bot:{_scripted(game)}" in load_config(game).opponent.pool


def _scripted(game: str) -> str:
    return next(iter(load_env(game).bots), "")


def play(game: str, player: Player, episodes: int, params: dict[str, Any]) -> Sample:
    """Play held-out episodes, against the scripted bot where there is somebody to be beaten."""
    if not is_met(game):
        return evaluate(game, player, episodes, seed=5, params=params)
    met = versus(player, scripted(_scripted(game)), "")
    sample = evaluate(game, met, episodes, seed=5, params=params, side="")
    columns = sample.columns
    points = columns["won"] + 0.5 * columns["drawn"] if "won" in columns else columns["first"]
    return Sample({"points": points, **columns})


def at_level(bot: Bot, level: Level) -> Player:
    """Return a bot at a level as a player."""
    return Player("bot", lambda batch: bot_acting(Handicapped(bot.model, 5, level), batch), dict(bot.about["params"]))


def measure_of(columns: Iterable[str]) -> str:
    """Return the column that says how good a player is: points, or the return, of several roles the first one's."""
    return next(name for name in columns if name == "points" or name.startswith("return"))


def results(sample: Sample) -> Array:
    """Return one number an episode."""
    return sample.columns[measure_of(sample.columns)]


def rate(ours: Array, best: Array) -> float:
    """Return how strong episodes are against others on Elo's scale, kept within 800."""
    rng = np.random.default_rng(0)
    a, b = rng.choice(ours, 1000), rng.choice(best, 1000)
    share = float(np.clip((a > b).mean() + 0.5 * (a == b).mean(), 0.01, 0.99))
    return round(400.0 * math.log10(share / (1.0 - share)), 1)


def measured(game: str, data: bytes, episodes: int) -> dict[str, Any]:
    """Return strength and levels of a bot, with chance and the scripted bot beside it."""
    bot = Bot.of(data, game)
    params = dict(bot.about["params"])
    players = {"random": chance(5), "trained": at_level(bot, Level())}
    if load_env(game).bots:
        players["scripted"] = scripted(_scripted(game))
    samples = {name: play(game, player, episodes, params) for name, player in players.items()}
    strength = {
        name: {
            column: {"mean": mean, "low": bounds.low, "high": bounds.high}
            for column, (mean, bounds) in summarize(sample).items()
        }
        for name, sample in samples.items()
    }
    against = {name: strength[name] for name in strength if name != "trained"}
    held = {"episodes": samples["trained"].episodes, "levels": "held out", **strength["trained"], "beside": against}
    levels = []
    for level in usual_levels():
        sample = play(game, at_level(bot, level), max(episodes // 2, 2), params)
        rating = rate(results(sample), results(samples["trained"]))
        levels.append({**asdict(level), "rating": rating, "result": round(float(results(sample).mean()), 4)})
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
        column = measure_of(strength)
        cells = [_cell(strength["beside"].get(who, {}).get(column)) for who in ("random", "scripted")]
        ratings = ", ".join(f"{about['levels'][k]['rating']:.0f}" for k in (0, 5))
        cores = training.get("cores", 2)
        spent = f"{training['seconds']:.0f} s of {cores}, {training['steps'] / 1e6:.1f} M steps"
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
    parser.add_argument("--seconds", type=float, default=150.0, help="of one core, for training, each")
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
