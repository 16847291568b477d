"""Striker: football between two teams of discs, one to three a side.

Everybody sees the pitch turned so that the own team attacks towards +x.  A kick reaches a ball near by; boosting doubles
the push and empties a store that fills up again by itself.

Actions       MultiDiscrete(3, 3, 2, 2): push along x (back, none, ahead) and along y, boost, kick.
Observation   float32 (9 + 10 team,): own place, velocity, store of boost and readiness to kick; ball and its velocity;
              then every other player, own team first: presence, place and velocity.  Places of others are
              relative; lengths in tens of metres.
Reward        to the whole team, +1 for a goal and -1 for one let in; `shaping` times the metres that the ball moved
              towards the opponents' goal; a tenth of that for the metres that one moved towards the ball.
Termination   a team has `goals` goals.  Truncation: max_steps.
Parameters    team, goals, length, goal_width, ball_mass, push, kick, shaping, max_steps.
Source        own; after HaxBall and Rocket League.
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
    Editor,
    Env,
    Header,
    Memory,
    MultiDiscrete,
    Things,
    body2d,
    f64,
    i32,
    jit,
    labels_of,
    param,
    segment2d,
    touch2d,
    uniform,
)

TIME_STEP = 1 / 20
PLAYER_RADIUS, BALL_RADIUS = 0.7, 0.45  # metres
WALL_RADIUS = 0.5
REACH = 0.45  # gap between player and ball that a kick bridges
SEEN = (
    *("x", "y", "vx", "vy", "boost", "kick ready", "ball away x", "ball away y", "ball vx", "ball vy"),
    *("half length", "goal width", "ball x", "ball y"),
)
SEEN_OF_OTHERS = ("there", "away x", "away y", "vx", "vy")
GOAL_DEPTH = 2.2
TOP_DRAG, BALL_DRAG = 1.6, 0.35  # share of the velocity lost each second
KICK_REST = 8  # steps between two kicks
BOOST_COST, BOOST_GAIN = 1 / 30, 1 / 120  # of the store, each step
WALLS = 12


@dataclass(frozen=True)
class Params:
    team: int = param(2, 1, 3, "players a side")
    goals: int = param(1, 1, 9, "goals to win")
    length: float = param(26.0, 16.0, 40.0, "of the pitch in metres; it is 0.6 as wide", at_reset=True)
    goal_width: float = param(6.0, 3.0, 9.0, "metres", at_reset=True)
    ball_mass: float = param(0.4, 0.1, 2.0, "of a player's", at_reset=True)
    push: float = param(12.0, 4.0, 24.0, "acceleration of a player, m/s²")
    kick: float = param(12.0, 0.0, 20.0, "speed that a kick gives the ball, m/s")
    shaping: float = param(0.02, 0.0, 0.1, "reward for a metre gained by the ball")
    max_steps: int = param(600, 20, 10_000, "steps before the episode is truncated")

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
    players: Array = body2d("players")  # red, then blue
    ball: Body2D = body2d()
    bumps: Array = touch2d("players")
    walls: Array = segment2d(WALLS)
    boost: Array = f64("players")  # 1 is full
    rest: Array = i32("players")  # steps until the next kick
    kicked: Array = i32("players")  # in this step, for the picture
    gap: Array = f64("players")  # distance from the ball
    ball_x: float = f64()  # before the step
    red_goals: int = i32()
    blue_goals: int = i32()
    touches: int = i32()  # steps in which somebody played the ball


def build(world: Any, p: Params) -> dict[str, Any]:
    import pymunk

    walls = [pymunk.Segment(world.static_body, (k, 0), (k + 1, 0), WALL_RADIUS) for k in range(WALLS)]
    players = [pymunk.Body(1.0, math.inf) for _ in range(p.players)]
    ball = pymunk.Body(p.ball_mass, pymunk.moment_for_circle(p.ball_mass, 0, BALL_RADIUS))
    discs = [pymunk.Circle(player, PLAYER_RADIUS) for player in players]
    leather = pymunk.Circle(ball, BALL_RADIUS)
    for shape in (*walls, *discs, leather):
        shape.elasticity, shape.friction = 0.75, 0.2
    world.add(*walls, *players, ball, *discs, leather)
    return {"players": players, "ball": ball, "bumps": discs, "walls": walls}


@jit
def lay_wall(s: State, k: int, ax: float, ay: float, bx: float, by: float) -> None:
    s.walls[k].ax, s.walls[k].ay, s.walls[k].bx, s.walls[k].by = ax, ay, bx, by


@jit
def lay_pitch(s: State, p: Params) -> None:
    """Put up the side lines, and at either end two walls and the box of the goal between them."""
    x, y, post = 0.5 * p.length + WALL_RADIUS, 0.3 * p.length + WALL_RADIUS, 0.5 * p.goal_width + WALL_RADIUS
    lay_wall(s, 0, -x, y, x, y)
    lay_wall(s, 1, -x, -y, x, -y)
    for end in range(2):
        way = 1.0 if end == 0 else -1.0
        back = way * (x + GOAL_DEPTH)
        lay_wall(s, 2 + 5 * end, way * x, post, way * x, y)
        lay_wall(s, 3 + 5 * end, way * x, -y, way * x, -post)
        lay_wall(s, 4 + 5 * end, way * x, post, back, post)
        lay_wall(s, 5 + 5 * end, back, -post, way * x, -post)
        lay_wall(s, 6 + 5 * end, back, post, back, -post)


@jit
def kick_off(s: State, p: Params) -> None:
    """Put the ball in the middle and everybody in the own half."""
    half = len(s.players) // 2
    for k in range(len(s.players)):
        way, body = (-1.0 if k < half else 1.0), s.players[k]
        body.x = way * p.length * uniform(s, 0.1, 0.4)
        body.y = 0.5 * p.length * uniform(s, -0.5, 0.5)
        if k % half >= p.team:  # absent: beside the pitch, out of everybody's way
            body.x, body.y = way * 3.0 * (1 + k % half), 60.0
        body.vx = body.vy = body.spin = 0.0
        s.boost[k] = 1.0
        s.rest[k] = s.kicked[k] = 0
    s.ball.x, s.ball.y = 0.0, 0.5 * p.length * uniform(s, -0.3, 0.3)
    s.ball.vx = s.ball.vy = s.ball.spin = 0.0
    measure(s)


@jit
def reset(s: State, p: Params) -> None:
    half = len(s.players) // 2
    for k in range(len(s.alive)):
        s.alive[k] = 1 if k % half < p.team else 0
    s.red_goals = s.blue_goals = s.touches = 0
    lay_pitch(s, p)
    kick_off(s, p)


@jit
def distance(s: State, k: int) -> float:
    dx, dy = s.ball.x - s.players[k].x, s.ball.y - s.players[k].y
    return math.sqrt(dx * dx + dy * dy)


@jit
def measure(s: State) -> None:
    """Note where the ball is, for the next step's rewards."""
    s.ball_x = s.ball.x
    for k in range(len(s.players)):
        s.gap[k] = distance(s, k)


