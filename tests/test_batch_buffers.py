"""Buffers: declared in one line each, from which all else derives."""

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.batch.buffers import by_seat
from puffer_arena.kernels.tables import BUFFERS, STATE
from tests.playing import COUNTDOWN, DUEL
from tests.processes import run_python

# The module is read with one more line in it, before anything else imports it.
WITH_COSTS = """
import sys
import types
from pathlib import Path
import numpy as np
import puffer_arena

file = Path(puffer_arena.__file__).parent / "kernels" / "tables.py"
line = '    began = Buffer('
source = file.read_text().replace(line, '    costs = Buffer(NUMBER, "Costs of the last step.", np.float32)\\n' + line)
tables = types.ModuleType("puffer_arena.kernels.tables")
sys.modules[tables.__name__] = tables
exec(compile(source, str(file), "exec"), tables.__dict__)

from puffer_arena import make
from puffer_arena.batch.buffers import by_seat

for game, shape in ((GAMES[0], (200,)), (GAMES[1], (200, 3))):
    batch, alone = make(game, 200, threads=2), make(game, 200)
    assert batch.costs.shape == shape and batch.costs.dtype == np.float32
    costs = np.full(shape, 7.0, np.float32)
    out = batch.make_buffers(costs=costs)
    for _ in range(8):
        actions = alone.sample_actions(np.random.default_rng(0))
        batch.step(actions, out=out)
        alone.step(actions)
        assert all((getattr(out, name) == getattr(alone, name)).all() for name in ("obs", "acting", "began"))
    assert out.costs is costs and (costs == 7.0).all()
    assert by_seat(out)["costs"].shape == (costs.size,)
print("costs are a buffer")
"""


def test_a_new_buffer_is_one_line() -> None:
    assert run_python(f"GAMES = {[COUNTDOWN, DUEL]}\n{WITH_COSTS}") == "costs are a buffer\n"


@pytest.mark.parametrize(("game", "seats"), [(COUNTDOWN, 4), (DUEL, 12)])
def test_views_by_seat_are_of_the_same_memory(game: str, seats: int) -> None:
    batch = make(game, 4)
    views = by_seat(batch.buffers)
    of_rows = {name for name, buffer in BUFFERS.items() if buffer.holds == STATE}
    assert list(BUFFERS) == list(batch.buffers._fields) and of_rows == BUFFERS.keys() - views.keys()
    for name, view in views.items():
        array = getattr(batch, name)
        assert len(view) == seats and np.shares_memory(view, array) == (array.size > 0)
    assert views["acting"].shape == views["began"].shape == (seats,)
