"""What the panda3d engine refuses, and what becomes of a row that goes wrong."""

import sys

import numpy as np
import pytest

from puffer_arena.batch.make import make
from puffer_arena.errors import DefinitionError, FileError, MissingExtra, PhysicsError
from tests.piles import altered, still
from tests.playing import PILE


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


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_inside_build_is_the_same_in_every_process(tmp_path, threads):
    path = altered(tmp_path, ("    return {", "    1 / (p.side - 0.5) if p.side < 0.6 else None\n    return {"))
    with make(path, num_envs=2, threads=threads, compiled=False) as batch:
        batch.params.side[1] = 0.5
        with pytest.raises(
            DefinitionError, match=r"^environment 'pile_\d+': 'build' \(.*, line \d+\): 1 / .*\n.*ZeroDiv"
        ):
            batch.reset()


def test_two_rows_with_different_numbers_of_bodies_are_refused(tmp_path):
    path = altered(tmp_path, ("for k in range(p.boxes)]", "for k in range(4 if p.side > 0.5 else 3)]"))
    with make(path, num_envs=2, compiled=False) as batch:
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
        make(path, num_envs=3, threads=threads, compiled=False) as batch,
        pytest.raises(PhysicsError, match=f"State.ball.fx = .*{said[:3]}.* The row's bodies were not moved; its step"),
    ):
        still(batch, 20)


def test_a_pose_that_is_no_usable_number_is_named(tmp_path):
    path = altered(tmp_path, ("s.lift.z += 0.01", "s.lift.z = 1e30 if s.step_count > 5 else 1.0"))
    with make(path, compiled=False) as batch, pytest.raises(PhysicsError, match="row 0, step 6"):
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
    from puffer_arena.engines.bullet import engine as bullet

    monkeypatch.setitem(sys.modules, "panda3d.core", None)
    monkeypatch.setitem(sys.modules, "panda3d", None)
    bullet.load_panda.cache_clear()
    with pytest.raises(MissingExtra, match=r"pip install 'puffer-arena\[world\]'"):
        bullet.load_panda()


def test_an_unsupported_panda3d_is_named(monkeypatch):
    from panda3d import core

    from puffer_arena.engines.bullet import engine as bullet

    class System:
        @staticmethod
        def get_version_string():
            return "1.9.4"

    monkeypatch.setattr(core, "PandaSystem", System)
    bullet.load_panda.cache_clear()
    with pytest.raises(MissingExtra, match=r"panda3d 1\.9\.4 is not supported"):
        bullet.load_panda()
