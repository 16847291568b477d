"""What would go wrong without a word in compiled rules is refused before, or at the first time, with its line."""

from pathlib import Path

import numpy as np
import pytest

from puffer_arena import load_env, make
from puffer_arena.authoring.check import check_definition
from puffer_arena.batch.batch import Batch
from puffer_arena.batch.settings import Settings
from puffer_arena.errors import DefinitionError, FileError, ParameterError
from tests.playing import PUPPET

GAME = """
import math
import random
from datetime import datetime
from dataclasses import dataclass
import numpy as np
from puffer_arena.core import Array, Box, Discrete, Env, Header, Memory, f64, i8, i32, jit, param, randint, uniform

@dataclass(frozen=True)
class Params:
    pace: float = param(0.5, 0.0, 1.0)
    limit: int = param(9, 1, 300)

PACES, WHOLE = (0.5, 1.5), 3.0

class State(Header):
    counts: Array = i32(4)
    marks: Array = f64(4)
    count: int = i32()
    lives: int = i8()
    cells: Array = i8(4)
    far: float = f64()

class Kept(Memory):
    steps: int = i32()

@jit
def reset(s: State, p: Params) -> None:
    s.count, s.lives, s.far = 0, 3, 0.0
    s.cells[:] = s.counts[:] = 0
    s.marks[:] = 0.0

@jit
def add(s, x):
    s.count += x

@jit
def pair(s):
    return 0.5 * s.far, s.far

@jit
def half(x: float) -> float:
    return 0.5 * x

@jit
def spend(p: Params, s: State) -> None:
    s.far += p.pace

@jit
def step(s: State, p: Params, action: int) -> tuple[float, bool, bool]:
    spend(p, s)
    if s.step_count > 200:
        RARE
    return 0.0, False, s.step_count >= p.limit

@jit
def observe(s: State, p: Params, obs: Array) -> None:
    LOOK
    obs[0] = s.count

@jit
def bot(s: State, p: Params, memory: Kept) -> int:
    if s.step_count > 200:
        BOT
    return 0

def draw(s: State, p: Params, canvas) -> None:
    canvas.view(1, 1)

ENV = Env(params=Params, state=State, observation=Box(-1e9, 1e9, (1,)), action=Discrete(2), reset=reset, step=step,
          observe=observe, draw=draw, bots={"bot": bot}, bot_memory=Kept)
"""
FINE = {"RARE": "s.far += 0.5", "LOOK": "far = s.far", "BOT": "memory.steps += 1"}


def game(folder, **places):
    file = folder / "game.py"
    source = GAME
    for name, text in {**FINE, **places}.items():
        source = source.replace(name, text)
    file.write_text(source)
    return str(file), source


def check(env_id):
    """Check a definition as `make` does before it compiles anything."""
    env = load_env(env_id)
    check_definition(env, lambda: Batch(env, env_id, Settings(compiled=False), {}))