@jit
def act(s: State, p: Params, actions: Array) -> None:
    half = len(s.players) // 2
    s.ball.fx, s.ball.fy = -BALL_DRAG * p.ball_mass * s.ball.vx, -BALL_DRAG * p.ball_mass * s.ball.vy
    for k in range(len(s.players)):
        s.kicked[k] = 0
        if s.alive[k]:
            way = 1.0 if k < half else -1.0
            run(s, p, k, way * (actions[k, 0] - 1), way * (actions[k, 1] - 1), actions[k, 2] != 0)
            s.rest[k] = max(0, s.rest[k] - 1)
            if actions[k, 3] and s.rest[k] == 0:
                kick(s, p, k)


@jit
def run(s: State, p: Params, k: int, x: float, y: float, boosting: bool) -> None:
    """Push a player along (x, y), each in -1 .. 1."""
    body = s.players[k]
    strength = p.push
    if boosting and s.boost[k] >= BOOST_COST and (x != 0.0 or y != 0.0):
        strength *= 2.0
        s.boost[k] -= BOOST_COST
    else:
        s.boost[k] = min(1.0, s.boost[k] + BOOST_GAIN)
    if x != 0.0 and y != 0.0:
        strength *= math.sqrt(0.5)
    body.fx = strength * x - TOP_DRAG * body.vx
    body.fy = strength * y - TOP_DRAG * body.vy


