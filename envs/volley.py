"""Volley: beach volleyball of round players, one against one or two against two, over a net.

Everybody sees the beach turned so that the own side is at -x.  A ball that touches the sand is a point; it is held for
a moment before it drops, on the side that won the last one.

Actions       MultiDiscrete(3, 2): run (back, stand, towards the net), jump.
Observation   float32 (8 + 10 team,): own place and velocity; ball and its velocity, the ball from oneself; half the
              beach's width, the net's height, whether the ball is held; then every other player, own side first:
              presence, place and velocity.  Lengths in fives of metres.
Reward        to the whole side, +1 for a point and -1 for one lost; `shaping` when the ball crosses the net to the
              others, -`shaping` when it comes; to a player, `shaping` for the own side's first touch since then.
Termination   a side has `points` points.  Truncation: max_steps.
Parameters    team, points, width, net, gravity, speed, jump, bounce, shaping, max_steps.
Source        own; after Slime Volleyball (Quin Pendragon, 1999) and slimevolleygym (David Ha, 2020).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from puffer_arena.core import (
    Array,
    Body2D,
    Box,
    Canvas,
    Env,
    Header,
    Memory,
    MultiDiscrete,
    bands,
    body2d,
    f64,
    glow,
    i32,
    jit,
    labels_of,
    orb,
    param,
    segment2d,
    streak,
    touch2d,
    uniform,
)

TIME_STEP = 1 / 30
PLAYER, BALL, POST = 0.75, 0.4, 0.08  # radii, m
SEEN = (
    *("x", "y", "vx", "vy", "ball x", "ball y", "ball vx", "ball vy", "ball away x", "ball away y"),
    *("half width", "net", "held"),
)
SEEN_OF_OTHERS = ("there", "away x", "y", "vx", "vy")
CEILING = 9.0  # m above the sand, which nobody sees
FASTEST = 13.0  # m/s, of the ball
FALL = 18.0  # m/s², of players
HELD = 15  # steps before the ball drops
MISJUDGED = 0.8  # metres by which the bot may be off
READY = 0.9  # height at which the bot meets the ball, m


@dataclass(frozen=True)
class Params:
    team: int = param(1, 1, 2, "players a side")
    points: int = param(3, 1, 15, "to win")
    width: float = param(12.0, 8.0, 18.0, "of the beach, m", at_reset=True)
    net: float = param(1.7, 1.0, 2.5, "height of the net, m", at_reset=True)
    gravity: float = param(8.0, 4.0, 15.0, "of the ball, m/s²", at_reset=True)
    speed: float = param(6.0, 3.0, 10.0, "of a player, m/s")
    jump: float = param(7.0, 4.0, 10.0, "speed of a jump, m/s")
    bounce: float = param(0.9, 0.5, 1.0, "elasticity", at_reset=True)
    shaping: float = param(0.1, 0.0, 0.5, "for a ball over the net, and for the first touch of it")
    max_steps: int = param(1800, 60, 100_000, "steps before the episode is truncated")

    @property
    def players(self) -> int:
        return 2 * self.team

    @property
    def seen(self) -> int:
        return len(self.fields)

    @property
    def fields(self) -> tuple[str, ...]:
        mates = labels_of("mate", self.team - 1, SEEN_OF_OTHERS)
        return SEEN + mates + labels_of("foe", self.team, SEEN_OF_OTHERS)


class State(Header):
    players: Array = body2d("players")  # left side, then right
    ball: Body2D = body2d()
    bumps: Array = touch2d("players")
    walls: Array = segment2d(4)  # left, right, above, net
    held: int = i32()  # steps until the ball drops
    side: float = f64()  # on which the ball is: -1 left, 1 right
    touched: int = i32()  # 1 once somebody did there
    left_points: int = i32()
    right_points: int = i32()
    crossings: int = i32()  # of the net


class Sight(Memory):
    error: float = f64()  # how far a bot is off about where the ball comes down, m
    side: float = f64()  # on which the ball was then


def build(world: Any, p: Params) -> dict[str, Any]:
    import pymunk

    world.gravity = 0, -p.gravity
    walls = [pymunk.Segment(world.static_body, (k, 0), (k + 1, 0), POST) for k in range(4)]
    players = [pymunk.Body(body_type=pymunk.Body.KINEMATIC) for _ in range(p.players)]
    discs = [pymunk.Circle(player, PLAYER) for player in players]
    ball = pymunk.Body(1.0, pymunk.moment_for_circle(1.0, 0, BALL))
    leather = pymunk.Circle(ball, BALL)
    for shape in (*walls, *discs):
        shape.filter = pymunk.ShapeFilter(group=1)  # players pass through each other
    for shape in (*walls, *discs, leather):
        shape.elasticity, shape.friction = math.sqrt(p.bounce), 0.2  # a bounce has the product of both
    world.add(*walls, *players, *discs, ball, leather)
    return {"players": players, "ball": ball, "bumps": discs, "walls": walls}


@jit
def serve(s: State, p: Params, side: float) -> None:
    """Put everybody on their places, and the ball above one side's."""
    half = len(s.players) // 2
    for k in range(len(s.players)):
        way, mate = (-1.0 if k < half else 1.0), k % half
        body = s.players[k]
        body.x = way * p.width * (0.25 if p.team == 1 else 0.16 + 0.18 * mate)
        body.y = body.vx = body.vy = 0.0
        if mate >= p.team:  # absent: under the sand
            body.y = -20.0
    s.ball.x, s.ball.y = side * p.width * uniform(s, 0.2, 0.3), 4.5
    s.ball.vx, s.ball.vy, s.ball.spin = uniform(s, -1.0, 1.0), 0.0, 0.0
    s.held, s.side, s.touched = HELD, side, 0


