"""The walker's body, and the course that an episode has."""

from typing import Any

from puffer_arena.core import jit, uniform
from puffer_arena.envs.walker.state import (
    DEPTH,
    EDGES,
    HIP_RANGE,
    HIP_Y,
    HULL,
    HULL_MASS,
    KNEE_RANGE,
    LEG_LENGTH,
    SHIN_MASS,
    SHIN_WIDTH,
    START,
    STRIDE,
    THIGH_MASS,
    THIGH_WIDTH,
    Params,
    State,
)


def build(world: Any, p: Params) -> dict[str, Any]:
    import pymunk

    world.gravity = 0, -p.gravity
    world.collision_persistence = 1  # steps for which a contact that ended is kept: less memory to go through
    ground = [pymunk.Segment(world.static_body, (k, 0), (k + 1, 0), 0) for k in range(EDGES)]
    for edge in ground:
        edge.friction = 2.5
    world.add(*ground)
    hull = pymunk.Body(HULL_MASS, pymunk.moment_for_poly(HULL_MASS, HULL))
    hull.position = 0.5 * START, 2 * LEG_LENGTH
    belly = pymunk.Poly(hull, HULL)
    belly.friction, belly.filter = 0.1, pymunk.ShapeFilter(group=1)
    world.add(hull, belly)
    thighs, shins, hips, knees = [], [], [], []
    for tilt in (-0.05, 0.05):
        thigh = add_limb(world, THIGH_MASS, THIGH_WIDTH, (0.5 * START, 1.5 * LEG_LENGTH + HIP_Y), tilt)
        shin = add_limb(world, SHIN_MASS, SHIN_WIDTH, (0.5 * START, 0.5 * LEG_LENGTH + HIP_Y), tilt - 0.1)
        hips.append(add_joint(world, hull, thigh, (0, HIP_Y), HIP_RANGE))
        knees.append(add_joint(world, thigh, shin, (0, -LEG_LENGTH / 2), KNEE_RANGE))
        thighs.append(thigh)
        shins.append(shin)
    return {
        "hull": hull, "thighs": thighs, "shins": shins, "hips": hips, "knees": knees,
        "belly": belly, "feet": shins, "ground": ground,
    }  # fmt: skip


def add_limb(world: Any, mass: float, width: float, position: tuple[float, float], angle: float) -> Any:
    """Add a box that collides with the ground only."""
    import pymunk

    limb = pymunk.Body(mass, pymunk.moment_for_box(mass, (width, LEG_LENGTH)))
    limb.position, limb.angle = position, angle
    shape = pymunk.Poly.create_box(limb, (width, LEG_LENGTH))
    shape.friction, shape.filter = 0.8, pymunk.ShapeFilter(group=1)
    world.add(limb, shape)
    return limb


def add_joint(world: Any, upper: Any, lower: Any, at: tuple[float, float], limits: tuple[float, float]) -> Any:
    """Join the top of a limb to a point of another body; return the motor between them."""
    import pymunk

    motor = pymunk.SimpleMotor(upper, lower, 0)
    pivot = pymunk.PivotJoint(upper, lower, at, (0, LEG_LENGTH / 2))
    world.add(pivot, pymunk.RotaryLimitJoint(upper, lower, *limits), motor)
    return motor


@jit
def lay_edge(s: State, dx: float, dy: float) -> None:
    """Continue the ground by one edge."""
    edge = s.ground[s.laid]
    edge.ax, edge.ay, edge.bx, edge.by = s.x, s.y, s.x + dx, s.y + dy
    s.x, s.y, s.laid = s.x + dx, s.y + dy, min(s.laid + 1, EDGES - 1)


@jit
def lay_obstacle(s: State, p: Params) -> None:
    """Lay a stump or a pit, as the parameters allow."""
    stump = p.pit <= 0.0 or (p.stump > 0.0 and uniform(s, 0.0, 1.0) < 0.5)
    if stump:
        height = uniform(s, 0.3, 1.0) * p.stump
        lay_edge(s, 0.0, height)
        lay_edge(s, 0.6, 0.0)
        lay_edge(s, 0.0, -height)
    else:
        lay_edge(s, 0.0, -DEPTH)
        lay_edge(s, uniform(s, 0.4, 1.0) * p.pit, 0.0)
        lay_edge(s, 0.0, DEPTH)


@jit
def lay_course(s: State, p: Params) -> None:
    """Lay level ground, then bumps and obstacles up to the end, and ground beyond it."""
    s.x, s.y, s.laid = 0.0, 0.0, 0
    lay_edge(s, START, 0.0)
    incline = 0.0
    while s.laid < EDGES - 5 and s.x < p.length:
        if (p.stump > 0.0 or p.pit > 0.0) and uniform(s, 0.0, 1.0) < p.obstacles:
            lay_obstacle(s, p)
            incline = 0.0
        else:
            incline = 0.7 * incline + p.bumps * uniform(s, -0.5, 0.5) - 0.02 * s.y
            lay_edge(s, STRIDE, incline * STRIDE)
    lay_edge(s, p.length + 20.0 - s.x, 0.0)
    for _ in range(s.laid, EDGES):
        lay_edge(s, 0.0, 0.0)  # not needed
