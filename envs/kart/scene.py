"""kart's ground, karts and wheels in Bullet."""

from typing import TYPE_CHECKING, Any

from puffer_arena.core.races import COLORS
from puffer_arena.envs.kart.state import GRAVITY, MASS, WHEEL_RADIUS, Params

if TYPE_CHECKING:
    from panda3d.bullet import BulletWorld

HALF = (0.6, 1.1, 0.2)  # of the chassis, m
WHEELS = ((-0.75, 0.85), (0.75, 0.85), (-0.75, -0.85), (0.75, -0.85))  # front left, front right, rear; m


def build(world: "BulletWorld", p: Params) -> dict[str, Any]:
    from panda3d.bullet import BulletBoxShape, BulletRigidBodyNode, BulletVehicle
    from panda3d.core import Point3, TransformState, Vec3

    world.set_gravity(Vec3(0, 0, -GRAVITY))
    ground = BulletRigidBodyNode("ground")
    ground.add_shape(BulletBoxShape(Vec3(400, 400, 1)))
    ground.set_transform(TransformState.make_pos(Point3(0, 0, -1)))
    ground.set_friction(1.0)
    ground.set_tag("color", "leaf")
    world.attach(ground)
    cars, vehicles = [], []
    for k in range(p.cars):
        kart = BulletRigidBodyNode(f"kart {k}")
        kart.add_shape(BulletBoxShape(Vec3(*HALF)), TransformState.make_pos(Point3(0, 0, 0.1)))
        kart.set_transform(TransformState.make_pos(Point3(6.0 * k, 0, 0.55)))
        kart.set_mass(MASS)
        kart.set_tag("color", COLORS[k])
        world.attach(kart)
        vehicle = BulletVehicle(world, kart)
        for x, y in WHEELS:
            wheel = vehicle.create_wheel()
            wheel.set_chassis_connection_point_cs(Point3(x, y, 0.2))
            wheel.set_wheel_direction_cs(Vec3(0, 0, -1))
            wheel.set_wheel_axle_cs(Vec3(1, 0, 0))
            wheel.set_wheel_radius(WHEEL_RADIUS)
            wheel.set_max_suspension_travel_cm(25)
            wheel.set_suspension_stiffness(50)
            wheel.set_wheels_damping_relaxation(3)
            wheel.set_wheels_damping_compression(4)
            wheel.set_friction_slip(p.grip)
            wheel.set_roll_influence(0.1)
        world.attach(vehicle)
        cars.append(kart)
        vehicles.append(vehicle)
    return {"cars": cars, "wheels": vehicles}