@jit
def reset(s: State, p: Params) -> None:
    half, x = len(s.players) // 2, 0.5 * p.width + POST
    for k in range(len(s.alive)):
        s.alive[k] = 1 if k % half < p.team else 0
    s.left_points = s.right_points = s.crossings = 0
    for k, (ax, ay, bx, by) in enumerate(
        ((-x, -1.0, -x, CEILING), (x, -1.0, x, CEILING), (-x, CEILING, x, CEILING), (0.0, -1.0, 0.0, p.net - POST))
    ):
        s.walls[k].ax, s.walls[k].ay, s.walls[k].bx, s.walls[k].by = ax, ay, bx, by
    serve(s, p, -1.0 if uniform(s, 0.0, 1.0) < 0.5 else 1.0)


@jit
def act(s: State, p: Params, actions: Array) -> None:
    half = len(s.players) // 2
    for k in range(len(s.players)):
        if s.alive[k]:
            way = -1.0 if k < half else 1.0
            move(s, p, k, -way * (actions[k, 0] - 1.0), actions[k, 1] != 0)
    s.held = max(0, s.held - 1)
    if s.held:
        s.ball.fy = p.gravity  # of 1 kg
        s.ball.vx, s.ball.vy = 0.9 * s.ball.vx, 0.0
    faster = math.sqrt(s.ball.vx * s.ball.vx + s.ball.vy * s.ball.vy) / FASTEST
    if faster > 1.0:
        s.ball.vx /= faster
        s.ball.vy /= faster


