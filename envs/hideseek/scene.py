"""The hall, the room's blocks, boxes, ramps and agents, as bodies."""

from typing import TYPE_CHECKING, Any

from puffer_arena.envs.hideseek.state import FAR, HALF, MASS, RADIUS, SIDE, WEDGE, Params, block_length

if TYPE_CHECKING:
    from panda3d.bullet import BulletWorld


def build(world: "BulletWorld", p: Params) -> dict[str, Any]:
    from panda3d.bullet import BulletBoxShape, BulletConvexHullShape, BulletRigidBodyNode, BulletSphereShape
    from panda3d.core import Point3, TransformState, Vec3

    world.set_gravity(Vec3(0, 0, -9.81))

    def add(name: str, shape: Any, mass: float, color: str, friction: float) -> Any:
        node = BulletRigidBodyNode(name)
        node.add_shape(shape)
        node.set_mass(mass)
        node.set_friction(friction)
        node.set_tag("color", color)
        world.attach(node)
        return node

    half = 0.5 * p.size
    hall = add("hall", BulletBoxShape(Vec3(2 * FAR, 2 * FAR, 0.5)), 0.0, "floor", 0.8)
    hall.set_transform(TransformState.make_pos(Point3(0, 0, -0.5)))
    for k, (x, y) in enumerate(((1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0))):
        shape = BulletBoxShape(Vec3(0.5 if x else half + 1, 0.5 if y else half + 1, 2))
        wall = add(f"wall {k}", shape, 0.0, "wall", 0.0)
        wall.set_transform(TransformState.make_pos(Point3(x * (half + 0.5), y * (half + 0.5), 0)))
    long = block_length(p) / 2
    sides = [Vec3(long, 0.1, HALF)] * SIDE + [Vec3(0.1, long, HALF)] * SIDE
    blocks = [add(f"block {k}", BulletBoxShape(side), 0.0, "stone", 0.0) for k, side in enumerate(sides)]
    wedge = BulletConvexHullShape()
    for x in (-HALF, HALF):
        for y, z in ((-WEDGE, -HALF), (WEDGE, -HALF), (WEDGE, HALF)):
            wedge.add_point(Point3(x, y, z))
    cube = BulletBoxShape(Vec3(HALF, HALF, HALF))
    boxes = [add(f"box {k}", cube, 12.0, "amber", 0.5) for k in range(p.boxes)]
    ramps = [add(f"ramp {k}", wedge, 12.0, "lime", 0.5) for k in range(p.ramps)]
    for thing in boxes + ramps:
        thing.set_angular_factor(Vec3(0, 0, 1))
        thing.set_angular_damping(0.9)
    agents = []
    for k in range(p.agents):
        agents.append(add(f"agent {k}", BulletSphereShape(RADIUS), MASS, "sky" if k < p.hiders else "rose", 0.0))
        agents[k].set_angular_factor(Vec3(0, 0, 0))
    for k, node in enumerate([*blocks, *boxes, *ramps, *agents]):
        node.set_transform(TransformState.make_pos(Point3(FAR, 2.0 * k - FAR / 2, HALF)))
    return {"agents": agents, "boxes": boxes, "ramps": ramps, "blocks": blocks}
