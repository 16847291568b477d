"""All that an environment file may import: the authoring model."""

from puffer_arena.core.bodies import (
    Body2D,
    Body3D,
    Joint2D,
    Ray3D,
    Segment2D,
    Touch2D,
    Touch3D,
    body2d,
    body3d,
    joint2d,
    push_at,
    push_at_3d,
    ray3d,
    segment2d,
    to_body_axes,
    to_world_axes,
    touch2d,
    touch3d,
)
from puffer_arena.core.camera import Camera
from puffer_arena.core.canvas import Canvas
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array, Header, Memory, f64, i8, i32, i64
from puffer_arena.core.params import param
from puffer_arena.core.random import normal, randint, random_bits, uniform
from puffer_arena.core.rays import ray_circle, ray_polygon, ray_segment
from puffer_arena.core.series import small_cosine, small_sine
from puffer_arena.core.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Space, Tuple
from puffer_arena.machine.compile import jit

__all__ = [
    "Array",
    "Body2D",
    "Body3D",
    "Box",
    "Camera",
    "Canvas",
    "Dict",
    "Discrete",
    "Env",
    "Header",
    "Joint2D",
    "Memory",
    "MultiBinary",
    "MultiDiscrete",
    "Ray3D",
    "Segment2D",
    "Space",
    "Touch2D",
    "Touch3D",
    "Tuple",
    "body2d",
    "body3d",
    "f64",
    "i8",
    "i32",
    "i64",
    "jit",
    "joint2d",
    "normal",
    "param",
    "push_at",
    "push_at_3d",
    "randint",
    "random_bits",
    "ray3d",
    "ray_circle",
    "ray_polygon",
    "ray_segment",
    "segment2d",
    "small_cosine",
    "small_sine",
    "to_body_axes",
    "to_world_axes",
    "touch2d",
    "touch3d",
    "uniform",
]
