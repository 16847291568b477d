"""Rows from outside: fields that rules index with have a bound, and no row that passes the check reaches beyond."""

from pathlib import Path

import numpy as np
import pytest

from puffer_arena import list_envs, make
from puffer_arena.batch.saving.snapshot import check_parts, pack
from puffer_arena.core.bodies import physics_fields
from puffer_arena.core.canvas import RecordingCanvas
from puffer_arena.core.fields import dimension, state_fields
from puffer_arena.errors import ArenaError, DefinitionError, FileError
from tests.playing import GAMES, play
from tests.untraced import untraced

GAME = """
import numpy as np
from dataclasses import dataclass
from puffer_arena.core import *

SIGNS = (-1, 1)

@dataclass(frozen=True)
class Params:
    size: int = param(5, 2, 9, "cells")

class State(Header):
    at: int = {declared}
    x: float = f64()
    cells: Array = i32("size")

@jit
def reset(s, p):
    s.at, s.x = 0, 0.0
    s.cells[0] = p.size

@jit
def pick(s, k):
    return s.cells[k]

@jit
def step(s, p, action):
    reward = 0.0
    {step}
    return reward, False, s.step_count >= 9

@jit
def observe(s, p, obs):
    obs[0] = 0.0

def draw(s, p, canvas):
    canvas.view(1, 1)
    {draw}

ENV = Env(params=Params, state=State, observation=Box(0, 9, (1,)), action=Discrete(2), reset=reset, step=step,
          observe=observe, draw=draw)
"""
OPEN = {
    "an index": "reward = float(s.cells[s.at])",
    "a written index": "s.cells[s.at] = 1",
    "through a name": "k = s.at + action\n    reward = float(s.cells[k])",
    "through a call": "reward = float(pick(s, s.at))",
    "bounded above alone": "reward = float(s.cells[min(s.at, 4)])",
    "bounded below alone": "reward = float(s.cells[max(s.at, 0)])",
    "compared on one side": "if s.at < len(s.cells):\n        reward = float(s.cells[s.at])",
    "compared elsewhere": "if 0 <= s.at < 5:\n        reward = 1.0\n    reward += s.cells[s.at]",
    "of a constant table": "reward = float(SIGNS[s.at])",
    "a float": "reward = float(s.cells[int(s.x)])",
    "an element of an array": "reward = float(SIGNS[s.cells[0]])",
    "the count of a loop": "for k in range(s.at):\n        reward += 1.0",
    "the last of a loop": "for k in range(0, s.at):\n        reward += s.cells[k]",
    "the header": "reward = float(s.cells[s.step_count])",
    "after a loop": "k = 0\n    for _ in range(3):\n        reward += s.cells[k]\n        k = s.at",
    "in a condition": "if s.cells[s.at] == 1:\n        reward = 1.0",
    "in one branch": "k = 0\n    if action == 1:\n        k = s.at\n    reward = float(s.cells[k])",
}
SAFE = {
    "clamped": "reward = float(s.cells[min(max(s.at, 0), len(s.cells) - 1)])",
    "a remainder": "reward = float(s.cells[s.at % len(s.cells)])",
    "compared": "if 0 <= s.at < len(s.cells):\n        reward = float(s.cells[s.at])",
    "compared, and": "reward = 1.0 if s.at >= 0 and s.at < 5 and s.cells[s.at] == 1 else 0.0",
    "compared, or": "reward = 0.0 if s.at < 0 or s.at >= 5 or s.cells[s.at] == 1 else 1.0",
    "returned before": "if not 0 <= s.at < 5:\n        return 0.0, True, False\n    reward = float(s.cells[s.at])",
    "written before": "s.at = action\n    reward = float(s.cells[s.at])",
    "counted by hand": "while s.at > 4 or s.at < 0:\n        s.at = 0\n    reward = float(s.cells[s.at])",
    "a float, clamped": "reward = float(s.cells[min(max(int(s.x), 0), 4)])",
    "a part of the bits": "reward = float(SIGNS[s.at & 1])",
}


def write_game(folder: Path, step: str, declared: str = "i32()", draw: str = "pass") -> str:
    file = folder / "game.py"
    file.write_text(GAME.format(step=step, declared=declared, draw=draw))
    return str(file)


@pytest.mark.parametrize("step", OPEN.values(), ids=OPEN)
def test_a_number_of_state_that_indexes_without_a_bound_is_refused_at_its_line(tmp_path, step):
    with pytest.raises(DefinitionError, match=r"(?s)'(step|pick)'.*line \d+.*State\.\w+ may hold any number"):
        make(write_game(tmp_path, step))


@pytest.mark.parametrize("step", SAFE.values(), ids=SAFE)
def test_a_number_that_the_rule_bounds_is_taken(tmp_path, step):
    make(write_game(tmp_path, step), compiled=False)


def test_a_declared_bound_is_enough_and_the_remedy_names_it(tmp_path):
    with pytest.raises(DefinitionError, match=r"at = i32\(below=\.\.\.\)"):
        make(write_game(tmp_path, OPEN["an index"]))
    make(write_game(tmp_path, OPEN["an index"], 'i32(below="size")'), compiled=False)


@pytest.mark.parametrize("draw", ["canvas.text(0, 0, 'ab'[s.at], 'text')", "for _ in range(s.at): pass"])
def test_drawing_is_read_too(tmp_path, draw):
    with pytest.raises(DefinitionError, match=r"(?s)'draw'.*State\.at may hold any number"):
        make(write_game(tmp_path, "pass", draw=draw))


# -- rows that pass the check -----------------------------------------------------------------------------