@jit
def move(s: State, p: Params, k: int, run: float, jumps: bool) -> None:
    """Give player `k` the velocities that keep it on the sand and on its own side."""
    body, way = s.players[k], (-1.0 if k < len(s.players) // 2 else 1.0)
    near, far = POST + 0.6 * PLAYER, 0.5 * p.width - PLAYER
    x = way * min(max(way * (body.x + run * p.speed * TIME_STEP), near), far)
    rise = p.jump if jumps and body.y <= 1e-6 else body.vy - FALL * TIME_STEP
    body.vx = min(max((x - body.x) / TIME_STEP, -p.speed), p.speed)
    body.vy = max(rise, -body.y / TIME_STEP)


@jit
def judge(s: State, p: Params, rewards: Array, terminated: Array) -> bool:
    left_won, right_won, came = False, False, 0.0
    if s.ball.x * s.side < -BALL:  # over the net
        s.side, s.touched = -s.side, 0
        s.crossings += 1
        came = s.side
    if s.ball.y < BALL:
        left_won = s.ball.x > 0.0
        right_won = not left_won
    s.left_points += left_won
    s.right_points += right_won
    ended, touched = max(s.left_points, s.right_points) >= p.points, s.touched
    for k in range(len(s.players)):
        way = 1.0 if k < len(s.players) // 2 else -1.0
        rewards[k] = way * (p.shaping * came + left_won - right_won)
        if s.bumps[k].impulse > 0.0 and way * s.side < 0.0:
            touched = 1
            rewards[k] += p.shaping * (1 - s.touched)
        terminated[k] = ended and s.alive[k] != 0
    s.touched = touched
    if not ended and (left_won or right_won):
        serve(s, p, -1.0 if left_won else 1.0)
    return not ended and s.step_count >= p.max_steps


@jit
def observe(s: State, p: Params, agent: int, obs: Array) -> None:
    half = len(s.players) // 2
    way, me = (0.2 if agent < half else -0.2), s.players[agent]
    obs[0], obs[1], obs[2], obs[3] = way * me.x, 0.2 * me.y, way * me.vx, 0.2 * me.vy
    obs[4], obs[5], obs[6], obs[7] = way * s.ball.x, 0.2 * s.ball.y, way * s.ball.vx, 0.2 * s.ball.vy
    obs[8], obs[9] = way * (s.ball.x - me.x), 0.2 * (s.ball.y - me.y)
    obs[10], obs[11], obs[12] = 0.1 * p.width, 0.2 * p.net, 1.0 if s.held else 0.0
    at = 13
    for j in range(1, len(s.players)):
        k = (agent + j) % half + (agent // half) * half if j < half else (agent // half * half + j) % len(s.players)
        other = s.players[k]
        obs[at : at + 5] = 0.0
        if s.alive[k]:
            obs[at], obs[at + 1], obs[at + 2] = 1.0, way * (other.x - me.x), 0.2 * other.y
            obs[at + 3], obs[at + 4] = way * other.vx, 0.2 * other.vy
        at += 5


@jit
def landing(s: State, p: Params) -> float:
    """Return the x at which the ball, thrown back by the walls, comes down to a player's height."""
    high = max(s.ball.y - READY - BALL, 0.0)
    t = (s.ball.vy + math.sqrt(s.ball.vy * s.ball.vy + 2.0 * p.gravity * high)) / p.gravity
    x: float = s.ball.x + s.ball.vx * t
    edge = 0.5 * p.width - BALL
    return math.copysign(2.0 * edge - abs(x), x) if abs(x) > edge else x


@jit
def spiker(s: State, p: Params, agent: int, sight: Sight, action: Array) -> None:
    """Stand a little behind where the ball seems to come down, if nobody of the own side is nearer, and jump at it."""
    if sight.side != s.side:
        sight.side, sight.error = s.side, uniform(sight, -MISJUDGED, MISJUDGED)
    half = len(s.players) // 2
    way, me = (1.0 if agent < half else -1.0), s.players[agent]
    x, aim = way * landing(s, p) + sight.error, -0.25 * p.width
    mine = x < 0.3
    for k in range(agent // half * half, agent // half * half + half):
        gap = abs(way * s.players[k].x - x)
        mine = mine and (k == agent or not s.alive[k] or gap > abs(way * me.x - x) or k > agent)
    if mine:
        aim = x - 0.3
    dx, dy = way * (s.ball.x - me.x), s.ball.y - me.y
    gap = aim - way * me.x
    action[0] = 1 + (gap > 0.12) - (gap < -0.12)
    action[1] = 1 if mine and 0.0 < dx < 0.9 and 1.0 < dy < 2.2 and s.held == 0 else 0


def draw(s: State, p: Params, canvas: Canvas) -> None:
    wide = p.width + 1.0
    high = max(0.5625 * wide, 7.5)
    low = -0.16 * high
    canvas.view(wide, high, left=-wide / 2, low=low, up=True, bleed=True)
    draw_beach(s, p, wide, high, low, canvas)
    for x in np.linspace(0.3, p.net - 0.2, 6):
        canvas.line([(-0.05, x), (0.05, x)], "muted", width=0.04)
    canvas.line([(0, -0.1), (0, p.net - POST)], "text", width=2 * POST)
    canvas.line([(0, p.net - 0.3), (0, p.net - POST)], "rose", width=2 * POST)
    half = len(s.players) // 2
    for k in range(len(s.players)):
        if k % half < p.team:
            draw_player(s, k, canvas, "rose" if k < half else "sky")
    draw_sand(s, p, wide, canvas)
    x, y = s.ball.x, s.ball.y
    streak(canvas, x, y, s.ball.vx, s.ball.vy, 1.6 * BALL, "white", seconds=0.16)
    orb(canvas, x, y, BALL, "white", lift=0.0)
    for k in range(3):
        angle = s.ball.angle + k * 2 * math.pi / 3
        canvas.line(
            [(x, y), (x + 0.85 * BALL * math.cos(angle), y + 0.85 * BALL * math.sin(angle))], "amber", width=0.08
        )
    if s.held:
        canvas.ring(x, y, BALL * (1.2 + 0.08 * s.held), "amber", width=0.06, alpha=0.8)
    canvas.status(f"red {s.left_points} : {s.right_points} blue, first to {p.points}")


def draw_beach(s: State, p: Params, wide: float, high: float, low: float, canvas: Canvas) -> None:
    bands(canvas, -3 * wide, 0.9, 6 * wide, high, ("orange", "rose", "violet", "raised"), steps=10)
    canvas.rect(-3 * wide, 0.9, 6 * wide, 3 * high, "background", alpha=0.62)
    glow(canvas, -0.22 * wide, 1.1, 0.3 * wide, "amber", strength=0.3)
    canvas.circle(-0.22 * wide, 1.1, 0.07 * wide, "amber")
    canvas.rect(-3 * wide, 0.0, 6 * wide, 1.0, "panel")
    for k in range(7):  # the sun on the sea
        y = 0.93 - 0.13 * k
        canvas.rect(-0.22 * wide - 0.5 - 0.12 * k, y, 1.0 + 0.24 * k, 0.04, "amber", radius=0.02, alpha=0.5 - 0.05 * k)
        x = -1.2 * wide + (k * 5.3 + 0.01 * s.step_count) % (2.4 * wide)
        canvas.rect(x, y - 0.06, 1.6, 0.04, "sky", radius=0.02, alpha=0.35)
    for way, points, color in ((-1, s.left_points, "rose"), (1, s.right_points, "sky")):
        canvas.text(way * 0.1 * wide, low + 0.88 * high, str(points), color, size=0.09 * high)


def draw_sand(s: State, p: Params, wide: float, canvas: Canvas) -> None:
    """Draw the sand, in which those who stand are half buried, with the shadows on it."""
    for height, color, alpha in ((20.16, "amber", 1.0), (20.16, "background", 0.5), (19.95, "background", 0.15)):
        canvas.rect(-3 * wide, -20.0, 6 * wide, height, color, alpha=alpha)
    for k in range(26):
        canvas.circle((k * 3.71) % (2 * wide) - wide, -0.3 - (k * 0.37) % 1.6, 0.05, "shadow", alpha=0.25)
    for player in s.players:
        draw_shadow(player, PLAYER, canvas)
    draw_shadow(s.ball, BALL, canvas)


def draw_shadow(body: Body2D, radius: float, canvas: Canvas) -> None:
    reach = radius * max(0.25, 0.9 - 0.12 * body.y)
    if body.y > -1.0:
        canvas.line([(body.x - reach, -0.02), (body.x + reach, -0.02)], "shadow", width=0.14, alpha=0.4)


def draw_player(s: State, k: int, canvas: Canvas, color: str) -> None:
    body, r = s.players[k], PLAYER
    tall = min(1.25, max(0.8, 1.0 + 0.03 * body.vy))
    outline = [(r * math.cos(math.pi * j / 18) / tall, r * math.sin(math.pi * j / 18) * tall) for j in range(37)]
    canvas.polygon([(body.x + x, body.y + y) for x, y in outline], color)
    canvas.polygon([(body.x + x, body.y + y) for x, y in outline[18:]], "shadow", alpha=0.25)
    canvas.circle(body.x - 0.35 * r, body.y + 0.62 * r * tall, 0.13 * r, "white", alpha=0.5)
    canvas.agent(k, body.x, body.y + 0.4 * r, r)
    dx, dy = s.ball.x - body.x, s.ball.y - body.y
    far = math.hypot(dx, dy) + 1e-9
    for side in (-0.3, 0.3):
        x, y = body.x + side * r, body.y + 0.5 * r * tall
        canvas.circle(x, y, 0.19 * r, "white")
        canvas.circle(x + 0.08 * r * dx / far, y + 0.08 * r * dy / far, 0.1 * r, "ink")


ENV = Env(
    params=Params,
    state=State,
    observation=Box(-np.inf, np.inf, ("seen",), named_by="fields"),
    action=MultiDiscrete((3, 2), ("run", "jump")),
    reset=reset,
    observe=observe,
    draw=draw,
    agents={"left": "team", "right": "team"},
    engine="pymunk",
    build=build,
    act=act,
    judge=judge,
    time_step=TIME_STEP,
    substeps=2,
    bots={"spiker": spiker},
    bot_memory=Sight,
    keys={
        "left": {"right": (0, 2), "left": (0, 0), "up": (1, 1), "space": (1, 1)},
        "right": {"right": (0, 0), "left": (0, 2), "up": (1, 1), "space": (1, 1)},
    },
    idle=(1, 0),
    counters=("left_points", "right_points", "crossings"),
    sounds={"left_points": "goal", "right_points": "goal", "crossings": "hit"},
    scores={"left": "left_points", "right": "right_points"},
    version=1,
)