@pytest.mark.parametrize(
    ("place", "text", "reason"),
    [
        ("RARE", "p.pace = 0.1", "'step' .*writes p.pace, which it may only read; copy it into State"),
        ("RARE", "q = p; q.limit += 1", "writes p.limit"),
        ("RARE", "s.count += 0.5", r"count keeps whole numbers \(int32\), and this drops a fraction .* f64"),
        ("RARE", "s.count += p.pace", "count keeps whole numbers"),
        ("RARE", "s.count = s.count / 2", "count keeps whole numbers"),
        ("RARE", "s.cells[1] = half(3.0)", r"cells keeps whole numbers \(int8\)"),
        ("RARE", "x = math.sqrt(2.0); s.count = max(s.count, x)", "count keeps whole numbers"),
        ("RARE", "s.count, s.far = uniform(s, 0.0, 1.0), 0.0", "count keeps whole numbers"),
        ("RARE", "s.lives += 1", "State.lives is i8, which holds -128 to 127 and wraps .* lives = i32"),
        ("RARE", "s.lives = s.lives - action", "State.lives is i8"),
        ("RARE", "s.cells[action] *= 2", "State.cells is i8"),
        ("RARE", "s.count = random.randint(0, 3)", r"uses random.randint; .* randint\(s, n\)"),
        ("RARE", "s.far = np.random.rand()", "uses numpy.random.rand; take random numbers from the row"),
        (
            "LOOK",
            "if s.step_count > 200:\n        s.count = 1",
            "'observe' .*writes State.count, which it may only read",
        ),
        ("LOOK", "if s.step_count > 200:\n        spend(p, s)", "'spend' .*writes State.far, which it may only read"),
        ("LOOK", "cells = s.cells\n    if s.step_count > 200:\n        cells[0] = 1", "writes State.cells"),
        ("BOT", "return randint(s, 2)", "'bot' .*draws a random number from the row, .* randint.memory, n"),
        ("BOT", "memory.steps += 0.5", "steps keeps whole numbers"),
        ("BOT", "s.count += 1", "writes State.count"),
        ("BOT", "s.marks.fill(1.0)", "'bot' .*writes State.marks, which it may only read"),
        ("LOOK", "if s.step_count > 200:\n        s.marks.sort()", "writes State.marks, which it may only read"),
        ("RARE", "q = p if action else p; q.limit = 4", "writes p.limit"),
        ("RARE", "for q in (p, p): q.limit = 4", "writes p.limit"),
        ("RARE", "(q := p).limit = 4", "writes p.limit"),
        (
            "RARE",
            "s.step_count = 0",
            "writes State.step_count, .*: it is kept by the kernels; declare a field of your own",
        ),
        ("RARE", "s.ended = 1", "writes State.ended, .*: it is kept by the kernels; return that the episode is term"),
        (
            "RARE",
            "s.far = uniform(p, 0.0, 1.0)",
            "draws a random number from the parameters; they come from the row: give it s",
        ),
        ("RARE", "s.far = datetime.now().second", "uses datetime.datetime.now; take random numbers from the row"),
    ],
)
def test_a_rare_branch_is_read(tmp_path, place: str, text: str, reason: str) -> None:
    file, source = game(tmp_path, **{place: text})
    line = next(k for k, each in enumerate(source.splitlines(), 1) if text.splitlines()[-1].strip() in each)
    with pytest.raises(DefinitionError, match=f"(?s){reason}") as caught:
        check(file)
    assert f"line {line})" in str(caught.value) or "'spend'" in reason


@pytest.mark.parametrize(
    "text",
    [
        "s.count += half(3)",
        "add(s, 0.5)",
        "add(s, p.pace)",
        "x = 0\n        if s.far > 1:\n            x = 0.5\n        s.count += x",
        "x = 0.0\n        x += 0.25\n        s.count += x",
        "s.count, s.lives = pair(s)",
        "first, second = pair(s); s.count = first",
        "s.cells[:] = 0.5",
        "s.counts[:] += 0.5",
        "s.counts[0:2] = s.marks[0:2]",
        "s.counts[:] = s.marks",
        "s.count += np.sin(0.3)",
        "s.count += PACES[action]",
        "s.count += (0.5, 1.5)[action]",
        "s.count += sum((0.5, 1.5))",
        "for x in (0.5, 1.5): s.count += x",
        "s.count = round(s.far, 1)",
        "s.count += (s.far + 1) % 2",
    ],
)
def test_a_fraction_is_followed_to_where_it_would_be_lost(tmp_path, text: str) -> None:
    file, source = game(tmp_path, RARE=text)
    lines = source.splitlines()
    if text.startswith("add"):  # it is lost where the other function writes it
        line = lines.index("    s.count += x") + 1
    else:
        line = max(k for k, each in enumerate(lines, 1) if text.splitlines()[-1].strip() in each)
    with pytest.raises(DefinitionError, match=rf"(?s)line {line}\).* keeps whole numbers \(int.*drops a fraction"):
        check(file)


@pytest.mark.parametrize(
    "text",
    [
        "s.lives = 200",
        "s.cells[0] = 300",
        "s.lives = s.count",
        "s.lives = s.step_count",
        "s.lives = p.limit",
        "n = s.lives + 100; s.lives = n",
        "s.cells[:] += 1",
        "s.cells[0] = randint(s, 1000)",
    ],
)
def test_what_8_bits_may_not_hold_is_refused(tmp_path, text: str) -> None:
    with pytest.raises(
        DefinitionError, match=r"(?s)'step' .*is i8, which holds -128 to 127 and wraps.*declare \w+ = i32"
    ):
        check(game(tmp_path, RARE=text)[0])


