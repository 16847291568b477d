"""Make the pictures of docs/tutorials: what their commands give, and curves of the runs that they begin.

    python tools/tutorial_pictures.py            # all of them, some fifteen minutes of two cores
    python tools/tutorial_pictures.py league     # one or more

Where a command draws by itself, its picture is kept; else the run's metrics are drawn.
"""

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from puffer_arena.render.draw.chart import curves, save_png

ROOT = Path(__file__).resolve().parent.parent
TUTORIALS = ROOT / "docs" / "tutorials"
MOST_POINTS = 16  # along a curve
Curve = list[tuple[float, float]]  # (steps, value)


def arena(folder: Path, words: str) -> None:
    """Run a command of puffer_arena in a folder."""
    run(folder, f"-m puffer_arena {words}")


def run(folder: Path, words: str) -> None:
    """Run Python in a folder, where nothing is shown."""
    print("$ python", words, flush=True)
    quiet = {**os.environ, "SDL_VIDEODRIVER": "dummy"}
    subprocess.run([sys.executable, *words.split()], cwd=folder, check=True, env=quiet)


def metric(folder: Path, name: str, key: str) -> Curve:
    """Return a metric of a run, where it had one."""
    lines = (folder / "runs" / name / "metrics.jsonl").read_text("utf-8").splitlines()
    told = [json.loads(line) for line in lines]
    return [(each["steps"], each[key]) for each in told if each.get(key) is not None]


def draw(path: Path, title: str, named: dict[str, Curve], top: float) -> None:
    """Draw curves over steps: the mean of each of some parts, and the least and the greatest in it."""
    last = max(steps for curve in named.values() for steps, _ in curve)
    points = min(MOST_POINTS, *map(len, named.values()))
    lines = [
        [
            spread([min(value, top) for steps, value in curve if last * k < points * steps <= last * (k + 1)])
            for k in range(points)
        ]
        for curve in named.values()
    ]
    labels = [f"{last * (k + 1) / points / 1000:.0f}" for k in range(points)]
    save_png(curves(title, "thousand steps", labels, list(named), lines, top), path)


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Return mean, least and greatest; all are 0 where there are none."""
    return (float(np.mean(values)), min(values), max(values)) if values else (0.0, 0.0, 0.0)


# -- scenes ----------------------------------------------------------------------------------------------


def from_python(folder: Path) -> None:
    """CartPole, learned by PPO."""
    arena(folder, "train cartpole --num-envs 64 --steps 200_000 --seed 1 --name plain")
    named = {"return": metric(folder, "plain", "episode_return")}
    draw(TUTORIALS / "train_python.png", "cartpole: mean return while it learns", named, 500.0)


def curriculum(folder: Path) -> None:
    """Success over the density of walls."""
    plain = "--network.memory none --network.hidden 64 64 --seed 1 --name mazes"
    arena(
        folder, f"train maze --param size=9 --steps 600_000 {plain} --curriculum uniform --curriculum.ranges walls=0:1"
    )
    arena(folder, "eval maze run:mazes --grid walls=0:1:6 --episodes 60 --picture walls.png")
    shutil.copy(folder / "walls.png", TUTORIALS / "curriculum.png")


def league(folder: Path) -> None:
    """Who beats whom at connect4."""
    arena(folder, "train connect4 --steps 500_000 --opponent.pool self,random --seed 1 --name fours")
    meeting = "run:fours arena:connect4 random bot:search --param depth=2 --games 40"
    arena(folder, f"tournament connect4 {meeting} --picture payoffs.png")
    shutil.copy(folder / "payoffs.png", TUTORIALS / "league.png")


def bots(folder: Path) -> None:
    """The two games that bots play in."""
    for game in ("arena", "beacons"):
        run(folder, f"{ROOT}/examples/{game}.py --bots 3 --frames 300 --picture {TUTORIALS}/{game}.png")


def offline(folder: Path) -> None:
    """What cloning the better half of a dataset comes to."""
    sizes = "--param size=7 --param distance=4 --param max_steps=30"
    arena(folder, f"record-dataset maze --player random --player bot:shortest --episodes 400 {sizes} -o mixed")
    plain = "--steps 400_000 --network.memory none --network.hidden 64 64 --seed 1"
    for name, top in (("all", 1.0), ("best", 0.5)):
        arena(folder, f"train maze --offline mixed --algorithm bc --bc.top {top} {plain} --name {name}")
    named = {"all of it": metric(folder, "all", "reached"), "better half": metric(folder, "best", "reached")}
    draw(TUTORIALS / "offline_data.png", "maze 7x7: share of episodes that reach the goal", named, 1.0)


def foreign(folder: Path) -> None:
    """Gymnasium's own CartPole, as it draws itself."""
    arena(folder, "train gymnasium:CartPole-v1 --steps 60_000 --threads 1 --seed 1 --name poles")
    arena(folder, "eval gymnasium:CartPole-v1 run:poles --episodes 10 --deterministic --video poles.gif")
    shutil.copy(folder / "poles.gif", TUTORIALS / "other_libraries.gif")


