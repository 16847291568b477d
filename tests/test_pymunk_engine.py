"""The pymunk engine: exact resets, one trajectory by every way of stepping, touches, joints, and what it refuses."""

import dataclasses
import gc
import itertools
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pymunk
import pytest

from puffer_arena import load_env, make
from puffer_arena.batch.batch import Batch
from puffer_arena.core.errors import ActionError, DefinitionError, FileError, MissingExtra, ParameterError, PhysicsError
from puffer_arena.engines import chipmunk_calls
from puffer_arena.engines import pymunk as entry
from tests.processes import unmeasured

GAMES = Path(__file__).parent / "games"
PUPPET, DISCS = str(GAMES / "puppet.py"), str(GAMES / "discs.py")
ALL = ["lander", "striker", "walker", PUPPET]
every_game = pytest.mark.parametrize("env_id", ALL, ids=lambda env_id: Path(env_id).stem)


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


def bodies(batch, i):
    """Return the physics fields of a row as bytes."""
    fields = ("limbs", "motors", "crate", "weight", "feet", "gate", "ground")
    return b"".join(batch.rows.states[name][i].tobytes() for name in fields)


# -- one trajectory -----------------------------------------------------------------------------------


@pytest.mark.slow
@every_game
def test_compiled_and_interpreted_rules_move_bodies_alike(env_id: str) -> None:
    first, second = (make(env_id, num_envs=3, seed=5, compiled=compiled) for compiled in (True, False))
    for batch in (first, second):
        play(batch, 130)
    assert everything(first) == everything(second)


@pytest.mark.slow
@every_game
def test_the_public_api_moves_bodies_as_the_native_functions_do(env_id: str, monkeypatch) -> None:
    native = make(env_id, num_envs=4, seed=7)
    monkeypatch.setenv("PUFFER_ARENA_PYMUNK", "public")
    public = make(env_id, num_envs=4, seed=7)
    assert native.worlds.fused and not public.worlds.fused
    for batch in (native, public):
        play(batch, 150, seed=3)
    assert everything(native) == everything(public)


@every_game
def test_two_threads_move_bodies_as_one_does(env_id: str) -> None:
    first, second = (make(env_id, num_envs=128, seed=2, threads=threads) for threads in (1, 2))
    for batch in (first, second):
        play(batch, 70)
    assert everything(first) == everything(second)


def test_another_process_writes_the_same_bytes() -> None:
    script = (
        "import hashlib; from tests.test_pymunk_engine import *; batch = make(PUPPET, num_envs=4, seed=9); "
        "play(batch, 150); print(hashlib.sha256(everything(batch)).hexdigest())"
    )
    command = [sys.executable, "-c", script]
    runs = [
        subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent).stdout
        for _ in range(2)
    ]
    assert runs[0] == runs[1] and len(runs[0]) == 65


# -- resets -------------------------------------------------------------------------------------------


def test_an_episode_does_not_depend_on_what_the_row_did_before() -> None:
    batch = make(PUPPET, num_envs=4, seed=1, limit=1000)
    rng, histories = np.random.default_rng(4), []
    for past in (0, 1, 37, 120):  # steps that each row plays of other levels first
        batch.reset(levels=np.array([11, 12, 13, 14]) + past)
        play(batch, past, seed=past)
        batch.reset(levels=77)
        rng = np.random.default_rng(4)
        history = []
        for _ in range(120):
            batch.step(np.repeat(rng.uniform(-1, 1, (1, 2)), 4, axis=0))
            history += [bodies(batch, i) for i in range(4)]
        histories.append(history)
    assert all(history == histories[0] for history in histories)
    assert all(histories[0][k : k + 4] == [histories[0][k]] * 4 for k in range(0, 480, 4))


def test_a_snapshot_taken_right_after_a_reset_has_the_same_future_in_any_row() -> None:
    batch = make(PUPPET, num_envs=3, seed=1, limit=1000)
    play(batch, 33)
    batch.reset(which=np.array([True, False, False]))
    kept = batch.snapshot(0)
    play(batch, 5)
    for i in range(3):
        batch.restore(i, kept)
    rng = np.random.default_rng(0)
    for _ in range(100):
        batch.step(np.repeat(rng.uniform(-1, 1, (1, 2)), 3, axis=0))
        assert bodies(batch, 0) == bodies(batch, 1) == bodies(batch, 2)