@pytest.mark.parametrize(
    "text",
    [
        "s.lives = min(s.count, 9)",
        "s.lives = s.count % 3",
        "s.cells[1] = s.lives",
        "s.cells[0] = randint(s, 4)",
        "for k in range(4): s.cells[k] = k",
        "s.count = np.floor(s.far)",
        "s.count += WHOLE",
        "s.count = (1, 2)[action] * round(p.pace)",
        "s.count = 1.0 if s.far > 0.5 else -1.0",
        "s.far = pair(s)[0]",
        "s.count += int(p.pace)",
        "s.count = round(half(3.0))",
        "s.count += 2.0",
        "s.count = math.floor(s.far)",
        "x = s.far; x = math.ceil(x); s.count = x",
        "s.count = s.count // 2",
        "s.lives = min(max(s.lives + action, 0), 9)",
        "if s.lives > 0: s.lives -= 1",
        "s.cells[action] = 7",
        "pace = p.pace; pace += 1.0; s.far = pace",
    ],
)
def test_what_loses_nothing_is_allowed(tmp_path, text: str) -> None:
    check(game(tmp_path, RARE=text)[0])


def test_plain_python_says_it_at_the_first_time(tmp_path) -> None:
    cases = {
        "x = s.count; x += 0.5; s.count = x": "count keeps whole numbers .int32., and 0.5 would lose its fraction",
        "n = 200; s.cells[action] = n": "an element = 200 does not fit int8, which holds -128 to 127 and wraps",
        "n = -200; s.lives = n": "lives = -200 does not fit int8",
    }
    for text, reason in cases.items():
        batch = make(game(tmp_path, RARE=text.replace("\n", ""))[0], compiled=False, limit=300)
        batch.rows.states["step_count"] = 250
        with pytest.raises(DefinitionError, match=rf"(?s)'step' .*{reason}"):
            batch.step(np.zeros(1, np.int64))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("world.gravity = (0, -900 * np.random.rand())", "'build' .*uses numpy.random.rand; scenes are built again"),
        ("import random; world.gravity = (0, -random.random())", "'build' .*uses random.random; scenes"),
        ("rng = np.random.default_rng()", "uses numpy.random.default_rng.. without a seed; scenes"),
        ("rng = np.random.default_rng(None)", "uses numpy.random.default_rng.. without a seed; scenes"),
        (
            "from datetime import datetime; world.gravity = (0, -datetime.now().second)",
            "uses datetime.datetime.now; scenes",
        ),
        ("world.gravity = (0, -(id(world) % 900))", "'build' .*uses builtins.id; scenes"),
        ("world.gravity = (0, -(hash('crate') % 900))", "'build' .*uses builtins.hash; scenes"),
        ("id, hash = int, abs; world.gravity = (0, id(hash(-900.0)))", ""),
        ("rng = np.random.default_rng(3)", ""),
        ("AGAIN.append(0)", "'build' .*builds another scene the second time; scenes"),
    ],
)
def test_build_depends_on_its_parameters_alone(tmp_path, line: str, reason: str) -> None:
    source = Path(PUPPET).read_text()
    source = source.replace("def build(world, p):\n", f"AGAIN = []\n\n\ndef build(world, p):\n    {line}\n")
    file = tmp_path / "puppet.py"
    file.write_text(source.replace("crate.position = 50 +", "crate.position = 50 + len(AGAIN) +"))
    if not reason:
        return check(str(file))
    with pytest.raises(DefinitionError, match=f"(?s){reason}"):
        check(str(file))
    return None


def test_rows_of_parameters_are_checked_together() -> None:
    batch = make("tag", num_envs=3, compiled=False)
    for index, value in ((1, 8), (slice(None), 8), ([0, 2], [9, 8])):
        with pytest.raises(ParameterError, match="sight = 8; it must be odd"):
            batch.params.sight[index] = value
    with pytest.raises(ParameterError, match="sight = 8; it must be odd"):
        batch.params.sight -= 1
    assert (batch.rows.following["sight"] == 9).all() and (batch.rows.params["sight"] == 9).all()
    batch.params.sight[1] = 7
    with pytest.raises(ParameterError, match="sight = 6"):
        batch.params.write(1, sight=6, size=9)
    batch.params.write([0, 1], sight=[5, 3], size=9)
    assert batch.params.sight[:].tolist() == [5, 3, 9] and batch.params.size[:].tolist() == [9, 9, 12]
    batch.rows.params["sight"] = batch.rows.following["sight"] = 8
    data, saved = batch.snapshot(0), batch.save_rows()
    for give in (lambda: batch.restore(0, data), lambda: batch.load_rows(saved)):
        with pytest.raises(FileError, match="sight = 8; it must be odd"):
            give()
