"""The panda3d engine: laws of mechanics, exact resets, what rows hear of their worlds, and what is refused."""

import gc
import os
import signal
import subprocess
import sys
import textwrap
import weakref
from pathlib import Path

import numpy as np
import pytest

from puffer_arena.batch.batch import make
from puffer_arena.core.errors import DefinitionError, FileError, MissingExtra, PhysicsError, WorkerError
from tests.playing import PILE
from tests.processes import run_python, unmeasured

SOURCE = Path(PILE).read_text()


def still(batch, steps):
    for _ in range(steps):
        batch.step(np.zeros_like(batch.actions))


def altered(tmp_path, *changes):
    """Write the pile with some lines changed, and return its path."""
    source = SOURCE
    for old, new in changes:
        assert old in source
        source = source.replace(old, new, 1)
    path = tmp_path / f"pile_{abs(hash(changes))}.py"
    path.write_text(source)
    return str(path)


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


# -- what is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([('"door": door,', "")], "returned no handle for State.door"),
        ([('"door": door,', '"dor": door, "door": door,')], "a handle 'dor' that State does not declare"),
        ([('"boxes": boxes,', '"boxes": boxes[1:],')], r"returned 3 handles for State.boxes, which has 4"),
        ([('"door": door,', '"door": 3,')], "the handle of State.door is 3; it must be a BulletRigidBodyNode"),
        ([('"door": door,', '"door": ball,')], "belongs to another field already"),
        ([('"lift", BulletBoxShape(Vec3(1, 1, 0.2)), 0,', '"lift", BulletBoxShape(Vec3(1, 1, 0.2)), 0,'),
          ("    return {", '    body("stray", shape, 1, 0, 0, 9)\n    return {')], "body 'stray' moves but has no field"),
        ([("    world.attach(goal)\n", "")], "not in the world; call world.attach"),
        ([("    return {", "    return 3\n    return {")], "it must return a dict"),
        ([('"of a box, m", at_reset=True', '"of a box, m"')], "build reads p.side, which takes effect at once"),
    ],
)  # fmt: skip
def test_a_build_that_does_not_fit_its_state_is_named(tmp_path, changes, message):
    with pytest.raises(DefinitionError, match=message):
        make(altered(tmp_path, *changes))


def test_two_rows_with_different_numbers_of_bodies_are_refused(tmp_path):
    path = altered(tmp_path, ("for k in range(p.boxes)]", "for k in range(4 if p.side > 0.5 else 3)]"))
    with make(path, num_envs=2) as batch:
        batch.params.side[1] = 0.3
        with pytest.raises(DefinitionError, match=r"returned 3 handles for State\.boxes, which has 4"):
            batch.reset()


@pytest.mark.parametrize(
    ("strength", "said", "threads"),
    [("math.nan", "nan", 1), ("math.inf", "inf", 1), ("1e20", "1e+20", 1), ("math.nan", "nan", 2)],
)
def test_a_force_that_is_no_usable_number_is_named(tmp_path, strength, said, threads):
    path = altered(
        tmp_path,
        ("from dataclasses", "import math\nfrom dataclasses"),
        ("s.ball.fx = p.strength * action[0]", f"s.ball.fx = {strength} if s.step_count > 5 else 0.0"),
    )
    with (
        make(path, num_envs=3, threads=threads) as batch,
        pytest.raises(PhysicsError, match=f"State.ball.fx = .*{said[:3]}"),
    ):
        still(batch, 20)


def test_a_pose_that_is_no_usable_number_is_named(tmp_path):
    path = altered(tmp_path, ("s.lift.z += 0.01", "s.lift.z = 1e30 if s.step_count > 5 else 1.0"))
    with make(path) as batch, pytest.raises(PhysicsError, match="row 0, step 6"):
        still(batch, 20)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_body_flung_out_of_the_world_truncates_the_episode(threads):
    with make(PILE, num_envs=2, strength=1e13, threads=threads, max_steps=1000) as batch:
        push = np.zeros_like(batch.actions)
        push[1] = 1.0
        batch.step(push)
        assert batch.truncated.tolist() == [False, True]
        assert np.isfinite(batch.obs).all()
        still(batch, 5)
        assert batch.state(1).step_count == 5


def test_a_foreign_row_is_refused():
    with make(PILE) as batch:
        data = bytearray(batch.snapshot(0))
        data[-1] ^= 1
        with pytest.raises(FileError):
            batch.restore(0, bytes(data))