@every_game
def test_a_recorded_snapshot_brings_back_an_episode_in_mid_course(env_id: str) -> None:
    batch, other = make(env_id, num_envs=3, seed=6, record=True), make(env_id, num_envs=2, seed=9)
    play(batch, 25)
    for name, parameter in batch.env.parameters.items():
        if parameter.kind is float:
            batch.params[name][0] = min(parameter.default * 1.1, parameter.high)  # at once, or from the next reset on
    play(batch, 25)
    kept = batch.snapshot(0)
    assert other.restore(1, kept) and row(other, 1) == row(batch, 0)
    rng = np.random.default_rng(0)
    for _ in range(100):
        actions = batch.sample_actions(rng)
        batch.step(actions)
        other.step(actions[[1, 0]])
        assert row(other, 1) == row(batch, 0) and (other.obs[1] == batch.obs[0]).all()


def test_a_snapshot_of_mid_course_without_a_record_is_known_to_be_close_only() -> None:
    batch = make(PUPPET, num_envs=2, seed=1, limit=1000)
    assert batch.restore(1, batch.snapshot(0))
    play(batch, 5)
    assert not batch.restore(1, batch.snapshot(0))


def test_a_row_written_from_outside_starts_its_record_there() -> None:
    batch = make(PUPPET, num_envs=2, seed=6, record=True, limit=1000)
    play(batch, 30)
    batch.rows.states["crate"]["x"][0] += 0.5
    batch.adopt(np.array([True, False]))
    play(batch, 20)
    frame = row(batch, 0)
    play(batch, 20)
    batch.rewind(0, 50)
    assert row(batch, 0) == frame
    with pytest.raises(ParameterError, match="steps 30 to 50"):
        batch.rewind(0, 29)


def test_a_snapshot_out_of_bounds_is_refused() -> None:
    batch = make(PUPPET, num_envs=2, seed=1)
    batch.rows.states["gate"]["other"][0] = 10_000
    data = batch.snapshot(0)
    before = row(batch, 1)
    with pytest.raises(FileError, match=r"gate\.other"):
        batch.restore(1, data)
    assert row(batch, 1) == before


