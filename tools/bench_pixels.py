"""Measure how fast pictures are painted by one core: rooms by the ray caster, and drawings of other games.

    python tools/bench_pixels.py
    python tools/bench_pixels.py --size 84 --rounds 15 --games snake sumo

Rates count the processor's time of this thread, so that other programs disturb them little.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from puffer_arena import make
from puffer_arena.core import paint_rooms
from puffer_arena.core.fields import Array
from puffer_arena.machine.compile import compile_function, jit

EYES = 512  # places from which each round looks
KEPT = 64  # pictures that are painted in turn: as many as stay in a core's cache


@jit
def paint_all(pictures: Array, plans: Array, eyes: Array, things: Array) -> None:
    for i in range(len(eyes)):
        eye = (eyes[i, 0], eyes[i, 1], eyes[i, 2], 1.3)
        paint_rooms(pictures[i % len(pictures)], plans[i], eye, things[i])


def caster(size: int) -> Callable[[], float]:
    """Return a round of looks into rooms of the game, which returns pictures a second."""
    states = make("rooms", EYES, seed=1).rows.states
    eyes = np.stack([states["x"], states["y"], states["heading"]], 1)
    plans, things = (np.ascontiguousarray(states[name]) for name in ("plan", "things"))
    pictures = np.zeros((KEPT, size, size, 3), np.uint8)
    paint = compile_function(paint_all, "bench")

    def run() -> float:
        begun = time.thread_time()
        paint(pictures, plans, eyes, things)
        return EYES / (time.thread_time() - begun)

    return run


def looks(env_id: str, size: int) -> Callable[[], float]:
    """Return a round of looks at a game's rows, which returns pictures a second; nothing moves meanwhile."""
    batch = make(env_id, 64, seed=1, pixels=size)
    rng = np.random.default_rng(0)
    for _ in range(20):
        batch.step(batch.sample_actions(rng))
    every = np.ones(batch.num_envs, np.bool_)

    def run() -> float:
        begun = time.thread_time()
        for _ in range(4):
            batch.look(every)
        return 4 * batch.num_envs * max(batch.num_agents, 1) / (time.thread_time() - begun)

    return run


def game(size: int) -> Callable[[], float]:
    """Return a round of steps of rooms, which returns steps a second."""
    batch = make("rooms", 256, seed=1, pixels=size)
    rng = np.random.default_rng(0)
    actions = [batch.sample_actions(rng) for _ in range(8)]

    def run() -> float:
        begun = time.thread_time()
        for each in actions:
            batch.step(each)
        return len(actions) * batch.num_envs / (time.thread_time() - begun)

    return run


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=64, help="rows and columns of a picture")
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--games", nargs="*", default=["pistons", "snake"], help="whose drawings are painted")
    options = parser.parse_args()
    candidates = {"ray caster, rooms": caster(options.size), "rooms, whole steps": game(options.size)}
    candidates |= {f"{name}, as drawn": looks(name, options.size) for name in options.games}
    for name, run in candidates.items():
        run()
        rates = [run() for _ in range(options.rounds)]
        told = f"{statistics.median(rates):>9,.0f} pictures/s a core (best {max(rates):,.0f})"
        print(f"{name:<20} {options.size} x {options.size}: {told}")


if __name__ == "__main__":
    main()