def test_a_missing_panda3d_is_said_with_the_command_that_installs_it(monkeypatch):
    from puffer_arena.engines import bullet

    monkeypatch.setitem(sys.modules, "panda3d.core", None)
    monkeypatch.setitem(sys.modules, "panda3d", None)
    bullet.load_panda.cache_clear()
    with pytest.raises(MissingExtra, match=r"pip install 'puffer-arena\[world\]'"):
        bullet.load_panda()


def test_an_unsupported_panda3d_is_named(monkeypatch):
    from panda3d import core

    from puffer_arena.engines import bullet

    class System:
        @staticmethod
        def get_version_string():
            return "1.9.4"

    monkeypatch.setattr(core, "PandaSystem", System)
    bullet.load_panda.cache_clear()
    with pytest.raises(MissingExtra, match=r"panda3d 1\.9\.4 is not supported"):
        bullet.load_panda()


def test_a_closed_batch_says_so():
    batch = make(PILE, num_envs=2)
    batch.close()
    with pytest.raises(PhysicsError, match="closed"):
        still(batch, 1)


# -- processes and memory ---------------------------------------------------------------------------


def resident():
    """Return the memory this process uses, in MB."""
    if not os.path.exists("/proc/self/statm"):
        pytest.skip("only Linux tells this without another package")
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_worker_is_reported_and_no_other_is_left():
    batch = make(PILE, num_envs=4, threads=2)
    (pid,) = batch.worlds._engine._workers.pids
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(WorkerError, match=r"worker 0 \(rows 2 to 3\) was ended by SIGKILL"):
        still(batch, 2)
    batch.close()


def test_many_resets_leave_memory_flat():
    with make(PILE, boxes=2, max_steps=1) as batch:
        still(batch, 300)
        before = resident()
        still(batch, 3000)
        assert resident() - before < 8


@pytest.mark.slow
def test_a_hundred_thousand_resets_leave_memory_flat():
    with make(PILE, boxes=1, max_steps=1) as batch:
        still(batch, 1000)
        before = resident()
        still(batch, 100_000)
        assert resident() - before < 8


DROPPED = """
    import gc
    from puffer_arena.batch.batch import make
    def resident():
        gc.collect()
        return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6
    for k in range(100):
        make(PILE, num_envs=2)
    before = resident()
    for k in range(COUNT):
        make(PILE, num_envs=2)
    print(resident() - before)
"""


def grown_by_dropping(count):
    resident()
    code = DROPPED.replace("PILE", repr(PILE)).replace("COUNT", str(count))
    return float(run_python(code, PYTHONPATH=os.pathsep.join(sys.path)))


def test_a_dropped_batch_is_gone_at_once():
    batch = make(PILE)
    known = weakref.ref(batch.worlds._engine)
    gc.disable()
    try:
        del batch
        assert known() is None
    finally:
        gc.enable()


def test_dropped_batches_leave_memory_flat():
    assert grown_by_dropping(100) < 4


@pytest.mark.slow
def test_a_thousand_dropped_batches_leave_memory_flat():
    assert grown_by_dropping(1000) < 4


@pytest.mark.slow
def test_dropped_batches_of_workers_leave_nothing():
    for _ in range(20):
        batch = make(PILE, num_envs=2, threads=2)
        (pid,) = batch.worlds._engine._workers.pids
        del batch
        gc.collect()
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


INTERRUPTED = """
    import signal, sys
    import numpy as np
    from puffer_arena.batch.batch import make
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which shells take from what they run in the background
    batch = make(sys.argv[1], num_envs=6, threads=2, max_steps=100_000, seed=1)
    twin = make(sys.argv[1], num_envs=6, max_steps=100_000, seed=1)
    actions = np.zeros_like(batch.actions)
    print(*batch.worlds._engine._workers.pids, flush=True)
    interrupts = 0
    while interrupts < 5:
        try:
            for k in range(1_000_000):
                batch.step(actions)
                if k == 3:
                    print("stepping", flush=True)
        except KeyboardInterrupt:
            interrupts += 1
    steps = int(batch.rows.states["step_count"][0])
    assert (batch.rows.states["step_count"] == steps).all()
    for _ in range(steps):
        twin.step(actions)
    assert batch.rows.states.tobytes() == twin.rows.states.tobytes()
    print("same", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of this kind are POSIX")
def test_an_interrupt_in_the_middle_of_a_step_leaves_whole_steps():
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(INTERRUPTED), PILE],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=unmeasured(),
    )
    (pid,) = (int(word) for word in parent.stdout.readline().split())
    for _ in range(5):
        assert parent.stdout.readline() == "stepping\n"
        parent.send_signal(signal.SIGINT)
    out, err = parent.communicate(timeout=60)
    assert out == "same\n", err
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
