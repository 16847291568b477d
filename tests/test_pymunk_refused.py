"""What the pymunk engine refuses, and what becomes of a row that goes wrong."""

import dataclasses
import subprocess
import sys

import numpy as np
import pymunk
import pytest

from puffer_arena import load_env, make
from puffer_arena.engines.pymunk import calls as chipmunk_calls
from puffer_arena.engines.pymunk import choose as entry
from puffer_arena.errors import ActionError, DefinitionError, MissingExtra, PhysicsError
from puffer_arena.machine.compile import jit
from puffer_arena.machine.notices import SAID
from tests.playing import DISCS, GAMES, PUPPET, play, variant


def changed_build(change):
    """Return the puppet's build with something added."""

    def build(world, p):
        return change(world, load_env(PUPPET).build(world, p), p)

    return build


def without(name):
    return lambda world, handles, p: {key: value for key, value in handles.items() if key != name}


def with_extra_body(world, handles, p):
    body = pymunk.Body(1, 1)
    world.add(body, pymunk.Circle(body, 1))
    return handles


def with_callback(world, handles, p):
    world.on_collision(1, 2, begin=lambda *_: None)
    return handles


def with_velocity_func(world, handles, p):
    handles["weight"].velocity_func = lambda *_: None
    return handles


def with_sleep(world, handles, p):
    world.sleep_time_threshold = 0.5
    return handles


def with_ratchet(world, handles, p):
    world.add(pymunk.RatchetJoint(handles["limbs"][0], handles["weight"], 0, 1))
    return handles


def with_centre(world, handles, p):
    handles["weight"].center_of_gravity = 1, 0
    return handles


def with_a_crate_less(world, handles, p):
    return {**handles, "crate": handles["crate"][1:]}


