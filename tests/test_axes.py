"""Vectors of a body's own axes and of the world's, and forces that act off its centre."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from puffer_arena.core import push_at_3d, to_body_axes, to_world_axes

TURNS = np.random.default_rng(0).normal(size=(20, 4))


def body(qw=1.0, qx=0.0, qy=0.0, qz=0.0):
    forces = dict.fromkeys(("fx", "fy", "fz", "torque_x", "torque_y", "torque_z"), 0.0)
    return SimpleNamespace(x=1.0, y=2.0, z=3.0, qw=qw, qx=qx, qy=qy, qz=qz, **forces)


def turned(turn):
    return body(*(turn / np.linalg.norm(turn)))


def matrix(b):
    """Return the rotation from a body's axes to the world's, as textbooks have it."""
    w, x, y, z = b.qw, b.qx, b.qy, b.qz
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


@pytest.mark.parametrize("turn", TURNS)
def test_axes_turn_as_the_quaternion_says(turn):
    b, vector = turned(turn), (0.3, -1.2, 2.0)
    assert to_world_axes(b, *vector) == pytest.approx(matrix(b) @ vector)
    assert to_body_axes(b, *vector) == pytest.approx(matrix(b).T @ vector)


def test_a_quarter_turn_to_the_left_brings_forwards_to_the_left():
    b = body(qw=math.cos(math.pi / 4), qz=math.sin(math.pi / 4))
    assert to_world_axes(b, 1.0, 0.0, 0.0) == pytest.approx((0.0, 1.0, 0.0))
    assert to_body_axes(b, 0.0, 1.0, 0.0) == pytest.approx((1.0, 0.0, 0.0))


def test_a_force_off_the_centre_turns_the_body_as_its_arm_says():
    b, force, at = body(), (1.0, -2.0, 3.0), (2.0, 2.5, 1.0)
    push_at_3d(b, *force, *at)
    push_at_3d(b, *force, *at)
    assert (b.fx, b.fy, b.fz) == (2.0, -4.0, 6.0)
    arm = np.subtract(at, (b.x, b.y, b.z))
    assert (b.torque_x, b.torque_y, b.torque_z) == pytest.approx(2 * np.cross(arm, force))
