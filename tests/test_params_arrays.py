"""Parameters of several numbers, wherever a parameter goes."""

import re

import gymnasium
import numpy as np
import pytest

import puffer_arena
from puffer_arena import load_env, make
from puffer_arena.cli.options import read_pairs
from puffer_arena.curriculum import load_curriculum
from puffer_arena.errors import DefinitionError, FileError, ParameterError
from puffer_arena.live.commands import decode_command, encode_command
from puffer_arena.replay import Replay, Writer
from puffer_arena.replay.truth import verify
from tests.playing import GAMES, play

TERRAIN = str(GAMES / "terrain.py")
FLAT = (0.0,) * 8


def test_a_game_with_arrays_keeps_every_law() -> None:
    report = puffer_arena.check(TERRAIN)
    assert report.ok, report


def test_each_row_has_numbers_of_its_own() -> None:
    batch = make(TERRAIN, 4, heights=[0.5] * 8)
    batch.params.heights[1] = np.arange(8) / 4
    batch.params.heights[2:4] = 1.5
    batch.params.boggy[3] = 1
    batch.reset(seed=1)
    assert batch.obs[:, 1:].tolist() == [[0.5] * 8, [k / 4 for k in range(8)], [1.5] * 8, [1.5] * 8]
    batch.rows.states["at"] = 2
    batch.step(np.ones(4, np.int64))
    assert batch.obs[:, 0].tolist() == [3, 3, 3, 2]
    assert batch.rewards.tolist() == [0, 0.25, 0, 0]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([0.0] * 7, "has 7 numbers; it takes 8"),
        ([0.0] * 7 + [3.0], "= 3.0 is out of range; allowed: float in [-2.0, 2.0]"),
        ([0.0] * 7 + ["a"], "of the wrong type"),
        ([[0.0] * 8], "has 1 numbers; it takes 8"),
        ([float("nan")] * 8, "out of range"),
        ("high", "of the wrong type"),
    ],
)
def test_numbers_that_cannot_be_are_refused(given, message) -> None:
    with pytest.raises(ParameterError, match=re.escape(message)):
        make(TERRAIN, heights=given)


def test_a_write_that_does_not_fit_changes_nothing() -> None:
    batch = make(TERRAIN, 2)
    for wrong in (np.zeros(3), 9.0, [0.0] * 7 + [np.inf]):
        with pytest.raises(ParameterError):
            batch.params.heights[0] = wrong
    assert batch.params.heights[0].tolist() == list(load_env(TERRAIN).params().heights)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("(0,) * 8", "()", "a tuple of 1 to 4096 ints or floats, not ()"),
        ("(0,) * 8", "(0, 0.5)", "not (0, 0.5)"),
        ("(0,) * 8", "(False,) * 8", "ints or floats, not (False"),
        ("boggy: tuple[int, ...]", "boggy: int", "declared as int, but its default"),
        ("-2.0, 2.0", "-2.0, 0.5", "the default breaks its own range"),
        ("i32(below=8)", 'i32("limits")', "'heights' is an array, and sizes memory"),
        ("    s.at = to\n", "    s.at = to\n    p.heights[0] = 1.0\n", "p.heights"),
    ],
)
def test_a_wrong_declaration_is_named(tmp_path, old, new, message) -> None:
    text = (GAMES / "terrain.py").read_text()
    assert old in text
    text = text.replace(old, new).replace(
        "class State", "    @property\n    def limits(self): return int(self.heights[0]) + 1\n\n\nclass State"
    )
    (tmp_path / "game.py").write_text(text)
    with pytest.raises(DefinitionError, match=re.escape(message)):
        make(str(tmp_path / "game.py")).reset()


def test_curricula_draw_each_number(tmp_path) -> None:
    env, rng = load_env(TERRAIN), np.random.default_rng(0)
    uniform = load_curriculum(env, "uniform", {"heights": "-1:1", "boggy": "0:1"})
    tasks = uniform.next(50, rng)
    assert tasks.params["heights"].shape == tasks.params["boggy"].shape == (50, 8)
    assert np.unique(tasks.params["heights"]).size == 400
    batch = make(TERRAIN, 50)
    batch.assign(np.arange(50), tasks.params)
    batch.reset()
    assert (batch.rows.params["heights"] == tasks.params["heights"]).all()
    with pytest.raises(ParameterError, match="'heights' is an array"):
        load_curriculum(env, "alp", {"heights": "-1:1"})


def test_snapshots_and_replays_carry_them(tmp_path) -> None:
    batch = make(TERRAIN, 2, heights=0.25)
    batch.reset(seed=3)
    batch.params.heights[0] = np.linspace(0, 1, 8)
    with Writer(batch, tmp_path / "walk.mcap"):
        play(batch, 30)
    with Replay(tmp_path / "walk.mcap", env=TERRAIN) as replay:
        assert replay.values.heights == (0.25,) * 8
    assert verify(tmp_path / "walk.mcap", TERRAIN).difference is None
    other = make(TERRAIN, 2)
    other.restore(1, batch.snapshot(0))
    assert other.params.heights[1].tolist() == np.linspace(0, 1, 8).tolist()
    forged = batch.snapshot(0).replace(np.float64(1.0).tobytes(), np.float64(7.0).tobytes())
    with pytest.raises(FileError):
        other.restore(1, forged)


def test_commands_and_adapters_take_them(tmp_path) -> None:
    assert decode_command(encode_command("param", name="heights", value=[0.5] * 8)).arguments["value"] == [0.5] * 8
    env = gymnasium.make_vec(puffer_arena.register(TERRAIN), num_envs=2, heights=FLAT)
    env.set_attr("heights", [[0.5] * 8, FLAT])
    assert [list(value) for value in env.get_attr("heights")] == [[0.5] * 8, list(FLAT)]
    assert read_pairs(["heights=0,0,0.5", "limit=3"], "--param") == {"heights": [0, 0, 0.5], "limit": 3}