REFUSED = {
    "forgets a body": (without("weight"), "no handle for State.weight"),
    "names what State lacks": (lambda w, h, p: {**h, "wieght": h["weight"]}, "did you mean 'weight'"),
    "returns nothing": (lambda w, h, p: None, "must return a dict"),
    "too few": (with_a_crate_less, "3 handles for State.crate, which has 4"),
    "a body without a field": (with_extra_body, "every body that moves must be a body2d"),
    "one body twice": (lambda w, h, p: {**h, "weight": h["limbs"][0]}, "belongs to another field"),
    "the wrong thing": (lambda w, h, p: {**h, "gate": 7}, "must be a pymunk.Shape"),
    "a collision handler": (with_callback, "collision handler"),
    "a velocity function": (with_velocity_func, "velocity_func"),
    "sleeping": (with_sleep, "sleep_time_threshold"),
    "a ratchet": (with_ratchet, "RatchetJoint"),
    "a centre of gravity": (with_centre, "center_of_gravity"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_scene_that_does_not_fit_is_refused_by_name(case: str) -> None:
    change, message = REFUSED[case]
    with pytest.raises(DefinitionError, match=message) as caught:
        variant(PUPPET, changed_build(change))
    assert "environment 'puppet': build" in str(caught.value)


def test_rows_with_different_numbers_of_bodies_are_refused() -> None:
    def build(world, p):
        handles = load_env(PUPPET).build(world, p)
        return handles if p.width < 30 else with_a_crate_less(world, handles, p)

    batch = variant(PUPPET, build)
    batch.params.width[:] = 35.0
    with pytest.raises(DefinitionError, match=r"3 handles for State\.crate, which has 4"):
        batch.step(np.zeros((1, 2)))


def test_a_parameter_that_build_reads_must_wait_for_a_reset() -> None:
    def build(world, p):
        handles = load_env(PUPPET).build(world, p)
        return handles if p.push >= 0 else None

    with pytest.raises(DefinitionError, match=r"build reads p\.push.*at_reset=True"):
        variant(PUPPET, build)


def test_an_error_inside_build_names_the_line() -> None:
    def build(world, p):
        return {"discs": p.disks}

    with pytest.raises(DefinitionError, match=r"'build' .*line \d+.*\n.*no attribute 'disks'"):
        variant(DISCS, build)


def test_an_observation_outside_its_space_is_named_by_index_and_label() -> None:
    env = load_env("lander_continuous")
    assert env.observation.labels[1]
    narrow = dataclasses.replace(env.observation, low=0.99, high=1.0)
    with pytest.raises(
        DefinitionError, match=r"'observe' .*\n +wrote obs\[0\] = .* \(\w.*\), which does not lie.*nor do \d+ oth"
    ):
        variant("lander_continuous", observation=narrow)


def test_a_reward_that_is_no_number_is_laid_to_judge() -> None:
    @jit
    def judge(s, p):
        return np.nan, False, False

    with pytest.raises(
        DefinitionError, match=r"'judge' \(.*test_pymunk_refused.py, line \d+\): def judge.*\n.*reward nan"
    ):
        variant("lander", judge=judge)


@pytest.mark.parametrize(
    "change", [{"step": load_env("snake").step}, {"engine": "pymonk"}, {"substeps": 0}, {"time_step": 2.0}]
)
def test_a_definition_that_mixes_things_up_is_refused(change: dict) -> None:
    with pytest.raises(DefinitionError, match="environment 'discs'"):
        dataclasses.replace(load_env(DISCS), **change)


def test_an_infinite_force_is_one_clear_error_and_moves_nothing() -> None:
    for compiled in (True, False):
        batch = make(DISCS, num_envs=3, compiled=compiled)
        before = batch.rows.states["discs"]["x"].copy()
        with pytest.raises(PhysicsError, match=r"row 1, step 1, act wrote State.discs.fx = 1e\+30"):
            batch.step(np.array([[0.0], [1e30], [0.0]]))
        assert (batch.rows.states["discs"]["x"][1] == before[1]).all()
        batch.step(np.zeros((3, 1)))  # and goes on
    with pytest.raises(ActionError, match="finite"):
        batch.step(np.array([[0.0], [np.nan], [0.0]]))


@pytest.mark.parametrize("compiled", [True, False])
def test_a_body_flung_out_of_the_world_ends_the_episode_and_leaves_no_trace(compiled: bool) -> None:
    batch = make(DISCS, num_envs=2, seed=1, compiled=compiled)
    batch.step(np.array([[0.0], [9e14]]))
    assert batch.truncated.tolist() == [False, True] and not batch.terminated.any()
    assert np.isfinite(batch.obs).all() and np.isfinite(batch.final_obs).all()
    level, other = int(batch.rows.states["level"][1]), make(DISCS, num_envs=1, seed=5)
    other.reset(levels=level)
    for _ in range(60):
        batch.step(np.zeros((2, 1)))
        other.step(np.zeros((1, 1)))
    assert batch.rows.states["discs"][1].tobytes() == other.rows.states["discs"][0].tobytes()


def test_without_a_symbol_the_public_api_is_used_and_that_is_said_once(monkeypatch, capsys) -> None:
    monkeypatch.setattr(chipmunk_calls, "find_problem", lambda: "no such symbol")
    SAID.clear()
    for _ in range(2):
        batch = make(DISCS, num_envs=2)
        play(batch, 3)
    assert not batch.worlds.fused
    assert capsys.readouterr().err.count("no such symbol; physics runs through pymunk's public API") == 1


def test_an_old_pymunk_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(pymunk, "version", "6.9.0")
    entry.check_version.cache_clear()
    with pytest.raises(MissingExtra, match=r"pymunk 6\.9\.0 is too old"):
        make(DISCS)
    monkeypatch.undo()
    entry.check_version.cache_clear()


def test_a_missing_pymunk_names_the_command_that_installs_it() -> None:
    script = "import sys; sys.modules['pymunk'] = None; from puffer_arena import make; make('lander')"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=GAMES.parent.parent)
    assert "MissingExtra" in run.stderr and "pip install 'puffer-arena[physics]'" in run.stderr
