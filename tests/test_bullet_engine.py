"""The panda3d engine: laws of mechanics, exact resets, what rows hear of their worlds."""

import numpy as np
import pytest

from puffer_arena.batch.make import make
from tests.piles import altered, still
from tests.playing import PILE

# -- laws -------------------------------------------------------------------------------------------


def test_a_free_fall_is_the_analytic_one():
    with make(PILE) as batch:
        start = batch.state(0).ball.z
        still(batch, 30)
        # Semi-implicit Euler falls g dt² k (k + 1) / 2 in k steps.
        assert start - batch.state(0).ball.z == pytest.approx(10 / 60**2 * 30 * 31 / 2, rel=1e-5)
        assert batch.state(0).ball.vz == pytest.approx(-10 * 30 / 60, rel=1e-5)


def test_a_force_accelerates_by_its_size_over_the_mass():
    with make(PILE) as batch:
        for _ in range(30):
            batch.step(np.array([[1.0, -0.5, 0.0]]))
        assert batch.state(0).ball.vx == pytest.approx(5.0 * 30 / 60, rel=1e-4)
        assert batch.state(0).ball.vy == pytest.approx(-2.5 * 30 / 60, rel=1e-4)


def test_a_stack_stands():
    with make(PILE, boxes=5, max_steps=10_000) as batch:
        still(batch, 900)
        for k in range(5):
            box = batch.state(0).boxes[k]
            assert abs(box.x) < 0.05 and abs(box.y) < 0.05
            assert box.z == pytest.approx(k + 0.5, abs=0.08)  # Bullet lets boxes sink by its slop


def test_energy_does_not_grow():
    with make(PILE, boxes=6, scatter=1.5, max_steps=10_000, seed=3) as batch:

        def energy():
            s = batch.rows.states[0]["boxes"]
            moving = 0.5 * (s["vx"] ** 2 + s["vy"] ** 2 + s["vz"] ** 2)
            turning = 0.5 / 6 * (s["spin_x"] ** 2 + s["spin_y"] ** 2 + s["spin_z"] ** 2)
            return float((moving + turning + 10 * s["z"]).sum())

        # Boxes thrown into one another are pushed apart first: count from when that is over.
        still(batch, 60)
        energies = [energy()]
        for _ in range(300):
            still(batch, 1)
            energies.append(energy())
        assert max(energies) <= energies[0] * 1.001
        assert energies[-1] < energies[0]


def test_a_hinge_does_not_drift():
    with make(PILE, max_steps=10_000) as batch:
        still(batch, 600)
        door = batch.state(0).door
        # The hinge holds the point (-1, 0, 0) of the door where it was: at (-7, 0, 2).
        turn = 2 * np.arctan2(door.qz, door.qw)
        assert door.x - np.cos(turn) == pytest.approx(-7, abs=0.02)
        assert door.y - np.sin(turn) == pytest.approx(0, abs=0.02)
        assert door.z == pytest.approx(2, abs=0.02)


# -- exactness --------------------------------------------------------------------------------------


def trajectory(batch, level, steps=150):
    rng = np.random.default_rng(level)
    batch.reset(levels=level)
    rows = []
    for _ in range(steps):
        batch.step(batch.sample_actions(rng))
        rows.append(batch.rows.states[0]["boxes"].tobytes() + batch.rows.states[0]["ball"].tobytes())
    return rows


def test_a_reset_forgets_all_that_was_before():
    with make(PILE, scatter=1.0) as fresh, make(PILE, scatter=1.0) as used:
        expected = trajectory(fresh, 5)
        for level in (7, 8, 9):
            trajectory(used, level, steps=37 * (level - 6))
            assert trajectory(used, 5) == expected


@pytest.mark.parametrize("threads", [2, 3, 64])  # more workers than rows, and than cores, are as many as there are rows
def test_workers_give_the_bytes_of_one_process(threads):
    def run(threads):
        with make(PILE, num_envs=5, seed=2, threads=threads, scatter=1.0, max_steps=20) as batch:
            rng = np.random.default_rng(0)
            found = b""
            for k in range(70):
                if k == 15:
                    batch.params.side[1:4] = 0.7
                for part in batch.step(batch.sample_actions(rng)):
                    found += part.tobytes()
            return found + batch.rows.states.tobytes() + batch.snapshot(4)

    assert run(threads) == run(1)


def test_plain_python_gives_the_bytes_of_compiled_rules():
    with make(PILE, scatter=1.0) as compiled, make(PILE, scatter=1.0, compiled=False) as plain:
        assert trajectory(plain, 3, 40) == trajectory(compiled, 3, 40)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_snapshot_after_a_reset_restores_exactly(threads):
    with make(PILE, num_envs=2, scatter=1.0, threads=threads, max_steps=1000) as batch:
        start = batch.snapshot(1)
        still(batch, 60)
        expected = batch.rows.states[1]["boxes"].tobytes()
        still(batch, 23)
        batch.restore(1, start)
        still(batch, 60)
        assert batch.rows.states[1]["boxes"].tobytes() == expected


