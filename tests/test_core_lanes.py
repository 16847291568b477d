"""Rules that step in lanes: which they are, and that they give the bytes of rows stepped one by one."""

import numpy as np
import pytest

import puffer_arena
from puffer_arena.batch.batch import Batch
from puffer_arena.core import jit
from puffer_arena.kernels.lanes import is_straight
from puffer_arena.machine.columns import LANES


@jit
def choose(s, p, action):
    s.x += p.tau if action == 1 else -p.tau
    return 1.0, s.x > p.limit, s.step_count >= 9 and s.x > 0.0


@jit
def skip(s, p, action):
    if action == 1:
        s.x += 1.0
    return 1.0, False, False


@jit
def leave(s, p, action):
    if action == 1:
        return 0.0, True, False
    return 1.0, False, False


@jit
def repeat(s, p, action):
    for _ in range(3):
        s.x += 1.0
    return 1.0, False, False


@pytest.mark.parametrize(("rule", "straight"), [(choose, True), (skip, False), (leave, False), (repeat, False)])
def test_only_rules_that_skip_and_repeat_nothing_are_straight(rule, straight):
    assert is_straight(rule) is straight


@pytest.mark.parametrize(
    ("name", "template"), [("cartpole", "step_lanes"), ("snake", "step_solo"), ("target", "step_solo")]
)
def test_straight_rules_alone_step_in_lanes(name, template):
    assert puffer_arena.make(name, 2).program.template("step").__name__ == template


def run(compiled: bool, autoreset: str, rows: int = LANES + 40) -> tuple[Batch, list[bytes]]:
    """Step rows of two blocks, one row of the second with parameters of its own; return what every step wrote."""
    batch = puffer_arena.make("cartpole", rows, seed=3, autoreset=autoreset, compiled=compiled, max_steps=12)
    batch.params.gravity[LANES + 5] = 20.0
    rng = np.random.default_rng(0)
    written = []
    for _ in range(25):
        batch.step(batch.sample_actions(rng))
        written.append(b"".join(buffer.tobytes() for buffer in batch.buffers) + batch.rows.states.tobytes())
    return batch, written


@pytest.mark.parametrize("autoreset", ["same_step", "same_step_final", "next_step", "disabled"])
def test_lanes_write_the_bytes_of_rows_in_plain_python(autoreset):
    lanes, of_lanes = run(True, autoreset)
    plain, of_plain = run(False, autoreset)
    assert of_lanes == of_plain
    assert lanes.rows.episodes.tobytes() == plain.rows.episodes.tobytes()
    assert lanes.finished["episodes"].sum() > 0