WILD = {"i": (-(2**31), -1, 0, 1, 7, 2**31 - 1), "f": (-1e300, -1e9, -1.0, 0.0, 0.5, 1e9, 1e300)}


class Patient(RecordingCanvas):
    """A canvas that takes only so much."""

    def _keep(self, kind, **arguments):
        assert len(self.primitives) < 50_000, "drawing does not end"
        super()._keep(kind, **arguments)


def limits(batch, kind):
    """Return what numbers of each field of State or Memory lie in, [low, high], where the check bounds them."""
    values = batch.param_values
    found = {"level": (0, 2**32 - 1), "rng_count": (0, 2**32 - 1), "row_key": (0, 2**32 - 1), "ended": (0, 1)}
    found |= {"episode": (0, 2**62 - 1), "step_count": (0, 2**30 - 1), "alive": (0, 1)}
    found |= {"turn": (0, batch.num_agents - 1)} if batch.env.turn is not None else {}
    for name, declared in state_fields(kind).items():
        if declared.below is not None:
            sizes = declared.below if isinstance(declared.below, tuple) else (declared.below,)
            found[name] = (0, np.array([dimension(size, values) for size in sizes]) - 1)
    return found


def mutate(rng, records, bounds, bodies):
    """Write numbers at the edges of what is allowed into some of the fields."""
    for name in records.dtype.names:
        array = records[name]
        if array.dtype.names:
            mutate(rng, array, {"other": (-1, bodies - 1), "touching": (0, 1), "began": (0, 1)}, bodies)
        elif rng.random() < 0.25:
            if name in bounds:
                low, high = bounds[name]
                drawn = rng.integers(low, np.asarray(high) + 1, array.shape)
                array[...] = (np.broadcast_to(low, array.shape), drawn, np.broadcast_to(high, array.shape))[
                    rng.integers(3)
                ]
            elif array.dtype.kind == "i":
                info = np.iinfo(array.dtype)
                array[...] = np.clip(rng.choice(WILD["i"], array.shape), info.min, info.max)
            else:
                array[...] = rng.choice(WILD["f"], array.shape)


def look_and_step(batch, rng):
    """Have every rule and the drawing meet the row; errors of other kinds than a wrong index are no matter here."""
    actions = np.asarray(batch.sample_actions(rng))
    calls = [lambda: batch.look(np.ones(1, np.bool_)), *(lambda bot=bot: batch.act(bot) for bot in batch.env.bots)]
    calls += [lambda: batch.env.draw(batch.state(0), batch.state_params(0), Patient())]
    calls += [batch.adopt, lambda: batch.step(actions), lambda: batch.step(actions)]
    for call in calls:
        try:
            call()
        except (ArenaError, ArithmeticError, ValueError) as error:
            assert "IndexError" not in str(error), error


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("env_id", [*list_envs(), *sorted(map(str, GAMES.glob("*.py")))], ids=lambda at: Path(at).stem)
def test_no_row_that_passes_the_check_makes_a_rule_index_beyond_its_arrays(env_id):
    batch = make(env_id, seed=1, compiled=False)
    rng, state = np.random.default_rng(2), batch.env.state
    bodies = sum(batch.rows.states.dtype[name].shape == () or batch.rows.states.dtype[name].shape[0]
                 for name in physics_fields(state, "body2d", "body3d"))  # fmt: skip
    for _ in range(40):
        batch.reset()
        kept = batch.rows.states.copy()
        play(batch, 2, seed=int(rng.integers(100)))
        mutate(rng, batch.rows.states, limits(batch, state), bodies)
        mutate(rng, batch.rows.memories, limits(batch, batch.env.bot_memory), bodies)
        for name in ("row_key", "episode"):  # so that bots go on from what they find
            batch.rows.memories[name] = batch.rows.states[name][:, None, None]
        check_parts(batch.env, batch.param_values, *batch.rows[:4], batch.rows.memories)
        untraced(look_and_step)(batch, rng)  # the laws run these rules for coverage
        batch.rows.states[:] = kept
        batch.adopt()


def test_a_snapshot_of_marble_with_more_plates_than_there_are_is_refused():
    batch = make("marble")
    for count in (-1, 9, 2**31 - 1):
        batch.rows.states["count"] = count
        with pytest.raises(FileError, match=r"'count'.*allowed: 0 to below 9"):
            batch.restore(0, batch.snapshot(0))


def floats_of(records):
    """Yield a view of every array of floats in records, with its name."""
    for name in records.dtype.names or ():
        if records.dtype[name].base.names:
            yield from floats_of(records[name])
        elif records.dtype[name].base.kind == "f":
            yield name, records[name]


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("env_id", ["cartpole", "tag", "striker", "marble"])
def test_numbers_that_are_not_finite_are_refused_wherever_a_row_carries_them(env_id, number):
    batch = make(env_id, num_envs=2)
    for part, array in batch.rows._asdict().items():
        for k, (name, _) in enumerate(floats_of(array)):
            changed = {**batch.rows._asdict(), part: array.copy()}
            list(floats_of(changed[part]))[k][1].flat[-1] = number
            with pytest.raises(FileError, match=name):
                check_parts(batch.env, batch.param_values, **changed)
            if part in ("states", "params", "following"):
                with pytest.raises(FileError, match=name):
                    batch.restore(0, pack(batch.env, type(batch.rows)(**changed), 1))


def test_a_frame_is_checked_by_its_states_and_parameters_alone():
    batch = make("snake", num_envs=3)
    states, params = batch.rows.states.copy(), batch.rows.params.copy()
    check_parts(batch.env, batch.param_values, states, params)
    states["heading"][1] = 9
    with pytest.raises(FileError, match="'heading' of a row holds"):
        check_parts(batch.env, batch.param_values, states, params)