@jit
def kick(s: State, p: Params, k: int) -> None:
    """Give the ball speed away from a player who reaches it."""
    gap = distance(s, k)
    if gap - PLAYER_RADIUS - BALL_RADIUS < REACH and gap > 0.0:
        s.ball.vx += p.kick * (s.ball.x - s.players[k].x) / gap
        s.ball.vy += p.kick * (s.ball.y - s.players[k].y) / gap
        s.rest[k], s.kicked[k] = KICK_REST, 1


@jit
def judge(s: State, p: Params, rewards: Array, terminated: Array) -> bool:
    half, advance = len(s.players) // 2, p.shaping * (s.ball.x - s.ball_x)
    red_scored = s.ball.x > 0.5 * p.length + BALL_RADIUS
    blue_scored = s.ball.x < -0.5 * p.length - BALL_RADIUS
    s.red_goals += red_scored
    s.blue_goals += blue_scored
    touched = False
    for k in range(len(s.players)):
        way = 1.0 if k < half else -1.0
        rewards[k] = way * (advance + red_scored - blue_scored) + 0.1 * p.shaping * (s.gap[k] - distance(s, k))
        touched = touched or s.kicked[k] != 0 or (s.bumps[k].touching != 0 and s.bumps[k].other == len(s.players))
    s.touches += touched
    if max(s.red_goals, s.blue_goals) >= p.goals:
        for k in range(len(s.players)):
            terminated[k] = s.alive[k] != 0
        return False
    if red_scored or blue_scored:
        kick_off(s, p)
    measure(s)
    return s.step_count >= p.max_steps


@jit
def observe(s: State, p: Params, agent: int, obs: Array) -> None:
    half = len(s.players) // 2
    way, me = (0.1 if agent < half else -0.1), s.players[agent]
    obs[0], obs[1], obs[2], obs[3] = way * me.x, way * me.y, way * me.vx, way * me.vy
    obs[4], obs[5] = s.boost[agent], 1.0 if s.rest[agent] == 0 else 0.0
    obs[6], obs[7] = way * (s.ball.x - me.x), way * (s.ball.y - me.y)
    obs[8], obs[9] = way * s.ball.vx, way * s.ball.vy
    obs[10], obs[11] = 0.05 * p.length, 0.1 * p.goal_width
    obs[12], obs[13] = way * s.ball.x, way * s.ball.y
    at = 14
    first = 0 if agent < half else half
    for j in range(len(s.players)):
        k = (first + j) % len(s.players)
        if k != agent:
            other = s.players[k]
            obs[at : at + 5] = 0.0
            if s.alive[k]:
                obs[at] = 1.0
                obs[at + 1], obs[at + 2] = way * (other.x - me.x), way * (other.y - me.y)
                obs[at + 3], obs[at + 4] = way * other.vx, way * other.vy
            at += 5


@jit
def is_nearest(s: State, agent: int) -> bool:
    half = len(s.players) // 2
    first = 0 if agent < half else half
    for k in range(first, first + half):
        if s.alive[k] and k != agent and (distance(s, k), k) < (distance(s, agent), agent):
            return False
    return True


@jit
def steer(s: State, agent: int, x: float, y: float, action: Array) -> None:
    """Push towards (x, y), as the agent's team sees it."""
    half = len(s.players) // 2
    way, me = (1.0 if agent < half else -1.0), s.players[agent]
    dx, dy = x - way * me.x - 0.3 * way * me.vx, y - way * me.y - 0.3 * way * me.vy
    action[0] = 1 + (dx > 0.3) - (dx < -0.3)
    action[1] = 1 + (dy > 0.3) - (dy < -0.3)
    action[2] = 1 if dx * dx + dy * dy > 36.0 else 0


