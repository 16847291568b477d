"""The pymunk engine: exact resets, one trajectory by every way of stepping, touches, joints, laws."""

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
from puffer_arena.engines.pymunk import calls as chipmunk_calls
from tests.playing import DISCS, PUPPET, every_physics_game, everything, play, variant
from tests.processes import run_python, unmeasured


def bodies(batch, i):
    """Return the physics fields of a row as bytes."""
    fields = ("limbs", "motors", "crate", "weight", "feet", "gate", "ground")
    return b"".join(batch.rows.states[name][i].tobytes() for name in fields)


# -- one trajectory -----------------------------------------------------------------------------------


@pytest.mark.slow
@every_physics_game
def test_compiled_and_interpreted_rules_move_bodies_alike(env_id: str) -> None:
    first, second = (make(env_id, num_envs=3, seed=5, compiled=compiled) for compiled in (True, False))
    for batch in (first, second):
        play(batch, 130)
    assert everything(first) == everything(second)


@pytest.mark.slow
@every_physics_game
def test_the_public_api_moves_bodies_as_the_native_functions_do(env_id: str, monkeypatch) -> None:
    native = make(env_id, num_envs=4, seed=7)
    monkeypatch.setenv("PUFFER_ARENA_PYMUNK", "public")
    public = make(env_id, num_envs=4, seed=7)
    assert native.worlds.fused and not public.worlds.fused
    for batch in (native, public):
        play(batch, 150, seed=3)
    assert everything(native) == everything(public)


@every_physics_game
def test_two_threads_move_bodies_as_one_does(env_id: str) -> None:
    first, second = (make(env_id, num_envs=128, seed=2, threads=threads) for threads in (1, 2))
    for batch in (first, second):
        play(batch, 70)
    assert everything(first) == everything(second)


def test_another_process_writes_the_same_bytes() -> None:
    script = (
        "import hashlib; from tests.playing import *; from puffer_arena import make; batch = make(PUPPET, num_envs=4, seed=9); "
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


# -- the process ------------------------------------------------------------------------------------


def test_native_functions_are_used_here() -> None:
    assert chipmunk_calls.find_problem() is None


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


@pytest.mark.slow
@pytest.mark.parametrize(("threads", "compiled"), [(1, True), (2, True), (1, False)])
def test_python_may_end_while_another_thread_steps(threads: int, compiled: bool) -> None:
    code = f"""
        import threading
        from puffer_arena import make

        batch = make("lander", num_envs={512 if compiled else 16}, threads={threads}, compiled={compiled})
        idle = make("lander", num_envs=4)
        stepped = threading.Event()

        def play():
            while True:
                batch.step(batch.actions)
                stepped.set()

        threading.Thread(target=play, daemon=True).start()
        stepped.wait()
        print("ends")
    """
    assert run_python(code) == "ends\n"  # and its exit code is 0
