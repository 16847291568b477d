"""Tag: chasers hunt runners on a grid with pillars; who is caught leaves.

All agents move at once, several may stand in one cell, and the outcome does not depend on their order. A
chaser catches a runner by ending in its cell or by crossing it on the way.

Actions       Discrete(5): STAY, UP, DOWN, LEFT, RIGHT.  Moves into walls are barred by the mask, and do nothing.
Observation   uint8 (sight, sight), the agent in the middle: UNSEEN, FLOOR, WALL, CHASER or RUNNER per cell.  The
              middle shows the agent's own role.
Reward        chasers: reward_catch for each runner they catch; runners: -reward_catch when caught.  Each step
              costs a chaser reward_step and gives a runner as much.
Termination   a runner: being caught.  All chasers: no runner is left.  Truncation: max_steps.
Parameters    chasers, runners, size, walls, sight, rest, reward_catch, reward_step, max_steps.
Source        own; the pursuit problem, Benda, Jagannathan, Dodhiawala 1986.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from puffer_arena.core import (
    Array,
    Box,
    Brush,
    Canvas,
    Dict,
    Discrete,
    Editor,
    Entities,
    Env,
    Header,
    Memory,
    Painted,
    i8,
    i32,
    jit,
    param,
    randint,
    standing,
)
from puffer_arena.core.tiles import between, block, creature, ground, surround

UNSEEN, FLOOR, WALL, CHASER, RUNNER = range(5)
STAY, UP, DOWN, LEFT, RIGHT = range(5)
DROW = (0, -1, 1, 0, 0)
DCOL = (0, 0, 0, -1, 1)
HEAD_START = 3  # a runner starts at least so many moves from every chaser, where there is room
TRIES = 64


@dataclass(frozen=True)
class Params:
    chasers: int = param(3, 1, 8, "how many hunt")
    runners: int = param(3, 1, 8, "how many flee")
    size: int = param(12, 6, 40, "rows and columns")
    walls: float = param(0.2, 0.0, 0.5, "share of the cells where a pillar is tried", at_reset=True)
    sight: int = param(9, 3, 15, "rows and columns in sight, odd")
    rest: int = param(4, 0, 10, "runners pause on every rest-th step; 0 for never")
    reward_catch: float = param(1.0, 0.0, 10.0, "for a catch; its loss for being caught")
    reward_step: float = param(0.01, 0.0, 1.0, "cost of a step to chasers, gain to runners")
    max_steps: int = param(150, 10, 10_000, "steps before the episode is truncated")

    def __post_init__(self) -> None:
        if self.sight % 2 == 0:
            raise ValueError(f"sight = {self.sight}; it must be odd, so that the agent is in the middle")

    @property
    def agents(self) -> int:
        return self.chasers + self.runners


ESCAPED, CAUGHT = range(2)  # endings
ENDINGS = 2


class State(Header):
    caught: int = i32()  # runners caught
    catches: Array = i32("chasers")  # by each chaser; its length parts chasers from runners
    row: Array = i32("agents", below="size")
    col: Array = i32("agents", below="size")
    from_row: Array = i32("agents", below="size")  # before the last step
    from_col: Array = i32("agents", below="size")
    board: Array = i8("size", "size")  # FLOOR or WALL; beyond p.size all is WALL


@jit
def is_wall(s: State, row: int, col: int) -> bool:
    return not (0 <= row < len(s.board) and 0 <= col < len(s.board)) or s.board[row, col] == WALL


@jit
def is_crowded(s: State, row: int, col: int) -> bool:
    """Tell whether a wall stands in or next to a cell; pillars that stand alone never cut the board."""
    for near_row in range(row - 1, row + 2):
        for near_col in range(col - 1, col + 2):
            if is_wall(s, near_row, near_col):
                return True
    return False


@jit
def distance(s: State, row: int, col: int, first: int, end: int) -> int:
    """Return the moves, walls ignored, from a cell to the nearest of the agents first .. end-1."""
    nearest = 1000
    for k in range(first, end):
        away = abs(s.row[k] - row) + abs(s.col[k] - col)
        if s.alive[k] and away < nearest:
            nearest = away
    return nearest


@jit
def place_agent(s: State, p: Params, agent: int) -> None:
    """Put an agent on a floor cell, a runner away from the chasers where that is found."""
    for _ in range(TRIES):
        row, col = randint(s, p.size), randint(s, p.size)
        if s.board[row, col] == FLOOR:
            s.row[agent] = s.from_row[agent] = row
            s.col[agent] = s.from_col[agent] = col
            if agent < len(s.catches) or distance(s, row, col, 0, len(s.catches)) >= HEAD_START:
                return


@jit
def reset(s: State, p: Params) -> None:
    for row in range(len(s.board)):
        for col in range(len(s.board)):
            s.board[row, col] = FLOOR if row < p.size and col < p.size else WALL
    for _ in range(int(p.walls * p.size * p.size)):
        row, col = randint(s, p.size), randint(s, p.size)
        if not is_crowded(s, row, col):
            s.board[row, col] = WALL
    s.caught = 0
    capacity = len(s.catches)  # of the batch; this row may play with fewer
    for k in range(capacity):
        s.catches[k] = 0
    for k in range(len(s.alive)):
        s.alive[k] = 1 if (k < p.chasers if k < capacity else k - capacity < p.runners) else 0
        s.row[k] = s.col[k] = s.from_row[k] = s.from_col[k] = 0
    for k in range(len(s.alive)):
        if s.alive[k]:
            place_agent(s, p, k)


@jit
def is_resting(s: State, p: Params, agent: int, ahead: int) -> bool:
    """Tell whether an agent pauses on this step, or on the one so many steps ahead."""
    return p.rest > 0 and agent >= len(s.catches) and (s.step_count + ahead) % p.rest == 0


@jit
def step(s: State, p: Params, actions: Array, rewards: Array, terminated: Array) -> bool:
    for k in range(len(s.alive)):
        s.from_row[k], s.from_col[k] = s.row[k], s.col[k]
        row, col = s.row[k] + DROW[actions[k]], s.col[k] + DCOL[actions[k]]
        if s.alive[k] and not is_resting(s, p, k, 0) and not is_wall(s, row, col):
            s.row[k], s.col[k] = row, col
        if s.alive[k]:
            rewards[k] = -p.reward_step if k < len(s.catches) else p.reward_step

    catch_runners(s, p, rewards, terminated)
    if s.caught == p.runners:
        for k in range(len(s.catches)):
            terminated[k] = s.alive[k] != 0
        return False
    return s.step_count >= p.max_steps


@jit
def catch_runners(s: State, p: Params, rewards: Array, terminated: Array) -> None:
    """Give every runner to all the chasers that reached or crossed it."""
    for runner in range(len(s.catches), len(s.alive)):
        for chaser in range(len(s.catches)):
            if s.alive[runner] and s.alive[chaser] and touches(s, chaser, runner):
                s.catches[chaser] += 1
                rewards[chaser] += p.reward_catch
                terminated[runner] = True
        if terminated[runner]:
            s.caught += 1
            rewards[runner] -= p.reward_catch


@jit
def touches(s: State, a: int, b: int) -> bool:
    """Tell whether two agents stand in one cell, or changed places in this step."""
    if s.row[a] == s.row[b] and s.col[a] == s.col[b]:
        return True
    if s.row[a] != s.from_row[b] or s.col[a] != s.from_col[b]:
        return False
    return bool(s.row[b] == s.from_row[a] and s.col[b] == s.from_col[a])


@jit
def ending(s: State, p: Params) -> int:
    """Tell which chaser caught the last runner, or that some escaped."""
    if s.caught < p.runners:
        return ESCAPED
    for runner in range(len(s.catches), len(s.alive)):
        for chaser in range(len(s.catches)):
            if s.alive[chaser] and touches(s, chaser, runner):
                return CAUGHT + ENDINGS * chaser
    return CAUGHT


@jit
def observe(s: State, p: Params, agent: int, obs: Array) -> None:
    middle, reach = len(obs) // 2, p.sight // 2
    top, left = s.row[agent] - middle, s.col[agent] - middle
    for row in range(len(obs)):
        for col in range(len(obs)):
            seen = abs(row - middle) <= reach and abs(col - middle) <= reach
            obs[row, col] = UNSEEN if not seen else WALL if is_wall(s, top + row, left + col) else FLOOR
    for k in range(len(s.alive)):
        row, col = s.row[k] - top, s.col[k] - left
        if s.alive[k] and abs(row - middle) <= reach and abs(col - middle) <= reach:
            obs[row, col] = CHASER if k < len(s.catches) else RUNNER
    obs[middle, middle] = CHASER if agent < len(s.catches) else RUNNER


@jit
def observe_state(s: State, p: Params, obs: Any) -> None:
    for row in range(len(s.board)):
        for col in range(len(s.board)):
            obs.board[row, col] = s.board[row, col]
    for k in range(len(s.alive)):
        obs.agents[k, :] = 0.0
        if s.alive[k]:
            obs.agents[k, 0] = 1.0
            obs.agents[k, 1] = 1.0 if k < len(s.catches) else -1.0
            obs.agents[k, 2], obs.agents[k, 3] = s.row[k] / p.size, s.col[k] / p.size
    obs.clock[0] = min(1.0, s.step_count / p.max_steps)


@jit
def mask_moves(s: State, p: Params, agent: int, mask: Array) -> None:
    resting = is_resting(s, p, agent, 1)
    for move in range(UP, RIGHT + 1):
        mask[move] = not resting and not is_wall(s, s.row[agent] + DROW[move], s.col[agent] + DCOL[move])


@jit
def hunt(s: State, p: Params, agent: int, memory: Memory) -> int:
    """Chasers close in on the nearest runner; runners keep away from the nearest chaser and out of corners."""
    best, best_score = STAY, -100_000
    for move in range(5):
        row, col = s.row[agent] + DROW[move], s.col[agent] + DCOL[move]
        if is_wall(s, row, col) or (move != STAY and is_resting(s, p, agent, 1)):
            continue
        if agent < len(s.catches):
            score = -4 * distance(s, row, col, len(s.catches), len(s.alive))
            if move == STAY or (row == s.from_row[agent] and col == s.from_col[agent]):
                score -= 9  # walk around a pillar instead of waiting in front of it
        else:
            score = 4 * min(distance(s, row, col, 0, len(s.catches)), 6)
            for exit in range(UP, RIGHT + 1):
                score += 1 if not is_wall(s, row + DROW[exit], col + DCOL[exit]) else 0
        score = 4 * score + randint(memory, 4)  # among equals one by chance, or several walk in step
        if score > best_score:
            best, best_score = move, score
    return best


def draw(s: State, p: Params, canvas: Canvas) -> None:
    canvas.view(p.size + 0.4, p.size + 0.4, left=-0.2, low=-0.2, bleed=True)
    surround(canvas, p.size, p.size, "meadow", "leaf")
    for row in range(p.size):
        for col in range(p.size):
            if s.board[row, col] == WALL:
                block(canvas, row, col, "stone", "rock", open_below=True)
            else:
                ground(canvas, row, col, "grass", "meadow", shaded=row > 0 and s.board[row - 1, col] == WALL)
    fence = [(0.0, 0.0), (p.size, 0.0), (p.size, p.size), (0.0, p.size), (0.0, 0.0)]
    canvas.line(fence, "plank", width=0.2)
    canvas.line([(x, y - 0.06) for x, y in fence], "wood", width=0.1)
    for k in range(len(s.alive)):
        chaser = k < len(s.catches)
        if s.alive[k] or (chaser and k < p.chasers):  # chasers stay to be seen after the end
            draw_agent(s, k, canvas, "orange" if chaser else "sky", 0.4 if chaser else 0.34)
    canvas.status(f"{s.caught} of {p.runners} runners caught in {s.step_count} steps")


def draw_agent(s: State, k: int, canvas: Canvas, color: str, radius: float) -> None:
    """Draw an agent on its way; those who share a cell stand in a row."""
    x, y = s.col[k] + 0.5, s.row[k] + 0.5
    canvas.agent(k, x, y, radius)
    dx, dy = s.col[k] - s.from_col[k], s.row[k] - s.from_row[k]
    sharing = [j for j in range(len(s.alive)) if (s.row[j], s.col[j], s.alive[j]) == (s.row[k], s.col[k], 1)]
    place = sharing.index(k) - 0.5 * (len(sharing) - 1) if k in sharing else 0.0
    x, y = between(canvas, x - dx, x) + 0.3 * place, between(canvas, y - dy, y) + 0.06 * place
    moves = dx != 0 or dy != 0
    creature(canvas, x, y, radius, color, ahead=(dx, dy) if moves else (0, 1), hops=moves)


AGENTS = standing("agents")


@jit
def finish(s: State, p: Params) -> str:
    """Look over a level that a person has drawn."""
    for agent in range(len(s.alive)):
        if s.alive[agent] and s.board[s.row[agent], s.col[agent]] == WALL:
            return "somebody stands in a pillar"
    capacity = len(s.catches)
    for runner in range(capacity, len(s.alive)):
        if s.alive[runner] and distance(s, s.row[runner], s.col[runner], 0, capacity) == 0:
            return "a runner stands where a chaser does"
    return ""


ENV = Env(
    params=Params,
    state=State,
    observation=Box(0, 4, ("sight", "sight"), np.uint8),
    action=Discrete(5, ("stay", "up", "down", "left", "right")),
    reset=reset,
    step=step,
    observe=observe,
    global_state=Dict(
        {
            "board": Box(0, 2, ("size", "size"), np.uint8),
            "agents": Entities(-1.0, 1.0, ("agents", 3)),  # role, row, column
            "clock": Box(0.0, 1.0, (1,)),
        }
    ),
    observe_state=observe_state,
    draw=draw,
    agents={"chaser": "chasers", "runner": "runners"},
    action_mask=mask_moves,
    bots={"hunt": hunt},
    keys={"up": UP, "down": DOWN, "left": LEFT, "right": RIGHT},
    idle=STAY,
    editor=Editor(
        cells=Painted("board", (Brush("floor", FLOOR, "."), Brush("pillar", WALL, "#")), lambda p: (p.size, p.size)),
        things=(AGENTS,),
        finish=finish,
    ),
    counters=("caught",),
    sounds={"caught": "hit"},
    ending=ending,
    endings=("time is up: a runner escaped", "all caught, the last one by chaser {}"),
    casual={"chasers": 2, "size": 17, "rest": 8},
    steps_per_second=4.0,
)