@jit
def footballer(s: State, p: Params, agent: int, memory: Memory, action: Array) -> None:
    """The nearest gets behind the ball and kicks it at the goal; the others guard the way to their own."""
    half = len(s.players) // 2
    way, me = (1.0 if agent < half else -1.0), s.players[agent]
    ball_x, ball_y = way * (s.ball.x + 0.2 * s.ball.vx), way * (s.ball.y + 0.2 * s.ball.vy)
    action[3] = 0
    if not is_nearest(s, agent):
        steer(s, agent, 0.5 * ball_x - 0.25 * p.length, 0.5 * ball_y, action)
        return
    goal_x, goal_y = 0.5 * p.length + 1.0 - ball_x, -ball_y
    far = math.sqrt(goal_x * goal_x + goal_y * goal_y) + 1e-9
    behind = way * me.x < ball_x - 0.3
    if behind:
        steer(s, agent, ball_x - 0.6 * goal_x / far, ball_y - 0.6 * goal_y / far, action)
        dx, dy = way * (s.ball.x - me.x), way * (s.ball.y - me.y)
        aimed = dx * goal_x + dy * goal_y > 0.7 * far * math.sqrt(dx * dx + dy * dy)
        action[3] = 1 if aimed else 0
    else:  # run around the ball
        side = 1.0 if way * me.y > ball_y else -1.0
        steer(s, agent, ball_x - 2.5, ball_y + 1.8 * side, action)


