"""Train the bots that come with puffer_arena, and measure them and their levels of difficulty.

    python tools/train_bots.py                 # every game below
    python tools/train_bots.py snake --seconds 60
    python tools/train_bots.py snake --measure # strength and levels anew
    python tools/train_bots.py --names         # names of what they see and do anew, as the games have them now
    python tools/train_bots.py --table         # what assets/bots holds, as a table for docs/bots.md

Each game is trained with its tuned config for a given time of one core, exported in half precision and measured on
held-out levels, against the scripted bot where training meets it; the record stands in the file's description.  What
it had learned after a tenth and a third of the time goes along as material for its levels of difficulty, if there is
room; see `puffer_arena.players.calibrate`.
"""

import argparse
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from puffer_arena.bots.bot import Bot
from puffer_arena.core.params import pair_text
from puffer_arena.machine.files import write_bytes
from puffer_arena.players.calibrate import calibrate, rating_in
from puffer_arena.players.described import describe, difference
from puffer_arena.players.strength import measure_of, measure_strength
from puffer_arena.registry import load_env
from puffer_arena.trainers.config import load_config
from puffer_arena.trainers.export.bot import export_policy, meets_scripted, with_earlier, with_measured
from puffer_arena.trainers.export.origin import setting_words
from puffer_arena.trainers.runs.find import EARLIER
from puffer_arena.trainers.trainer import make_trainer

FOLDER = Path(__file__).parent.parent / "assets" / "bots"
MOST_BYTES = 200_000
ROOM = 8_000  # of them for what is measured

GAMES: dict[str, dict[str, Any]] = {  # what is changed of the tuned config, to fit into minutes and 200 kB
    "snake": {"network.hidden": (64, 64)},
    "cartpole": {},
    "lander": {},
    "tag": {"network.hidden": (64, 64)},
    "squared": {},
    "striker": {},
    "connect4": {
        "network.hidden": (192, 192),
        "params": {"depth": 4, "opening": 2},
        "curriculum.method": "uniform",
        "curriculum.ranges": {"depth": "3:4", "opening": "2:4"},
        "opponent.share": 0.5,
        "total_steps": 15_000_000,
    },
    "volley": {"total_steps": 4_000_000},
    "sumo": {},
    "bomber": {"network.hidden": (64, 64), "total_steps": 3_400_000},
    "hex": {"network.hidden": (128, 128), "total_steps": 8_000_000},
    "racer": {"params": {"cars": 2}, "total_steps": 2_700_000},
    "kart": {"params": {"cars": 2}},
    "swarm": {},
    "pistons": {},
    "walker": {},
    "lander_continuous": {},
    "maze": {"network.hidden": (64,), "network.memory_size": 64, "total_steps": 7_000_000},
    "doors": {"network.hidden": (64,), "network.memory_size": 64, "total_steps": 8_400_000},
    "memory": {},
    "push": {
        "network.hidden": (128, 128),
        "params": {"size": 8, "boxes": 2, "pulls": 16},
        "curriculum.method": "uniform",
        "curriculum.ranges": {"boxes": "1:2", "pulls": "1:12"},
        "total_steps": 14_000_000,
    },
    "craft": {"network.hidden": (64, 64), "total_steps": 10_000_000},
    "target": {},
    "bandit": {},
    "marble": {},
    "rooms": {
        "network.hidden": (64,),
        "network.channels": (16, 32),
        "network.memory_size": 80,
        "total_steps": 25_000_000,
    },
    "hideseek": {"params": {"size": 10.0, "prepare": 30, "max_steps": 120}, "total_steps": 1_600_000},
}


def train(game: str, seconds: float, seed: int) -> tuple[bytes, list[bytes]]:
    """Train a game for some processor seconds, on one core, and return the bot, and what had been learned before."""
    config = load_config(game, overrides={"seed": seed, "threads": 1, **GAMES[game]})
    trainer = make_trainer(config)
    trainer.policy.origin.update(env=game)
    changed = " ".join(part for key, value in GAMES[game].items() for part in option(key, value))
    begun, exporting = time.process_time(), 0.0

    def spent() -> float:
        return time.process_time() - begun - exporting

    def exported() -> bytes:
        record = {
            "command": f"python tools/train_bots.py {game} --seconds {seconds:g} --seed {seed}",
            "settings": changed,
            "algorithm": config.algorithm,
            "seed": seed,
            "steps": trainer.steps,
            "seconds": round(spent(), 1),
            "cores": 1,
        }
        return export_policy(trainer.policy, game, record, half=True, seed=seed)

    earlier: list[bytes] = []
    while not trainer.finished and spent() < seconds:
        trainer.update()
        done = max(trainer.steps / config.total_steps, spent() / seconds)
        if len(earlier) < len(EARLIER) and done >= EARLIER[len(earlier)]:
            before = time.process_time()
            earlier.append(exported())
            exporting += time.process_time() - before
    data = exported()
    trainer.close()
    return data, earlier


