"""All that an environment file may import: the authoring model."""

from puffer_arena.core.canvas import Canvas
from puffer_arena.core.compile import jit
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array, Header, f64, i8, i32, i64
from puffer_arena.core.params import param
from puffer_arena.core.random import normal, randint, random_bits, uniform
from puffer_arena.core.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Space, Tuple

__all__ = [
    "Array",
    "Box",
    "Canvas",
    "Dict",
    "Discrete",
    "Env",
    "Header",
    "MultiBinary",
    "MultiDiscrete",
    "Space",
    "Tuple",
    "f64",
    "i8",
    "i32",
    "i64",
    "jit",
    "normal",
    "param",
    "randint",
    "random_bits",
    "uniform",
]
