"""A scene written down as C: the calls of Chipmunk that make it again, and its block, in another machine's memory.

What `browser/world.c` has is taken for granted: `word`, PLACE, and `page_NAME` for every function that a block may name.
Neighbours of segments and spatial hashes are left out, since pymunk does not tell them.
"""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pymunk

from puffer_arena.core.env import Env
from puffer_arena.engines.pymunk.block import Block, visiting_order
from puffer_arena.engines.pymunk.calls import NAMES, address, motion_offset, symbol
from puffer_arena.engines.pymunk.features import RESIZERS
from puffer_arena.engines.pymunk.moves import FUNCTIONS, common_words
from puffer_arena.engines.pymunk.scene import ONE_WAY, TARGETS, Scene, build_scene
from puffer_arena.engines.pymunk.sight import MEETING_BY_VALUE
from puffer_arena.engines.pymunk.words import MEET, WORDS
from puffer_arena.errors import DefinitionError
from puffer_arena.machine.calls import REAL

MAKERS = {
    pymunk.Body.DYNAMIC: "cpBodyNew({mass}, {moment})",
    pymunk.Body.KINEMATIC: "cpBodyNewKinematic()",
    pymunk.Body.STATIC: "cpBodyNewStatic()",
}
SPACE = (
    *("iterations", "gravity", "damping", "idle_speed_threshold", "sleep_time_threshold"),
    *("collision_slop", "collision_bias", "collision_persistence"),
)
SHAPE = ("sensor", "collision_type", "elasticity", "friction", "surface_velocity")
JOINT = ("max_force", "error_bias", "max_bias", "collide_bodies")
# What is given to the function that makes a joint, by pymunk's names, and what is set on it later.
JOINTS: dict[type, tuple[str, tuple[str, ...]]] = {
    pymunk.PinJoint: ("cpPinJointNew", ("anchor_a", "anchor_b")),
    pymunk.SlideJoint: ("cpSlideJointNew", ("anchor_a", "anchor_b", "min", "max")),
    pymunk.PivotJoint: ("cpPivotJointNew2", ("anchor_a", "anchor_b")),
    pymunk.GrooveJoint: ("cpGrooveJointNew", ("groove_a", "groove_b", "anchor_b")),
    pymunk.DampedSpring: ("cpDampedSpringNew", ("anchor_a", "anchor_b", "rest_length", "stiffness", "damping")),
    pymunk.DampedRotarySpring: ("cpDampedRotarySpringNew", ("rest_angle", "stiffness", "damping")),
    pymunk.RotaryLimitJoint: ("cpRotaryLimitJointNew", ("min", "max")),
    pymunk.GearJoint: ("cpGearJointNew", ("phase", "ratio")),
    pymunk.SimpleMotor: ("cpSimpleMotorNew", ("rate",)),
}


def write_scene(env: Env, rows: Any, values: Any) -> str:
    """Return C code of `static word make_scene(void)`, which makes the first row's scene and returns its block.

    Args:
        env: the environment.
        rows: `WorldRows`.
        values: the Params that sized them.

    Raises:
        DefinitionError: the scene holds what cannot be written down.
    """
    common = common_words(env, rows.states.dtype)
    scene = build_scene(env, rows.params[0], values, rows.states.dtype)
    names, static_body = dict[int, str](), scene.space.static_body  # pymunk makes it when it is asked for first
    block = Block(env, scene, common)  # which marks one-way shapes
    lines = ["cpSpace *space = cpSpaceNew();", *_set("cpSpace", "space", scene.space, SPACE)]
    names[address(scene.space._space)] = "space"
    bodies = (*scene.space.bodies, static_body)
    for made in (
        _write_bodies(bodies, visiting_order(scene.space), names),
        _write_shapes(scene, names),
        _write_joints(env, scene, names),
    ):
        lines += made
    lines += _write_block(scene, block, common, names)
    return "\n".join(["static word make_scene(void) {", *(f"\t{line}" for line in lines), "}", ""])


def engine_rules() -> dict[str, tuple[Any, str]]:
    """Return the engine's functions uncompiled, by the names of their words, each with its signature."""
    return {WORDS[word]: rule for word, rule in (FUNCTIONS | {MEET: MEETING_BY_VALUE}).items()}


def _write_bodies(bodies: Iterable[pymunk.Body], order: list[int], names: dict[int, str]) -> Iterable[str]:
    """Write the bodies in the order in which Chipmunk visits them, which is one of their ids."""
    offset = motion_offset()
    assert offset is not None  # find_problem checked it
    for k, body in enumerate(sorted(bodies, key=lambda body: order.index(body.id))):
        name = f"body_{k}"
        names[address(body._body)] = name
        names[address(body._body) + offset] = f"&{name}->p"
        maker = MAKERS[body.body_type].format(mass=_text(body.mass), moment=_text(body.moment))
        yield f"cpBody *{name} = cpSpaceAddBody(space, {maker});"
        yield f"cpBodySetPosition({name}, {_text(body.position)}); cpBodySetAngle({name}, {_text(body.angle)});"