def option(key: str, value: Any) -> list[str]:
    """Return a setting as `train` takes it."""
    if isinstance(value, dict):
        name = "--param" if key == "params" else f"--{key}"
        return [f"{name} {pair_text(*pair)}" for pair in value.items()]
    return [" ".join(setting_words(key, value))]


def fitting(data: bytes, earlier: list[bytes]) -> bytes:
    """Return a bot's file with as many earlier policies as there is room for, the latest of them first."""
    for left_out in range(len(earlier)):
        whole = with_earlier(data, earlier[left_out:])
        if len(whole) <= MOST_BYTES - ROOM:
            return whole
    return data


def measured(game: str, data: bytes, episodes: int) -> dict[str, Any]:
    """Return strength and levels of a bot, with chance and the scripted bot beside it."""
    bot, meets = Bot.of(data, game), meets_scripted(game)
    levels = calibrate(bot, rating_in(game, bot, max(episodes // 4, 2), bot.about["params"], meets))
    return {"strength": measure_strength(game, bot, episodes, meets), "levels": [asdict(level) for level in levels]}


def named(game: str, data: bytes) -> bytes:
    """Return a bot's file with the names that its game gives now to what it sees and does."""
    about, rules = Bot.of(data, game).about, load_env(game)
    params = rules.build_params(about["params"])
    spaces = {"observation": rules.observation.resolve(params), "action": rules.action.resolve(params)}
    for what, space in spaces.items():
        if changed := difference(about[what], describe(space)):
            sys.exit(f"{game} has another {what} than its bot learned ({changed}); train it anew")
        take_names(about[what], describe(space))
    return with_measured(data, {what: about[what] for what in spaces})


def take_names(tree: dict[str, Any], now: dict[str, Any]) -> None:
    """Write the names of one description into another of the same parts."""
    if "parts" not in tree:
        tree["names"] = now["names"]
        return
    for each in tree["parts"] if isinstance(tree["parts"], dict) else range(len(tree["parts"])):
        take_names(tree["parts"][each], now["parts"][each])


def table() -> str:
    """Return what assets/bots holds."""
    lines = [
        "| game | random | scripted | trained | trained for | levels 0, 3, 6, 9 | size |",
        "|---|---|---|---|---|---|---|",
    ]
    for path in sorted(FOLDER.glob("*.bot")):
        bot = Bot.load(path)
        about = bot.about
        strength, training = about["strength"], about["training"]
        column = measure_of(strength)
        cells = [_cell(strength["beside"].get(who, {}).get(column)) for who in ("random", "scripted")]
        ratings = ", ".join(f"{about['levels'][k]['rating']:.0f}" for k in (0, 3, 6, 9))
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
    parser.add_argument("--measure", action="store_true", help="measure what there is anew, and train nothing")
    parser.add_argument("--names", action="store_true", help="take the games' names anew, and train nothing")
    parser.add_argument("--table", action="store_true", help="print what there is, and train nothing")
    given = parser.parse_args()
    if given.table:
        print(table())
        sys.exit()
    torch.set_num_threads(1)
    known = sorted(path.stem for path in FOLDER.glob("*.bot")) if given.measure or given.names else list(GAMES)
    for game in given.games or known:
        if game not in known:
            parser.error(f"unknown game '{game}'; there are {', '.join(known)}")
        path = FOLDER / f"{game}.bot"
        if given.names:
            write_bytes(path, named(game, path.read_bytes()))
            continue
        data = path.read_bytes() if given.measure else fitting(*train(game, given.seconds, given.seed))
        data = with_measured(data, measured(game, data, given.episodes))
        if len(data) > MOST_BYTES:
            sys.exit(f"{path.name} has {len(data)} bytes; at most {MOST_BYTES} are allowed")
        FOLDER.mkdir(exist_ok=True)
        write_bytes(path, data)
        about = Bot.of(data, game).about
        record, ratings = about["training"], [round(level["rating"]) for level in about["levels"]]
        trained = f"{record['steps'] / 1e6:.1f} M steps in {record['seconds']} s"
        print(f"{game}: {trained}, {len(data) / 1000:.0f} kB, levels {ratings}", flush=True)
