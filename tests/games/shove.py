"""Shove: two balls on a floor, each an agent's, for the tests of views into worlds.

Actions       Box(-1, 1, (2,)): force along x and y, N.
Observation   float32 (2,): the own ball's place.
Reward        none.
Termination   none.  Truncation: max_steps.
Parameters    max_steps.
Source        own.
"""

from dataclasses import dataclass

import numpy as np

from puffer_arena.core import Box, Env, Header, body3d, jit, param

RADIUS = 0.6  # m


@dataclass(frozen=True)
class Params:
    max_steps: int = param(200, 1, 100_000)


class State(Header):
    balls = body3d(2)


def build(world, p):
    from panda3d.bullet import BulletPlaneShape, BulletRigidBodyNode, BulletSphereShape
    from panda3d.core import Vec3

    world.set_gravity(Vec3(0, 0, -10))
    floor = BulletRigidBodyNode("floor")
    floor.add_shape(BulletPlaneShape(Vec3(0, 0, 1), 0))
    world.attach(floor)
    balls = []
    for color in ("leaf", "sky"):
        ball = BulletRigidBodyNode(color)
        ball.add_shape(BulletSphereShape(RADIUS))
        ball.set_mass(1)
        ball.set_tag("color", color)
        world.attach(ball)
        balls.append(ball)
    return {"balls": balls}


@jit
def reset(s, p):
    for k in range(2):
        s.alive[k] = 1
        s.balls[k].x, s.balls[k].y, s.balls[k].z = 4.0 * k - 2.0, 0.0, RADIUS


@jit
def act(s, p, actions):
    for k in range(2):
        s.balls[k].fx, s.balls[k].fy = actions[k, 0], actions[k, 1]


@jit
def judge(s, p, rewards, terminated):
    return s.step_count >= p.max_steps


@jit
def observe(s, p, agent, obs):
    obs[0], obs[1] = s.balls[agent].x, s.balls[agent].y


def draw(s, p, canvas):
    canvas.view(10, 10, left=-5, low=-5, up=True)
    for k in range(2):
        canvas.circle(s.balls[k].x, s.balls[k].y, RADIUS, ("leaf", "sky")[k])
        canvas.agent(k, s.balls[k].x, s.balls[k].y, RADIUS)


def camera(s, p, view):
    view.orbit(0.0, 0.0, 0.0, angle=-1.57, elevation=0.6, distance=10.0)


ENV = Env(
    params=Params,
    state=State,
    observation=Box(-np.inf, np.inf, (2,)),
    action=Box(-1.0, 1.0, (2,)),
    agents={"left": 1, "right": 1},
    engine="panda3d",
    build=build,
    reset=reset,
    act=act,
    judge=judge,
    observe=observe,
    draw=draw,
    camera=camera,
    keys={"left": (0, -1.0), "right": (0, 1.0)},
    idle=(0.0, 0.0),
)
