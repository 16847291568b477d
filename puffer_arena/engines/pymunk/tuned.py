"""Numbers of a scene that rules may change: masses, sizes and surfaces of shapes, anchors and limits of joints.

A `Tuner` ties one number of a row, or two that belong together, to what sets them: Chipmunk's function for compiled
stepping, pymunk's attribute for the public API.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pymunk

from puffer_arena.core.records import FRAME_2D, MASS_2D, SHAPE_2D
from puffer_arena.kernels.world import STRONGEST

# How numbers are set: not at all, for the object has none such; one; a vector; then the two scales of a shape.
FIXED, REAL, VECTOR, CIRCLE, POLYGON, EDGE = range(6)
NOT_NEGATIVE = -5e-324  # the greatest number below 0
ANCHORS = {"ax": "a", "bx": "b", "cx": "c"}  # a vector's first number -> its name in `FRAMES`
# Joint -> name of a number or vector -> (pymunk's attribute, the end of Chipmunk's setter).
FRAMES: dict[type, dict[str, tuple[str, str]]] = {
    pymunk.PinJoint: {"a": ("anchor_a", "AnchorA"), "b": ("anchor_b", "AnchorB")},
    pymunk.SlideJoint: {
        "a": ("anchor_a", "AnchorA"),
        "b": ("anchor_b", "AnchorB"),
        "low": ("min", "Min"),
        "high": ("max", "Max"),
    },
    pymunk.PivotJoint: {"a": ("anchor_a", "AnchorA"), "b": ("anchor_b", "AnchorB")},
    pymunk.GrooveJoint: {"a": ("groove_a", "GrooveA"), "b": ("anchor_b", "AnchorB"), "c": ("groove_b", "GrooveB")},
    pymunk.DampedSpring: {
        "a": ("anchor_a", "AnchorA"),
        "b": ("anchor_b", "AnchorB"),
        "stiffness": ("stiffness", "Stiffness"),
        "damping": ("damping", "Damping"),
    },
    pymunk.DampedRotarySpring: {"stiffness": ("stiffness", "Stiffness"), "damping": ("damping", "Damping")},
    pymunk.RotaryLimitJoint: {"low": ("min", "Min"), "high": ("max", "Max")},
}


@dataclass
class Tuner:
    """One number of a record, or two.

    Attributes:
        handle: the body, shape or joint.
        how: FIXED, REAL, ...
        part: the first number's name, and `offset`, its bytes from the record's beginning.
        attribute, setter: what sets it in pymunk and in Chipmunk.
        limit: what its numbers must be greater than.
        base: a shape's geometry as built, which scales refer to.
    """

    handle: Any
    how: int
    part: str
    offset: int
    attribute: str = ""
    setter: str = ""
    limit: float = -math.inf
    base: tuple[float, ...] = ()

    @property
    def count(self) -> int:
        """How many numbers it sets."""
        return 2 if self.how >= VECTOR else 1

    def allows(self, values: Sequence[float]) -> bool:
        """Tell whether the engine takes such numbers."""
        if self.how == FIXED:
            return values[0] == 0.0
        usable = all(abs(value) < STRONGEST and value > self.limit for value in values)
        return usable and (self.how != CIRCLE or values[0] == values[1])

    def set(self, values: Sequence[float]) -> None:
        """Set it by pymunk's public API."""
        if self.how == REAL:
            setattr(self.handle, self.attribute, values[0])
        elif self.how == VECTOR:
            setattr(self.handle, self.attribute, tuple(values))
        elif self.how != FIXED:
            RESIZE[self.how](self.handle, self.base, values)


def _resize_circle(shape: Any, base: Sequence[float], scale: Sequence[float]) -> None:
    shape.unsafe_set_radius(scale[0] * base[0])
    shape.unsafe_set_offset((scale[0] * base[1], scale[0] * base[2]))


def _resize_polygon(shape: Any, base: Sequence[float], scale: Sequence[float]) -> None:
    shape.unsafe_set_vertices([(scale[0] * base[k], scale[1] * base[k + 1]) for k in range(0, len(base), 2)])


def _resize_edge(shape: Any, base: Sequence[float], scale: Sequence[float]) -> None:
    a, b = (scale[0] * base[0], scale[1] * base[1]), (scale[0] * base[2], scale[1] * base[3])
    shape.unsafe_set_endpoints(a, b)


RESIZE: dict[int, Callable[..., None]] = {CIRCLE: _resize_circle, POLYGON: _resize_polygon, EDGE: _resize_edge}


def tune_mass(body: pymunk.Body) -> tuple[list[Tuner], tuple[float, ...]]:
    """Return what sets a body's mass and moment, and the record as built."""
    tuners = [
        Tuner(body, REAL, part, _offset(MASS_2D, part), part, f"cpBodySet{part.capitalize()}", 0.0)
        for part in ("mass", "moment")
    ]
    return tuners, (body.mass, body.moment)


def tune_shape(shape: pymunk.Shape) -> tuple[list[Tuner], tuple[float, ...]]:
    """Return what sets a shape's size and surface, and the record as built."""
    base: tuple[float, ...]
    if isinstance(shape, pymunk.Circle):
        how, base = CIRCLE, (shape.radius, *shape.offset)
    elif isinstance(shape, pymunk.Poly):
        how, base = POLYGON, tuple(number for corner in shape.get_vertices() for number in corner)
    else:
        assert isinstance(shape, pymunk.Segment)  # there are no others
        how, base = EDGE, (*shape.a, *shape.b)
    tuners = [Tuner(shape, how, "scale_x", _offset(SHAPE_2D, "scale_x"), limit=0.0, base=base)]
    for part in ("friction", "elasticity"):
        setter = f"cpShapeSet{part.capitalize()}"
        tuners.append(Tuner(shape, REAL, part, _offset(SHAPE_2D, part), part, setter, NOT_NEGATIVE))
    return tuners, (1.0, 1.0, shape.friction, shape.elasticity)


def tune_frame(joint: pymunk.Constraint) -> tuple[list[Tuner], tuple[float, ...]]:
    """Return what sets a joint's anchors, limits and spring, and the record as built."""
    has, built = FRAMES.get(type(joint), {}), dict.fromkeys(FRAME_2D.names or (), 0.0)
    tuners = []
    for part in built:
        name = ANCHORS.get(part, part)
        if name in has:
            attribute, ending = has[name]
            setter = f"cp{type(joint).__name__}Set{ending}"
            limit = NOT_NEGATIVE if part in ("stiffness", "damping") else -math.inf
            how = VECTOR if part in ANCHORS else REAL
            tuners.append(Tuner(joint, how, part, _offset(FRAME_2D, part), attribute, setter, limit))
            value = getattr(joint, attribute)
            built |= {part: value[0], f"{part[0]}y": value[1]} if how == VECTOR else {part: value}
        elif not (part.endswith("y") and part[0] in has):
            tuners.append(Tuner(joint, FIXED, part, _offset(FRAME_2D, part)))
    return tuners, tuple(built.values())


def _offset(dtype: Any, part: str) -> int:
    return int(dtype.fields[part][1])