def draw(s: State, p: Params, canvas: Canvas) -> None:
    x, y = 0.5 * p.length, 0.3 * p.length
    width, height = p.length + 2 * GOAL_DEPTH + 3.0, 0.6 * p.length + 3.0
    canvas.view(width, height, left=-width / 2, low=-height / 2, up=True)
    canvas.rect(-x, -y, 2 * x, 2 * y, "floor")
    for k in range(0, 10, 2):
        canvas.rect(-x + k * x / 5, -y, x / 5, 2 * y, "raised", alpha=0.45)
    canvas.line([(0, -y), (0, y)], "wall", width=0.12)
    canvas.ring(0, 0, 0.14 * p.length, "wall", width=0.12)
    canvas.circle(0, 0, 0.25, "wall")
    post = p.goal_width / 2
    for way, color in ((-1, "rose"), (1, "sky")):
        canvas.rect(min(way * x, way * (x + GOAL_DEPTH)), -post, GOAL_DEPTH, 2 * post, color, alpha=0.18)
        canvas.line([(way * x, -post), (way * x, post)], color, width=0.12)
    for wall in s.walls:
        canvas.line([(wall.ax, wall.ay), (wall.bx, wall.by)], "wall", width=2 * WALL_RADIUS)
    for k in range(len(s.players)):
        if k % (len(s.players) // 2) < p.team:
            draw_player(s, k, canvas, "rose" if k < len(s.players) // 2 else "sky")
    canvas.line(
        [(s.ball.x, s.ball.y), (s.ball.x - 0.12 * s.ball.vx, s.ball.y - 0.12 * s.ball.vy)],
        "white",
        width=0.5,
        alpha=0.2,
    )
    canvas.circle(s.ball.x, s.ball.y - 0.1, BALL_RADIUS, "shadow", alpha=0.5)
    canvas.circle(s.ball.x, s.ball.y, BALL_RADIUS, "white")
    for k in range(3):
        angle = s.ball.angle + k * 2 * math.pi / 3
        canvas.circle(s.ball.x + 0.24 * math.cos(angle), s.ball.y + 0.24 * math.sin(angle), 0.1, "shadow")
    canvas.status(f"red {s.red_goals} : {s.blue_goals} blue, {(p.max_steps - s.step_count) * TIME_STEP:.0f} s left")


def draw_player(s: State, k: int, canvas: Canvas, color: str) -> None:
    body = s.players[k]
    speed = math.hypot(body.vx, body.vy)
    if speed > 7.0:
        canvas.line([(body.x - 0.2 * body.vx, body.y - 0.2 * body.vy), (body.x, body.y)], color, width=0.9, alpha=0.25)
    canvas.circle(body.x, body.y - 0.12, PLAYER_RADIUS, "shadow", alpha=0.5)
    canvas.circle(body.x, body.y, PLAYER_RADIUS, color)
    canvas.agent(k, body.x, body.y, PLAYER_RADIUS)
    canvas.circle(body.x, body.y, 0.62 * PLAYER_RADIUS * max(s.boost[k], 0.05), "shadow", alpha=0.35)
    if s.kicked[k]:
        canvas.ring(body.x, body.y, PLAYER_RADIUS + REACH / 2, "white", width=0.14)
    canvas.text(body.x, body.y, str(k % (len(s.players) // 2)), "white", size=0.7)


def present(s: State, p: Params) -> list[int]:
    """Return the players on the pitch."""
    half = len(s.players) // 2
    return [k for k in range(len(s.players)) if k % half < p.team]


def find_players(s: State, p: Params) -> list[tuple[float, float]]:
    return [(s.players[k].x, s.players[k].y) for k in present(s, p)]


def put_player(s: State, p: Params, k: int, x: float, y: float) -> None:
    body = s.players[present(s, p)[k]]
    body.x, body.y = x, y


def find_ball(s: State, p: Params) -> list[tuple[float, float]]:
    return [(s.ball.x, s.ball.y)]


def put_ball(s: State, p: Params, k: int, x: float, y: float) -> None:
    s.ball.x, s.ball.y = x, y


def pitch(p: Params) -> tuple[float, float, float, float]:
    x, y = 0.5 * p.length - PLAYER_RADIUS, 0.3 * p.length - PLAYER_RADIUS
    return -x, -y, 2 * x, 2 * y


@jit
def finish(s: State, p: Params) -> str:
    """Begin from a situation that a person has set up."""
    half = len(s.players) // 2
    for k in range(len(s.players)):
        if k % half >= p.team:  # not on the pitch
            continue
        x, y = s.players[k].x, s.players[k].y
        if math.hypot(x - s.ball.x, y - s.ball.y) < PLAYER_RADIUS + BALL_RADIUS:
            return "two discs overlap"
        for other in range(k):
            near = math.hypot(x - s.players[other].x, y - s.players[other].y) < 2 * PLAYER_RADIUS
            if other % half < p.team and near:
                return "two discs overlap"
    measure(s)
    return ""


ENV = Env(
    params=Params,
    state=State,
    observation=Box(-np.inf, np.inf, ("seen",), named_by="fields"),
    action=MultiDiscrete((3, 3, 2, 2), ("along", "across", "boost", "kick")),
    reset=reset,
    observe=observe,
    draw=draw,
    agents={"red": "team", "blue": "team"},
    engine="pymunk",
    build=build,
    act=act,
    judge=judge,
    time_step=TIME_STEP,
    substeps=3,
    bots={"footballer": footballer},
    keys={
        "red": {"right": (0, 2), "left": (0, 0), "up": (1, 2), "down": (1, 0), "shift": (2, 1), "space": (3, 1)},
        "blue": {"right": (0, 0), "left": (0, 2), "up": (1, 0), "down": (1, 2), "shift": (2, 1), "space": (3, 1)},
    },
    idle=(1, 1, 0, 0),
    editor=Editor(
        things=(Things("players", find_players, put_player, pitch), Things("ball", find_ball, put_ball, pitch)),
        finish=finish,
    ),
    counters=("red_goals", "blue_goals", "touches"),
    sounds={"red_goals": "goal", "blue_goals": "goal", "touches": ""},
    scores={"red": "red_goals", "blue": "blue_goals"},
)