@every_game
def test_rewinding_brings_back_every_earlier_frame(env_id: str) -> None:
    batch = make(env_id, num_envs=3, seed=6, record=True)
    rng, frames, observations = np.random.default_rng(1), [], []
    batch.reset()
    for _ in range(40):
        frames.append(row(batch, 1))
        observations.append(batch.obs[1].tobytes())
        batch.step(batch.sample_actions(rng))
        if batch.rows.states["step_count"][1] == 0:
            break
    else:
        frames.append(row(batch, 1))
        observations.append(batch.obs[1].tobytes())
    now = int(batch.rows.states["step_count"][1])
    others = row(batch, 0), row(batch, 2)
    for step in (now, now // 2, now // 3, 0):
        batch.rewind(1, step)
        assert row(batch, 1) == frames[step] and batch.obs[1].tobytes() == observations[step]
    assert (row(batch, 0), row(batch, 2)) == others


def test_a_rewound_row_can_play_on_differently_and_be_rewound_again() -> None:
    batch = make(PUPPET, num_envs=2, seed=6, record=True, limit=1000)
    play(batch, 30, seed=1)
    batch.params.push[0] = 500.0
    play(batch, 10, seed=2)
    batch.rewind(0, 20)
    play(batch, 15, seed=3)
    frame = row(batch, 0)
    play(batch, 15, seed=4)
    batch.rewind(0, 35)
    assert row(batch, 0) == frame


def test_rewinding_needs_a_record_and_a_step_that_was_played() -> None:
    with pytest.raises(ParameterError, match="record=True"):
        make(PUPPET).rewind(0, 0)
    batch = make(PUPPET, record=True)
    play(batch, 3)
    with pytest.raises(ParameterError, match="steps 0 to 3"):
        batch.rewind(0, 4)


def test_rewinding_works_for_games_of_rules_only() -> None:
    batch = make("snake", num_envs=8, seed=1, record=True)
    play(batch, 5)
    frames = [row(batch, i) for i in range(8)]
    counts = batch.rows.states["step_count"].copy()
    play(batch, 1)
    for i in np.flatnonzero(batch.rows.states["step_count"] == counts + 1):
        batch.rewind(int(i), int(counts[i]))
        assert row(batch, i) == frames[i]


def test_a_parameter_that_build_reads_takes_effect_at_the_next_reset() -> None:
    batch = make(PUPPET, num_envs=2, seed=1, limit=5)
    other = make(PUPPET, num_envs=2, seed=1, limit=5)
    batch.params.width[1] = 40.0
    for one in (batch, other):
        play(one, 4)
    assert bodies(batch, 1) == bodies(other, 1) and batch.rows.params["width"].tolist() == [20.0, 20.0]
    for one in (batch, other):
        play(one, 20, seed=1)
    assert bodies(batch, 0) == bodies(other, 0)
    assert bodies(batch, 1) != bodies(other, 1) and batch.rows.params["width"].tolist() == [20.0, 40.0]
    made_so = make(PUPPET, num_envs=2, seed=1, limit=5, width=40.0)
    for k in range(2):
        play(made_so, (4, 20)[k], seed=k)
    assert bodies(made_so, 1) == bodies(batch, 1)


@pytest.mark.slow
def test_resets_and_batches_leave_memory_flat() -> None:
    def resident() -> float:
        gc.collect()
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

    if not Path("/proc/self/statm").exists():
        pytest.skip("needs /proc")  # memory is measured on Linux
    batch = make("lander", num_envs=1000, seed=1)
    for _ in range(20):
        batch.reset()
    before = resident()
    for _ in range(100):  # times 1000 rows
        batch.reset()
    assert resident() < before + 8
    for k in range(1100):
        make(PUPPET, num_envs=2, seed=k).close()
        if k == 100:
            before = resident()
    assert resident() < before + 16


# -- touches, joints, laws ----------------------------------------------------------------------------


def test_touches_tell_who_how_hard_and_when_it_began() -> None:
    batch = make(PUPPET, num_envs=1, seed=3, limit=1000, push=0.0)
    began, index = 0, {"crates": range(3, 7), "weight": 7}
    for _ in range(200):
        before = batch.rows.states["feet"][0].copy()
        batch.step(np.zeros((1, 2)))
        for old, new in zip(before, batch.rows.states["feet"][0], strict=True):
            assert new["began"] in (0, 1) and -1 <= new["other"] <= index["weight"]
            assert not (new["began"] and old["touching"])
            assert new["impulse"] >= 0.0 and (
                new["impulse"] == 0.0 or new["touching"] or new["began"] or old["touching"]
            )
            began += new["began"]
    assert began >= 2
    assert batch.rows.states["gate"]["impulse"][0] == 0.0  # a sensor takes no part in collisions


@pytest.mark.parametrize("api", ["native", "public"])
def test_an_edge_without_length_is_not_there(api: str, monkeypatch) -> None:
    monkeypatch.setenv("PUFFER_ARENA_PYMUNK", api)
    batch = make("lander", num_envs=2, seed=1, autoreset="disabled")
    ground = batch.rows.states["ground"][0]
    ground["bx"], ground["by"] = ground["ax"], ground["ay"]
    batch.adopt()
    for _ in range(400):
        batch.step(np.zeros(2, np.int64))
    through, stopped = batch.rows.states["craft"]["y"]
    assert through < -20.0 < stopped


def variant(env_id, build=None, params=None, **changes):
    """Return a batch of an environment with another `build`."""
    env = load_env(env_id)
    changed = dataclasses.replace(env, **({"build": build} if build else {}), **changes)
    return Batch(changed, "variant", 1, 0, 1, "train", 0, "same_step", True, params or {})


def test_a_fall_is_the_one_of_the_equations() -> None:
    # Chipmunk integrates positions, then velocities: after n steps of h, y = y0 + v0 n h - g h² n (n - 1) / 2.
    batch = make("lander", num_envs=1, seed=1, wind=0.0)
    craft = batch.rows.states["craft"]
    y, vy, h, n = float(craft["y"][0]), float(craft["vy"][0]), 1 / 60, 60
    for _ in range(n // 2):
        batch.step(np.zeros(1, np.int64))
    assert craft["vy"][0] == pytest.approx(vy - 5.0 * n * h, abs=1e-9)
    assert craft["y"][0] == pytest.approx(y + vy * n * h - 5.0 * h * h * n * (n - 1) / 2, abs=1e-9)


def frictionless_box(world, p):
    handles = load_env(DISCS).build(world, p)
    for shape in world.shapes:
        shape.elasticity, shape.friction = 1.0, 0.0
    return handles


@pytest.mark.slow
def test_discs_that_bounce_without_loss_keep_their_energy() -> None:
    batch = variant(DISCS, frictionless_box)

    def energy() -> float:
        discs = batch.rows.states["discs"][0]
        return float((discs["vx"] ** 2 + discs["vy"] ** 2).sum() + 50 * (discs["spin"] ** 2).sum())

    before = energy()
    for _ in range(600):
        batch.step(np.zeros((1, 1)))
    assert energy() == pytest.approx(before, rel=0.02)


def test_joints_hold_their_limbs_together() -> None:
    batch = make(PUPPET, num_envs=1, seed=2, limit=1000)
    rng, drift = np.random.default_rng(0), []
    for _ in range(300):
        batch.step(batch.sample_actions(rng))
        limbs = batch.rows.states["limbs"][0]
        for a, b in itertools.pairwise(limbs):
            top = np.array([a["x"] - 20 * np.sin(a["angle"]), a["y"] + 20 * np.cos(a["angle"])])
            bottom = np.array([b["x"] + 20 * np.sin(b["angle"]), b["y"] - 20 * np.cos(b["angle"])])
            drift.append(np.hypot(*(top - bottom)))
    assert np.median(drift) < 1.0 and max(drift) < 8.0  # of limbs 40 long, thrown about by strong motors


def stacked(world, p):
    world.gravity = 0, -500
    floor = pymunk.Segment(world.static_body, (-100, 0), (100, 0), 2)
    floor.friction = 1.0
    world.add(floor)
    boxes = []
    for _ in range(p.discs):
        box = pymunk.Body(1, pymunk.moment_for_box(1, (20, 20)))
        shape = pymunk.Poly.create_box(box, (20, 20))
        shape.friction = 0.8
        world.add(box, shape)
        boxes.append(box)
    return {"discs": boxes}


@pytest.mark.slow
def test_a_stack_stays_at_rest() -> None:
    batch = variant(DISCS, stacked, {"discs": 6}, substeps=3)
    discs = batch.rows.states["discs"][0]
    for k in range(6):
        discs[k] = (0.0, 12 + 20 * k, *[0.0] * 7)
    batch.adopt()
    for _ in range(600):
        batch.step(np.zeros((1, 1)))
    assert np.abs(discs["x"]).max() < 2.0
    assert np.abs(discs["y"] - (12 + 20 * np.arange(6))).max() < 4.0


# -- what goes wrong ----------------------------------------------------------------------------------


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
    entry._say_once.cache_clear()
    for _ in range(2):
        batch = make(DISCS, num_envs=2)
        play(batch, 3)
    assert not batch.worlds.fused
    assert capsys.readouterr().err.count("no such symbol; physics runs through pymunk's public API") == 1


def test_native_functions_are_used_here() -> None:
    assert chipmunk_calls.find_problem() is None


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


def test_python_ends_without_a_word_while_scenes_are_alive() -> None:
    code = """
        import puffer_arena
        for name in ("marble", "lander"):  # with panda3d loaded, Python takes pymunk apart before it frees the batch
            batch = puffer_arena.make(name, num_envs=4)
            batch.step(batch.actions)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, env=unmeasured(), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
