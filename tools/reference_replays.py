"""Record the reference replays under tests/replays: every game, some hundred steps, verified by tests/test_references.py.

    python tools/reference_replays.py                 # games that have none, or one of another version
    python tools/reference_replays.py walker snake    # these, anew
    python tools/reference_replays.py --all

They are the rules' end-to-end regression test: whoever changes what a game does raises its version and records anew.
"""

import argparse
from pathlib import Path

import numpy as np

from puffer_arena import list_envs, load_env, make
from puffer_arena.errors import FileError
from puffer_arena.replay.reader import Replay
from puffer_arena.replay.writer import Writer

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "replays"
STEPS = 300
ROWS = 2  # the first is played by the game's first bot, the second by chance
SEED = 11


def record(env_id: str) -> Path:
    """Record a game anew and return the file."""
    path = FOLDER / f"{env_id}.mcap"
    path.unlink(missing_ok=True)
    rng = np.random.default_rng(SEED)
    with make(env_id, ROWS, seed=SEED) as batch:
        bot = next(iter(batch.env.bots))
        players = {"row 0": f"bot '{bot}'", "row 1": "random"}
        # Steps are counted, not timed, so that the same game gives the same file.
        with Writer(batch, path, players=players, states=False, clock=lambda: 0.0):
            for _ in range(STEPS):
                actions = batch.sample_actions(rng)
                actions[0] = batch.act(bot)[0]
                batch.step(actions)
    return path


def is_current(env_id: str) -> bool:
    """Tell whether a game has a reference of its present version and layout."""
    try:
        with Replay(FOLDER / f"{env_id}.mcap") as replay:
            return replay.header.version == load_env(env_id).version
    except FileError:
        return False


def main() -> None:
    """Record what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("games", nargs="*", help="ids; those without a current reference by default")
    parser.add_argument("--all", action="store_true", help="every game")
    options = parser.parse_args()
    games = options.games or [name for name in list_envs() if options.all or not is_current(name)]
    for name in games:
        path = record(name)
        print(f"{name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