def world_model(folder: Path) -> None:
    """What a model expects beside what came."""
    arena(folder, "train cartpole --algorithm dreamer --steps 12_000 --seed 1 --name imagined")
    arena(folder, "dream imagined -o dream.png")
    shutil.copy(folder / "dream.png", TUTORIALS / "world_model.png")


def safe(folder: Path) -> None:
    """What an episode costs, and its limit."""
    learn = f"train {ROOT}/examples/minefield.py --num-envs 256 --steps 2_500_000 --seed 1 --algorithm safe_ppo"
    arena(folder, f"{learn} --safe-ppo.cost-limit 2 --safe-ppo.entropy-coef 0.03 --name safe")
    costs = metric(folder, "safe", "episode_cost")
    named = {"cost": costs, "limit": [(steps, 2.0) for steps, _ in costs]}
    draw(TUTORIALS / "safe_rl.png", "minefield: what an episode costs", named, 8.0)


def machines(folder: Path) -> None:
    """One process and two learn alike."""
    for count in (1, 2):
        arena(folder, f"train cartpole --steps 300_000 --seed 1 --nodes {count} --name by{count}")
    named = {f"nodes {count}": metric(folder, f"by{count}", "episode_return") for count in (1, 2)}
    draw(TUTORIALS / "several_machines.png", "cartpole: mean return while it learns", named, 100.0)


def sweep(folder: Path) -> None:
    """The score of every trial by its learning rate."""
    search = "--search optimizer.learning_rate=1e-4:1e-1:log --no-prune"
    arena(folder, f"sweep cartpole --trials 6 --steps 50_000 --set num_envs=64 {search}")
    with sqlite3.connect(folder / "sweeps" / "cartpole.db") as table:
        found = table.execute(
            "select param_value, value from trial_params join trial_values using (trial_id) order by param_value"
        ).fetchall()
    labels = [f"{rate:.1e}".replace("e-0", "e-") for rate, _ in found]
    line = [(score, score, score) for _, score in found]
    picture = curves("cartpole: return of every trial", "learning rate", labels, ["trials"], [line], 500.0)
    save_png(picture, TUTORIALS / "sweeps.png")


SCENES: dict[str, Callable[[Path], None]] = {
    "python": from_python,
    "curriculum": curriculum,
    "league": league,
    "bots": bots,
    "offline": offline,
    "foreign": foreign,
    "world_model": world_model,
    "safe": safe,
    "machines": machines,
    "sweep": sweep,
}


def main() -> None:
    """Make those that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help=f"some of: {', '.join(SCENES)}")
    options = parser.parse_args()
    if unknown := set(options.scenes) - set(SCENES):
        parser.error(f"unknown scene '{min(unknown)}'; there are: {', '.join(SCENES)}")
    for name in options.scenes or SCENES:
        with tempfile.TemporaryDirectory() as folder:
            SCENES[name](Path(folder))


if __name__ == "__main__":
    main()
