"""Crane: an arm on a hinge, a lift on a slider, a cart on wheels and a ball, for tests of what drives worlds in space.

Actions       Box(-1, 1, (3,)): speed of the arm, of the lift, and force of the cart's wheels, in parts of `strength`.
Observation   float32 (4,): where the arm and the lift stand, the cart's way, the impulse of the ball's hardest contact.
Reward        none.
Termination   none.  Truncation: max_steps.
Parameters    strength, max_steps.
Source        own.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from puffer_arena.core import (
    Array,
    Body3D,
    Box,
    Canvas,
    Canvas3D,
    Env,
    Header,
    Joint3D,
    Touch3D,
    body3d,
    contact3d,
    jit,
    joint3d,
    param,
    ray3d,
    touch3d,
    uniform,
    wheel3d,
)

ARM_MASS, LIFT_MASS = 2.0, 3.0  # kg


@dataclass(frozen=True)
class Params:
    strength: float = param(1.0, 0.0, 1e20, "of all motors")
    max_steps: int = param(80, 1, 100_000)


class State(Header):
    ball: Body3D = body3d()
    arm: Body3D = body3d()
    lift: Body3D = body3d()
    cart: Body3D = body3d()
    plate: Body3D = body3d()  # static
    elevator: Body3D = body3d()  # kinematic
    hinge: Joint3D = joint3d()
    slider: Joint3D = joint3d()
    wheels: Array = wheel3d(4)
    hits: Array = contact3d(3)  # of the ball
    feet: Touch3D = touch3d()  # the ball's
    eyes: Array = ray3d(2)  # of the ball, down; and of the world, onto the elevator


def build(world: Any, p: Params) -> dict[str, Any]:
    from panda3d.bullet import (
        BulletBoxShape,
        BulletHingeConstraint,
        BulletRigidBodyNode,
        BulletSliderConstraint,
        BulletSphereShape,
        BulletVehicle,
    )
    from panda3d.core import Point3, TransformState, Vec3

    world.set_gravity(Vec3(0, 0, -10))

    def body(name: str, shape: Any, mass: float, *at: float) -> Any:
        node = BulletRigidBodyNode(name)
        node.add_shape(shape)
        node.set_mass(mass)
        node.set_friction(0.8)
        node.set_transform(TransformState.make_pos(Point3(*at)))
        world.attach(node)
        return node

    floor = body("floor", BulletBoxShape(Vec3(50, 50, 1)), 0, 0, 0, -1)
    ball = body("ball", BulletSphereShape(0.5), 1, 0, 0, 1.2)
    arm = body("arm", BulletBoxShape(Vec3(1, 0.1, 0.1)), ARM_MASS, -6, 0, 2)
    lift = body("lift", BulletBoxShape(Vec3(1, 1, 0.1)), LIFT_MASS, 6, 0, 1)
    cart = body("cart", BulletBoxShape(Vec3(0.5, 1, 0.2)), 50, 0, 10, 0.8)
    plate = body("plate", BulletBoxShape(Vec3(1, 1, 0.1)), 0, 0, 0, 0.4)
    elevator = body("elevator", BulletBoxShape(Vec3(1, 1, 0.1)), 0, 20, 20, 0.4)
    elevator.set_kinematic(True)
    hinge = BulletHingeConstraint(arm, Point3(0, 0, 0), Vec3(0, 0, 1), True)
    upwards = TransformState.make_hpr(Vec3(0, 0, -90))  # the slider's axis is x
    slider = BulletSliderConstraint(floor, lift, upwards.set_pos(Point3(6, 0, 2)), upwards, True)
    slider.set_lower_linear_limit(-5)
    slider.set_upper_linear_limit(5)
    world.attach(hinge)
    world.attach(slider)
    vehicle = BulletVehicle(world, cart)
    for x, y in ((-0.6, 0.8), (0.6, 0.8), (-0.6, -0.8), (0.6, -0.8)):
        wheel = vehicle.create_wheel()
        wheel.set_chassis_connection_point_cs(Point3(x, y, 0))
        wheel.set_wheel_direction_cs(Vec3(0, 0, -1))
        wheel.set_wheel_axle_cs(Vec3(1, 0, 0))
        wheel.set_wheel_radius(0.3)
        wheel.set_suspension_stiffness(40)
        wheel.set_wheels_damping_relaxation(3)
        wheel.set_wheels_damping_compression(4)
        wheel.set_friction_slip(2)
    world.attach(vehicle)
    return {
        "ball": ball, "arm": arm, "lift": lift, "cart": cart, "plate": plate, "elevator": elevator, "hinge": hinge,
        "slider": slider, "wheels": vehicle, "hits": ball, "feet": ball, "eyes": [ball, None],
    }  # fmt: skip


@jit
def reset(s: State, p: Params) -> None:
    s.ball.x, s.ball.vx = uniform(s, -0.5, 0.5), uniform(s, -1.0, 1.0)
    s.eyes[0].bz = -5.0
    s.eyes[1].ax, s.eyes[1].ay, s.eyes[1].az = 20.9, 20.5, 9.0
    s.eyes[1].bx, s.eyes[1].by = 20.9, 20.5
    s.plate.qx, s.elevator.qx = 0.05, 0.05
    s.hinge.max_force, s.slider.max_force = 20.0, 100.0


@jit
def act(s: State, p: Params, action: Array) -> None:
    s.hinge.target = 3.0 * action[0] * p.strength
    s.slider.target = action[1] * p.strength
    for k in range(2):
        s.wheels[k].steer = 0.3 * action[0]
        s.wheels[2 + k].force = 100.0 * action[2] * p.strength
    s.elevator.z += 0.01


@jit
def judge(s: State, p: Params) -> tuple[float, bool, bool]:
    return 0.0, False, s.step_count >= p.max_steps


@jit
def observe(s: State, p: Params, obs: Array) -> None:
    obs[0], obs[1], obs[2], obs[3] = s.hinge.position, s.slider.position, s.cart.y, s.hits[0].impulse


def draw(s: State, p: Params, canvas: Canvas) -> None:
    canvas.view(30, 30, left=-15, low=-15, up=True)
    canvas.circle(s.ball.x, s.ball.y, 0.5, "amber")


def draw3d(s: State, p: Params, canvas: Canvas3D) -> None:
    canvas.paint("ball", "rose" if s.feet.touching else "amber")
    canvas.sphere(0.0, 0.0, 3.0, 0.3, "lime")


ENV = Env(
    params=Params,
    state=State,
    observation=Box(-np.inf, np.inf, (4,)),
    action=Box(-1.0, 1.0, (3,)),
    engine="panda3d",
    build=build,
    substeps=2,
    reset=reset,
    act=act,
    judge=judge,
    observe=observe,
    draw=draw,
    draw3d=draw3d,
)
