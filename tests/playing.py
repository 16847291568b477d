"""The games of these tests, and ways to play and to read their rows."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from puffer_arena import load_env
from puffer_arena.batch.batch import Batch
from puffer_arena.batch.settings import Settings

GAMES = Path(__file__).parent / "games"
ENVS = Path(__file__).parent.parent / "envs"
COUNTDOWN, GATES, DUEL, RELAY = (str(GAMES / f"{name}.py") for name in ("countdown", "gates", "duel", "relay"))
PUPPET, DISCS, PILE, SHOVE, SLUICE, CRANE = (
    str(GAMES / f"{name}.py") for name in ("puppet", "discs", "pile", "shove", "sluice", "crane")
)
PHYSICS = ["lander", "striker", "walker", PUPPET]
both_modes = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "interpreted"])
every_physics_game = pytest.mark.parametrize("env_id", PHYSICS, ids=lambda env_id: Path(env_id).stem)


def everything(batch):
    """Return all that rules and trainers see of a batch as one bytes object."""
    return b"".join(np.ascontiguousarray(part).tobytes() for part in [*batch.rows, *batch.buffers])


def row(batch, i):
    """Return the bytes of a row."""
    return batch.rows.states[i : i + 1].tobytes()


def play(batch, steps, seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        batch.step(batch.sample_actions(rng))


def source_of(game):
    """Return the text of one of the package's games as of one file: a folder's rules stand where it imports them."""
    folder = ENVS / game
    if not folder.is_dir():
        return folder.with_suffix(".py").read_text("utf-8")
    _, _, rules = (folder / "rules.py").read_text("utf-8").partition('"""\n')  # behind its docstring of one line
    imported = re.compile(rf"from puffer_arena\.envs\.{game}\.rules import (\([^)]*\)|[^\n]*)\n")
    text, count = imported.subn(lambda _: rules, (folder / "__init__.py").read_text("utf-8"))
    assert count == 1, game
    return text


def variant(env_id, build=None, params=None, **changes):
    """Return a batch of an environment with another `build`."""
    env = load_env(env_id)
    changed = dataclasses.replace(env, **({"build": build} if build else {}), **changes)
    return Batch(changed, "variant", Settings(), params or {})
