"""Measure learning: python tools/bench_games.py [GAME ...] [--seeds N] [--minutes M] [--cores N] [--verbose]

Trains each game with its tuned config, and now and then plays held-out levels with the likeliest actions, in craft, bomber
and rooms with actions drawn from the policy.  The seconds run from before the trainer is made to the first such look that
meets the criterion, or to the end of what is allowed; the looks themselves are left out.  Grid games have five seeds, the
others three.  A game's course is that of its config (`assets/configs`).
"""

import argparse
import statistics
import time
from dataclasses import dataclass, field
from typing import Any

from measure import machine, report

from puffer_arena.players.evaluate import evaluate
from puffer_arena.players.player import Player, scripted, versus
from puffer_arena.players.strength import points_of
from puffer_arena.trainers.actor import Actor
from puffer_arena.trainers.algorithms.algorithm import Algorithm
from puffer_arena.trainers.config import load_config
from puffer_arena.trainers.playing import acting
from puffer_arena.trainers.trainer import make_trainer

EPISODES = 256  # in one look, one a row
LOOKS = 30  # at most, in the time that is allowed


@dataclass(frozen=True)
class Task:
    """What a game's agent has to reach."""

    column: str  # of `eval`, or "points" of a game; its mean over held-out episodes
    wanted: float
    minutes: float
    opponent: str = ""  # a scripted bot
    seeds: int = 3
    drawn: bool = False  # actions, from the policy
    settings: dict[str, Any] = field(default_factory=dict)  # beside its config


SHORT = {"size": 10.0, "prepare": 30, "max_steps": 120}
TASKS = {
    "lander": Task("landed", 0.9, 5),
    "walker": Task("crossed", 0.9, 15),
    "marble": Task("finished", 0.9, 10),
    "striker": Task("won", 0.8, 15, opponent="footballer"),
    "sumo": Task("first", 0.5, 5, opponent="rikishi"),
    "pistons": Task("finished", 0.9, 5),
    "volley": Task("won", 0.7, 10, opponent="spiker"),
    "swarm": Task("fed", 0.9, 10),
    "racer": Task("finished", 0.9, 10),
    "kart": Task("finished", 0.9, 10),
    "rooms": Task("found", 0.8, 30, drawn=True),
    "hideseek": Task("points", 0.4, 10, opponent="child", settings={"params": SHORT}),
    "doors": Task("reached", 0.95, 5, seeds=5),
    "push": Task("solved", 0.6, 6, seeds=5),
    "craft": Task("achieved", 6.0, 5, seeds=5, drawn=True),
    "bomber": Task("points", 0.3, 3, opponent="miner", seeds=5, drawn=True),
}


def look(env_id: str, task: Task, trainer: Algorithm) -> float:
    """Return what the present policy comes to in held-out episodes."""
    player = Player("the policy", lambda _: acting(Actor(trainer.policy), 1, deterministic=not task.drawn))
    if task.opponent:
        player = versus(player, scripted(task.opponent), "")
    sample = evaluate(env_id, player, EPISODES, params=trainer.config.params, side="" if task.opponent else None)
    columns = dict(sample.columns)
    if task.opponent:
        columns["points"] = points_of(columns, trainer.batch.num_agents)
    return float(columns[task.column].mean())


def train(env_id: str, task: Task, seed: int, minutes: float, cores: int, verbose: bool) -> tuple[float, float, int]:
    """Train until a look meets the criterion; return what the last one found, the seconds and the steps."""
    begun, looking, found = time.perf_counter(), 0.0, float("-inf")
    given = {"seed": seed, **({"threads": cores} if cores else {})}
    trainer = make_trainer(load_config(env_id, overrides={**task.settings, **given}))
    next_look = interval = 60 * task.minutes / LOOKS
    seconds = 0.0
    while found < task.wanted and seconds < 60 * minutes and not trainer.finished:
        trainer.update()
        seconds = time.perf_counter() - begun - looking
        if seconds >= next_look or trainer.finished:
            found = look(env_id, task, trainer)
            looking = time.perf_counter() - begun - seconds
            next_look = seconds + interval
            if verbose:
                print(f"      {seconds:6.0f} s {trainer.steps / 1e6:6.2f} M steps: {task.column} {found:.3f}")
    steps = trainer.steps
    trainer.close()
    return found, seconds, steps


def measure(env_id: str, seeds: int, minutes: float, cores: int, verbose: bool) -> None:
    """Print the table's row of one game."""
    task = TASKS[env_id]
    reached, taken = [], []
    for seed in range(seeds or task.seeds):
        found, seconds, steps = train(env_id, task, seed, minutes or task.minutes, cores, verbose)
        reached.append(found)
        taken.append(seconds)
        told = f"{task.column} {found:.2f} after {seconds:.0f} s, {steps / 1e6:.1f} M steps"
        print(f"      {env_id} seed {seed}: {told}", flush=True)
    solved = sum(found >= task.wanted for found in reached)
    against = f" against {task.opponent}" if task.opponent else ""
    label = f"{env_id}: {task.column}{against} at least {task.wanted:g} in held-out episodes"
    spread = f"median {statistics.median(reached):.2f} ({min(reached):.2f} to {max(reached):.2f})"
    seconds = f"{statistics.median(taken):.0f} ({min(taken):.0f} to {max(taken):.0f}) s"
    holds = solved == len(reached) and max(taken) <= 60 * task.minutes
    report(label, f"{solved} of {len(reached)} seeds: {spread}, {seconds}", f"<= {60 * task.minutes:.0f} s", holds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n\n")[2], formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("games", nargs="*", metavar="GAME", default=list(TASKS), help=f"of {', '.join(TASKS)}")
    parser.add_argument("--seeds", type=int, default=0, help="five of grid games, three of others by default")
    parser.add_argument("--minutes", type=float, default=0.0, help="give up after so many; what is wanted by default")
    parser.add_argument("--cores", type=int, default=0, help="threads of training; all cores by default")
    parser.add_argument("--verbose", action="store_true", help="print every look")
    given = parser.parse_args()
    for game in given.games:
        if game not in TASKS:
            parser.error(f"unknown game '{game}'; there are {', '.join(TASKS)}")
    print(machine())
    for game in given.games:
        measure(game, given.seeds, given.minutes, given.cores, given.verbose)