@pytest.mark.parametrize("threads", [1, 2])
def test_a_rewound_row_stands_as_it_stood(threads):
    with make(PILE, num_envs=3, scatter=1.0, threads=threads, record=True) as batch:
        rng = np.random.default_rng(1)
        held = []
        for _ in range(60):
            held.append(batch.rows.states[2].tobytes())
            batch.step(batch.sample_actions(rng))
        batch.rewind(2, 33)
        assert batch.rows.states[2].tobytes() == held[33]


@pytest.mark.parametrize("threads", [1, 2])
def test_a_recorded_snapshot_of_mid_episode_restores_exactly(threads):
    with make(PILE, num_envs=3, scatter=1.0, threads=threads, record=True) as batch, make(PILE, num_envs=2) as other:
        rng = np.random.default_rng(1)
        for _ in range(40):
            batch.step(batch.sample_actions(rng))
        kept = batch.snapshot(2)
        assert other.restore(0, kept)
        still(batch, 30)
        still(other, 30)
        assert batch.rows.states[2].tobytes() == other.rows.states[0].tobytes()
        assert batch.restore(0, kept)
        still(batch, 30)
        assert batch.rows.states[0].tobytes() == other.rows.states[0].tobytes()
        batch.rewind(0, 50)
        still(batch, 20)
        assert batch.rows.states[0].tobytes() == other.rows.states[0].tobytes()


def test_a_parameter_of_the_scene_waits_for_the_next_reset():
    with make(PILE, num_envs=2, boxes=1, max_steps=100) as batch:
        batch.params.side[1] = 3.0
        still(batch, 99)
        assert batch.state(1).boxes[0].z == pytest.approx(0.5, abs=0.05)
        still(batch, 99)
        assert batch.state(0).boxes[0].z == pytest.approx(0.5, abs=0.05)
        assert batch.state(1).boxes[0].z == pytest.approx(1.5, abs=0.05)


# -- what rows hear ---------------------------------------------------------------------------------


def test_touches_tell_when_they_begin_how_hard_and_of_what():
    with make(PILE, max_steps=1000) as batch:
        began, impulses = [], []
        for k in range(120):
            still(batch, 1)
            feet = batch.rows.states[0]["feet"]
            began += [k] if feet[0]["began"] else []
            impulses.append(float(feet[0]["impulse"]))
        # The ball's underside, at 2.5 m, meets the goal, 0.6 m high, after sqrt(2 * 1.9 / 10) = 0.616 s.
        assert began[0] == pytest.approx(0.616 * 60, abs=2)
        # It weighs 1 kg and comes to the floor with sqrt(2 * 10 * 2.5) = 7.1 m/s.
        assert max(impulses) == pytest.approx(7.1, rel=0.1)
        assert feet[0]["touching"] == 1 and feet[0]["other"] == -1  # the floor has no field
        assert feet[1]["touching"] == 1 and feet[1]["other"] == 0  # the goal feels the ball


def test_a_pad_that_lies_on_the_ground_is_touched_by_what_lands_on_it_only(tmp_path):
    pad = 'pad = body("pad", BulletBoxShape(Vec3(1, 1, 0.1)), 0, 6, 0, 0.1)\n    goal = BulletGhostNode'
    away = ("Point3(6, 0, 0.3)", "Point3(20, 0, 0.3)")
    path = altered(tmp_path, ("goal = BulletGhostNode", pad), ('"feet": [ball, goal]', '"feet": [pad, goal]'), away)
    with make(path) as batch:
        still(batch, 1)
        assert batch.state(0).feet[0].touching == 0
        still(batch, 60)
        touch = batch.state(0).feet[0]
        assert (touch.touching, touch.other) == (1, 0) and touch.impulse > 0


def test_rays_meet_what_is_nearest_but_not_their_own_body():
    with make(PILE, max_steps=1000) as batch:
        assert batch.state(0).eyes[0].fraction == 1.0
        still(batch, 1)
        eyes = batch.rows.states[0]["eyes"]
        assert eyes[0]["fraction"] == pytest.approx(batch.state(0).ball.z / 10, abs=1e-3)
        assert eyes[1]["fraction"] == pytest.approx(0.5, abs=1e-3)


def test_kinematic_bodies_go_where_rules_put_them():
    with make(PILE) as batch:
        still(batch, 50)
        assert batch.state(0).lift.z == pytest.approx(0.2 + 50 * 0.01, abs=1e-5)
