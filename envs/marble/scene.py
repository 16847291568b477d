"""marble's plates and ball in Bullet."""

from typing import TYPE_CHECKING, Any

from puffer_arena.envs.marble.state import GRAVITY, MASS, RADIUS, THICK, Params

if TYPE_CHECKING:
    from panda3d.bullet import BulletWorld


def build(world: "BulletWorld", p: Params) -> dict[str, Any]:
    """Make the plates and the marble; `reset` lays the course."""
    from panda3d.bullet import BulletBoxShape, BulletRigidBodyNode, BulletSphereShape
    from panda3d.core import Vec3

    world.set_gravity(Vec3(0, 0, -GRAVITY))
    shape = BulletBoxShape(Vec3(p.width / 2, p.length / 2, THICK / 2))
    plates = []
    for k in range(p.plates):
        plate = BulletRigidBodyNode(f"plate {k}")
        plate.add_shape(shape)
        plate.set_friction(1.0)
        plate.set_tag("color", ("sky", "violet")[k % 2])
        world.attach(plate)
        plates.append(plate)
    plates[-1].set_tag("color", "lime")
    marble = BulletRigidBodyNode("marble")
    marble.add_shape(BulletSphereShape(RADIUS))
    marble.set_mass(MASS)
    marble.set_friction(1.0)
    marble.set_linear_damping(0.05)
    marble.set_tag("color", "amber")
    world.attach(marble)
    return {"marble": marble, "plates": plates}
