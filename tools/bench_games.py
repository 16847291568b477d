"""Measure learning: python tools/bench_games.py [GAME ...] [--seeds N] [--minutes M] [--verbose]

Trains each physics game with its tuned config, and now and then plays held-out levels with the likeliest actions.  The
seconds run from before the trainer is made to the first such look that meets the criterion; the looks
themselves are left out.  A game's course is that of its config (`assets/configs`).
"""

import argparse
import time
from dataclasses import dataclass

from measure import machine, report

from puffer_arena.players.evaluate import evaluate
from puffer_arena.players.player import Player, scripted, versus
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

    column: str  # of `eval`: 1 for an episode that succeeded
    share: float
    minutes: float
    opponent: str = ""  # a scripted bot


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
}


def look(env_id: str, task: Task, trainer: Algorithm) -> float:
    """Return the share of held-out episodes that the present policy succeeds in."""
    player = Player("the policy", lambda _: acting(Actor(trainer.policy), 1, deterministic=True))
    if task.opponent:
        player = versus(player, scripted(task.opponent), "")
    sample = evaluate(env_id, player, EPISODES, params=trainer.config.params, side="" if task.opponent else None)
    return float(sample.columns[task.column].mean())


def train(env_id: str, task: Task, seed: int, minutes: float, verbose: bool) -> tuple[bool, float, float, int]:
    """Train until a look meets the criterion; return whether one did, the seconds, its share and the steps."""
    begun, looking, share = time.perf_counter(), 0.0, 0.0
    trainer = make_trainer(load_config(env_id, overrides={"seed": seed}))
    next_look = interval = 60 * task.minutes / LOOKS
    seconds = 0.0
    while share < task.share and seconds < 60 * minutes and not trainer.finished:
        trainer.update()
        seconds = time.perf_counter() - begun - looking
        if seconds >= next_look or trainer.finished:
            share = look(env_id, task, trainer)
            looking = time.perf_counter() - begun - seconds
            next_look = seconds + interval
            if verbose:
                print(f"      {seconds:6.0f} s {trainer.steps / 1e6:6.2f} M steps: {task.column} {100 * share:.1f} %")
    steps = trainer.steps
    trainer.close()
    return share >= task.share, seconds, share, steps


def measure(env_id: str, seeds: int, minutes: float | None, verbose: bool) -> None:
    """Print the table's row of one game."""
    task = TASKS[env_id]
    runs = []
    for seed in range(seeds):
        runs.append(train(env_id, task, seed, minutes or task.minutes, verbose))
        _, seconds, share, steps = runs[-1]
        print(
            f"      {env_id} seed {seed}: {task.column} {100 * share:.0f} % after {seconds:.0f} s, {steps / 1e6:.1f} M steps",
            flush=True,
        )
    solved = sum(done for done, *_ in runs)
    taken = ", ".join(f"{seconds:.0f}" for _, seconds, *_ in runs)
    against = f" against {task.opponent}" if task.opponent else ""
    label = f"{env_id}: {task.column}{against} in >= {100 * task.share:.0f} % of held-out episodes"
    holds = solved == seeds and all(seconds <= 60 * task.minutes for _, seconds, *_ in runs)
    report(label, f"{solved} of {seeds} seeds: {taken} s", f"<= {60 * task.minutes:.0f} s", holds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n\n")[2], formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("games", nargs="*", metavar="GAME", default=list(TASKS), help=f"of {', '.join(TASKS)}")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--minutes", type=float, help="give up after so many; what is wanted by default")
    parser.add_argument("--verbose", action="store_true", help="print every look")
    given = parser.parse_args()
    for game in given.games:
        if game not in TASKS:
            parser.error(f"unknown game '{game}'; there are {', '.join(TASKS)}")
    print(machine())
    for game in given.games:
        measure(game, given.seeds, given.minutes, given.verbose)
