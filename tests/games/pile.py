"""Pile: boxes, a swinging door and a ball with eyes, for the tests of the engine in space.

Actions       Box(-1, 1, (3,)): force on the ball, in newtons times `strength`.
Observation   float32 (4,): where the ball is, and what its first eye sees.
Reward        none.
Termination   none.  Truncation: max_steps.
Parameters    boxes, side, strength, scatter, max_steps.
Source        own.
"""

from dataclasses import dataclass

import numpy as np

from puffer_arena.core import Box, Env, Header, body3d, f64, jit, param, ray3d, touch3d, uniform


@dataclass(frozen=True)
class Params:
    boxes: int = param(4, 1, 12, "boxes of the pile", at_reset=True)
    side: float = param(1.0, 0.2, 3.0, "of a box, m", at_reset=True)
    strength: float = param(5.0, 0.0, 1e30, "greatest force on the ball, N")
    scatter: float = param(0.0, 0.0, 5.0, "how far boxes are thrown about at a reset, m")
    max_steps: int = param(200, 1, 100_000)


class State(Header):
    ball = body3d()
    boxes = body3d("boxes")
    door = body3d()
    lift = body3d()
    feet = touch3d(2)  # the ball; the goal
    eyes = ray3d(2)  # of the ball: down; and one from above onto the floor's middle
    last = f64(3)


def build(world, p):
    from panda3d.bullet import (
        BulletBoxShape,
        BulletGhostNode,
        BulletHingeConstraint,
        BulletRigidBodyNode,
        BulletSphereShape,
    )
    from panda3d.core import Point3, TransformState, Vec3

    world.set_gravity(Vec3(0, 0, -10))

    def body(name, shape, mass, *at):
        node = BulletRigidBodyNode(name)
        node.add_shape(shape)
        node.set_mass(mass)
        node.set_friction(0.8)
        node.set_transform(TransformState.make_pos(Point3(*at)))
        world.attach(node)
        return node

    body("floor", BulletBoxShape(Vec3(50, 50, 1)), 0, 0, 0, -1)
    shape = BulletBoxShape(Vec3(p.side / 2, p.side / 2, p.side / 2))
    boxes = [body(f"box {k}", shape, 1, 0, 0, (k + 0.5) * p.side) for k in range(p.boxes)]
    ball = body("ball", BulletSphereShape(0.5), 1, 6, 0, 3)
    door = body("door", BulletBoxShape(Vec3(1, 0.1, 1)), 2, -6, 0, 2)
    world.attach(BulletHingeConstraint(door, Point3(-1, 0, 0), Vec3(0, 0, 1), True))
    lift = body("lift", BulletBoxShape(Vec3(1, 1, 0.2)), 0, 10, 10, 0.2)
    lift.set_kinematic(True)
    goal = BulletGhostNode("goal")
    goal.add_shape(BulletBoxShape(Vec3(1, 1, 0.3)))
    goal.set_transform(TransformState.make_pos(Point3(6, 0, 0.3)))
    world.attach(goal)
    return {
        "ball": ball,
        "boxes": boxes,
        "door": door,
        "lift": lift,
        "feet": [ball, goal],
        "eyes": [ball, None],
    }


@jit
def reset(s, p):
    s.eyes[0].bz = -10.0
    s.eyes[1].az, s.eyes[1].ax, s.eyes[1].bx = 20.0, 30.0, 30.0
    s.eyes[1].bz = -20.0
    s.door.spin_z = uniform(s, -2.0, 2.0)
    if p.scatter > 0.0:
        for k in range(len(s.boxes)):
            s.boxes[k].x = uniform(s, -p.scatter, p.scatter)
            s.boxes[k].y = uniform(s, -p.scatter, p.scatter)
            s.boxes[k].spin_x = uniform(s, -3.0, 3.0)


@jit
def act(s, p, action):
    s.ball.fx = p.strength * action[0]
    s.ball.fy = p.strength * action[1]
    s.ball.fz = p.strength * action[2]
    s.lift.z += 0.01


@jit
def judge(s, p):
    return 0.0, False, s.step_count >= p.max_steps


@jit
def observe(s, p, obs):
    obs[0], obs[1], obs[2] = s.ball.x, s.ball.y, s.ball.z
    obs[3] = s.eyes[0].fraction


def draw(s, p, canvas):
    canvas.view(20, 20, left=-10, low=0, up=True)
    canvas.circle(s.ball.x, s.ball.z, 0.5, "amber")


ENV = Env(
    params=Params,
    state=State,
    observation=Box(-np.inf, np.inf, (4,)),
    action=Box(-1.0, 1.0, (3,)),
    engine="panda3d",
    build=build,
    reset=reset,
    act=act,
    judge=judge,
    observe=observe,
    draw=draw,
)