def _write_shapes(scene: Scene, names: dict[int, str]) -> Iterable[str]:
    for k, shape in enumerate(scene.space.shapes):
        name = names[address(shape._shape)] = f"shape_{k}"
        assert shape.body is not None  # it is in a space
        body = names[address(shape.body._body)]
        if isinstance(shape, pymunk.Circle):
            made = f"cpCircleShapeNew({body}, {_text(shape.radius)}, {_text(shape.offset)})"
        elif isinstance(shape, pymunk.Segment):
            made = f"cpSegmentShapeNew({body}, {_text(shape.a)}, {_text(shape.b)}, {_text(shape.radius)})"
        else:
            assert isinstance(shape, pymunk.Poly)  # there are no others
            corners = [_text(corner) for corner in shape.get_vertices()]
            yield f"cpVect corners_{k}[] = {{{', '.join(corners)}}};"
            made = f"cpPolyShapeNewRaw({body}, {len(corners)}, corners_{k}, {_text(shape.radius)})"
        yield f"cpShape *{name} = {made};"
        yield from _set("cpShape", name, shape, SHAPE)
        kept = shape.filter
        yield f"cpShapeSetFilter({name}, cpShapeFilterNew({kept.group}u, {kept.categories}u, {kept.mask}u));"
        yield f"cpSpaceAddShape(space, {name});"


def _write_joints(env: Env, scene: Scene, names: dict[int, str]) -> Iterable[str]:
    for k, joint in enumerate(scene.space.constraints):
        name = names[address(joint._constraint)] = f"joint_{k}"
        if type(joint) not in JOINTS:
            raise DefinitionError(f"'{env.name}' has a {type(joint).__name__}, which a page does not have")
        maker, parts = JOINTS[type(joint)]
        ends = [names[address(body._body)] for body in (joint.a, joint.b)]
        given = ", ".join([*ends, *(_text(getattr(joint, part)) for part in parts)])
        yield f"cpConstraint *{name} = {maker}({given});"
        if isinstance(joint, pymunk.PinJoint):
            yield f"cpPinJointSetDist({name}, {_text(joint.distance)});"
        yield from _set("cpConstraint", name, joint, JOINT)
        yield f"cpSpaceAddConstraint(space, {name});"


def _write_block(scene: Scene, block: Block, common: dict[int, Any], names: dict[int, str]) -> Iterable[str]:
    """Write the block's words as they are, and after them the tables of `common`; then exchange all addresses."""
    words, places = [*block.words.tolist()], dict[int, str]()
    begin, end = block.address, block.address + block.words.nbytes
    for word, item in common.items():
        if isinstance(item, np.ndarray):
            places[item.ctypes.data] = f"block + {len(words)}"
            words += item.tolist()
        else:
            places[item.address] = f"page_{WORDS[word]}"
    places |= names | {symbol(name): f"page_{name}" for name in _called(scene)}
    inside = {k: f"block + {(word - begin) // REAL}" for k, word in enumerate(words) if begin <= word <= end}
    named = inside | {k: places[word] for k, word in enumerate(words) if word in places}
    numbers = ", ".join("0" if k in named else f"{word % 2**64:#x}u" for k, word in enumerate(words))
    yield f"static const uint64_t numbers[] = {{{numbers}}};"
    yield f"static word block[{len(words)}];"
    yield "memcpy(block, numbers, sizeof(block));"
    for k, name in named.items():
        yield f"block[{k}] = PLACE({name});"
    if scene.one_ways:
        yield f"cpCollisionHandler *handler = cpSpaceAddCollisionHandler(space, {ONE_WAY}, CP_WILDCARD_COLLISION_TYPE);"
        yield "handler->preSolveFunc = pass; handler->userData = block;"
    yield "return PLACE(block);"


def _called(scene: Scene) -> set[str]:
    """Return Chipmunk's functions that the scene's block names."""
    tuned = {tuner.setter for each in scene.tuners for tuner in each if tuner.setter}
    return {*NAMES, *(setter for _, setter in TARGETS.values()), *RESIZERS.values(), *tuned}


def _set(kind: str, name: str, thing: Any, attributes: Iterable[str]) -> Iterable[str]:
    """Write what sets attributes, whose setters Chipmunk names as pymunk does, in its own spelling."""
    for attribute in attributes:
        setter = "".join(part.capitalize() for part in attribute.split("_"))
        yield f"{kind}Set{setter}({name}, {_text(getattr(thing, attribute))});"


def _text(value: Any) -> str:
    """Return a number or a vector as C writes it, to the last bit."""
    if isinstance(value, tuple):
        return f"cpv({_text(value[0])}, {_text(value[1])})"
    if isinstance(value, bool | int):
        return f"{int(value)}u" if value > 2**31 else str(int(value))
    if math.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    return float(value).hex()
