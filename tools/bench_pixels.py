"""Measure how fast pictures are painted by one core: rooms by the ray caster, and drawings of other games.

    python tools/bench_pixels.py
    python tools/bench_pixels.py --size 84 --rounds 15 --games snake marble

Worlds in space are compared with panda3d's software renderer, which draws the same rows in the same run.  Agents of a
board share its scene.

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
from puffer_arena.registry import load_env

EYES = 512  # places from which each round looks
DRAWN = 8  # pictures of a round by panda3d
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


def reference(env_id: str, size: int) -> Callable[[], float]:
    """Return a round of pictures of a world in space by panda3d's software renderer, which returns pictures a second.

    One row in a view of its own, the only one there is (panda3d draws all of a process's together); building its scene
    does not count.
    """
    from puffer_arena.render.world.renderers import SOFTWARE
    from puffer_arena.render.world.world import WorldView

    batch = make(env_id, 1, seed=1)
    rng = np.random.default_rng(0)
    for _ in range(20):
        batch.step(batch.sample_actions(rng))
    row = batch.state(0), batch.state_params(0)

    def run() -> float:
        view = WorldView(batch.env, (size, size), SOFTWARE, supersample=1)
        view.draw(*row)
        begun = time.thread_time()
        for _ in range(DRAWN):
            view.draw(*row)
        rate = DRAWN / (time.thread_time() - begun)
        view.close()
        return rate

    return run


def sharing(env_id: str) -> int:
    """Return how many agents share a painted scene, each of which is then marked in its own picture."""
    env = load_env(env_id)
    return max(len(env.agent_ids(env.params())), 1) if env.camera is None else 1


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
    parser.add_argument("--games", nargs="*", default=["pistons", "snake", "marble", "kart", "hideseek"])
    options = parser.parse_args()
    candidates = {"ray caster, rooms": caster(options.size), "rooms, whole steps": game(options.size)}
    pairs, shared = {}, {}  # what is compared, by the faster one's name; agents that share a scene
    for name in options.games:
        candidates[f"{name}, as drawn"] = looks(name, options.size)
        shared[f"{name}, as drawn"] = sharing(name)
        if load_env(name).camera is not None:
            candidates[f"{name}, by panda3d"] = reference(name, options.size)
            pairs[f"{name}, as drawn"] = f"{name}, by panda3d"
    rates: dict[str, list[float]] = {name: [] for name in candidates}
    for run in candidates.values():
        run()
    for _ in range(options.rounds):  # in turn, so that all meet the same disturbances
        for name, run in candidates.items():
            rates[name].append(run())
    for name, found in rates.items():
        told = f"{statistics.median(found):>9,.0f} pictures/s a core (best {max(found):,.0f})"
        if name in pairs:
            told += f", {statistics.median(a / b for a, b in zip(found, rates[pairs[name]], strict=True)):,.0f} times"
        if (agents := shared.get(name, 1)) > 1:
            told += f", {statistics.median(found) / agents:,.0f} scenes/s"
        print(f"{name:<20} {options.size} x {options.size}: {told}")


if __name__ == "__main__":
    main()
