"""Maze: find the goal of a maze that is new in every level, seeing only what is near.

Every level can be solved: corridors are carved so that each cell is reached, then walls are taken out.

Actions       Discrete(4): UP, DOWN, LEFT, RIGHT.  Moves into walls are barred by the mask, and do nothing.
Observation   uint8 (sight, sight), the agent in the middle: UNSEEN, WALL, FLOOR or GOAL per cell.
Reward        1 at the goal, less 0.9 for the part of max_steps that it took; else 0.
Termination   the goal.  Truncation: max_steps.
Parameters    size, sight, walls, distance, max_steps.
Source        Chevalier-Boisvert et al. 2023, "Minigrid & Miniworld" (reward); depth-first carving.
"""

from dataclasses import dataclass

import numpy as np

from puffer_arena.core import (
    Array,
    Box,
    Brush,
    Canvas,
    Discrete,
    Editor,
    Env,
    Header,
    Memory,
    Painted,
    i8,
    i32,
    jit,
    param,
    randint,
    random_bits,
    standing,
)
from puffer_arena.core.tiles import BEYOND, between, block, burst, creature, ground, surround

UNSEEN, WALL, FLOOR, GOAL = range(4)
UP, DOWN, LEFT, RIGHT = range(4)
DROW = (-1, 1, 0, 0)
DCOL = (0, 0, -1, 1)
UNREACHED = -1


@dataclass(frozen=True)
class Params:
    size: int = param(13, 5, 63, "rows and columns, the outer wall included")
    sight: int = param(7, 3, 15, "rows and columns in sight, odd")
    walls: float = param(0.8, 0.0, 1.0, "part of the inner walls that stand; 0 is an open room", at_reset=True)
    distance: int = param(20, 1, 2000, "steps from the start to the goal, or as far as the level has", at_reset=True)
    max_steps: int = param(200, 10, 10_000, "steps before the episode is truncated")

    def __post_init__(self) -> None:
        if self.sight % 2 == 0:
            raise ValueError(f"sight = {self.sight}; it must be odd, so that the agent is in the middle")

    @property
    def cells(self) -> int:
        return self.size * self.size


class State(Header):
    row: int = i32(below="size")
    col: int = i32(below="size")
    from_row: int = i32(below="size")  # before the last step
    from_col: int = i32(below="size")
    length: int = i32()  # steps of the shortest path from the start
    reached: int = i32()  # 1 at the goal
    board: Array = i8("size", "size")  # WALL, FLOOR or GOAL; beyond p.size all is UNSEEN
    distance: Array = i32("size", "size")  # steps to the goal, UNREACHED at walls
    queue: Array = i32("cells", below="cells")  # cells in hand while a level is made: row * size + col


@jit
def reset(s: State, p: Params) -> None:
    carve(s, p)
    open_walls(s, p)
    rooms = (p.size - 1) // 2
    goal_row, goal_col = 1 + 2 * randint(s, rooms), 1 + 2 * randint(s, rooms)
    place_start(s, p, measure(s, p, goal_row, goal_col))
    s.board[goal_row, goal_col] = GOAL
    s.reached = 0


@jit
def carve(s: State, p: Params) -> None:
    """Carve a maze without loops: walk to unvisited rooms two cells away, backing up where there are none."""
    for row in range(len(s.board)):
        for col in range(len(s.board)):
            s.board[row, col] = WALL if row < p.size and col < p.size else UNSEEN
            s.distance[row, col] = UNREACHED
    end = p.size - 1
    s.board[1, 1] = FLOOR
    s.queue[0], depth = p.size + 1, 1
    while depth > 0:
        row, col = s.queue[depth - 1] // p.size, s.queue[depth - 1] % p.size
        first, stuck = random_bits(s), True
        for turn in range(4):
            way = (first + turn * (1 + (first >> 2) % 2 * 2)) & 3  # in either sense, from any side
            to_row, to_col = row + 2 * DROW[way], col + 2 * DCOL[way]
            if 0 < to_row < end and 0 < to_col < end and s.board[to_row, to_col] == WALL:
                s.board[row + DROW[way], col + DCOL[way]] = FLOOR
                s.board[to_row, to_col] = FLOOR
                s.queue[depth] = to_row * p.size + to_col
                depth += 1
                stuck = False
                break
        if stuck:
            depth -= 1


@jit
def open_walls(s: State, p: Params) -> None:
    """Take out inner walls, each with probability 1 - p.walls; the posts between four rooms stay."""
    end = (p.size - 1) // 2 * 2  # an even size keeps a double wall at its end
    keep = int(p.walls * 65536.0)
    for row in range(1, end):
        for col in range(1 + row % 2, end, 2):
            if s.board[row, col] == WALL and random_bits(s) & 65535 >= keep:
                s.board[row, col] = FLOOR


@jit
def measure(s: State, p: Params, goal_row: int, goal_col: int) -> int:
    """Fill `distance` breadth first and leave the cells in `queue` by distance; return how many there are."""
    s.distance[goal_row, goal_col] = 0
    s.queue[0], taken, count = goal_row * p.size + goal_col, 0, 1
    while taken < count:
        row, col = s.queue[taken] // p.size, s.queue[taken] % p.size
        taken += 1
        for way in range(4):
            to_row, to_col = row + DROW[way], col + DCOL[way]
            if s.board[to_row, to_col] == FLOOR and s.distance[to_row, to_col] == UNREACHED:
                s.distance[to_row, to_col] = s.distance[row, col] + 1
                s.queue[count] = to_row * p.size + to_col
                count += 1
    return count


@jit
def place_start(s: State, p: Params, count: int) -> None:
    """Put the agent on a uniformly drawn cell that is p.distance steps from the goal, or the farthest there are."""
    farthest = s.queue[count - 1]
    s.length = min(p.distance, s.distance[farthest // p.size, farthest % p.size])
    first = count - 1
    while s.distance[s.queue[first] // p.size, s.queue[first] % p.size] > s.length:
        first -= 1
    last = first
    while s.distance[s.queue[first - 1] // p.size, s.queue[first - 1] % p.size] == s.length:
        first -= 1
    cell = s.queue[first + randint(s, last - first + 1)]
    s.row, s.col = cell // p.size, cell % p.size
    s.from_row, s.from_col = s.row, s.col


@jit
def is_wall(s: State, row: int, col: int) -> bool:
    """Tell whether a cell is barred; a level read from outside may lack its outer wall."""
    return not (0 <= row < len(s.board) and 0 <= col < len(s.board)) or s.board[row, col] == WALL


@jit
def step(s: State, p: Params, action: int) -> tuple[float, bool, bool]:
    s.from_row, s.from_col = s.row, s.col
    row, col = s.row + DROW[action], s.col + DCOL[action]
    if not is_wall(s, row, col):
        s.row, s.col = row, col
    if s.board[s.row, s.col] == GOAL:
        s.reached = 1
        return 1.0 - 0.9 * min(1.0, s.step_count / p.max_steps), True, False
    return 0.0, False, s.step_count >= p.max_steps


@jit
def ending(s: State, p: Params) -> int:
    return 0 if s.reached else 1


@jit
def observe(s: State, p: Params, obs: Array) -> None:
    middle, reach = len(obs) // 2, (p.sight - 1) // 2
    top, left = s.row - middle, s.col - middle
    for row in range(len(obs)):
        for col in range(len(obs)):
            at_row, at_col = top + row, left + col
            seen = abs(row - middle) <= reach and abs(col - middle) <= reach
            if seen and 0 <= at_row < len(s.board) and 0 <= at_col < len(s.board):
                obs[row, col] = s.board[at_row, at_col]
            else:
                obs[row, col] = UNSEEN


@jit
def mask_walls(s: State, p: Params, mask: Array) -> None:
    for way in range(4):
        mask[way] = not is_wall(s, s.row + DROW[way], s.col + DCOL[way])


@jit
def shortest(s: State, p: Params, memory: Memory) -> int:
    """Take a shortest path to the goal."""
    for way in range(4):
        row, col = s.row + DROW[way], s.col + DCOL[way]
        if not is_wall(s, row, col) and s.distance[row, col] < s.distance[s.row, s.col]:
            return way
    return UP


@jit
def move_goal(s: State, p: Params, later: State) -> None:
    """Put the goal where the agent stands later on."""
    for row in range(len(s.board)):
        for col in range(len(s.board)):
            s.distance[row, col] = UNREACHED
            if s.board[row, col] == GOAL:
                s.board[row, col] = FLOOR
    measure(s, p, later.row, later.col)
    s.board[later.row, later.col] = GOAL


def draw(s: State, p: Params, canvas: Canvas) -> None:
    canvas.view(p.size, p.size, bleed=True)
    surround(canvas, p.size, p.size, "leaf", "lime")
    reach = (p.sight - 1) // 2
    for row in range(p.size):
        for col in range(p.size):
            x, y = col + 0.5, row + 0.5
            if s.board[row, col] == WALL:
                block(canvas, row, col, "leaf", "grass", open_below=not is_wall(s, row + 1, col))
                continue
            ground(canvas, row, col, "sand", "wood", shaded=is_wall(s, row - 1, col))
            if s.board[row, col] == GOAL:
                canvas.circle(x, y, 0.44, "white", alpha=0.5)
                canvas.circle(x, y, 0.3, "amber")
                canvas.circle(x, y, 0.14, "white")
    dx, dy = s.col - s.from_col, s.row - s.from_row
    x, y = between(canvas, s.from_col, s.col) + 0.5, between(canvas, s.from_row, s.row) + 0.5
    shade(canvas, x, y, reach + 0.5)
    moves = dx != 0 or dy != 0
    creature(canvas, x, y, 0.36, "sky", ahead=(dx, dy) if moves else (0, 1), hops=moves)
    if s.reached:
        burst(canvas, x, y, "amber")
    canvas.agent(0, x, y, 0.36)
    canvas.status(f"{s.step_count} steps, {s.distance[s.row, s.col]} to go")


def shade(canvas: Canvas, x: float, y: float, reach: float) -> None:
    """Darken all but the square in sight around (x, y)."""
    for left, top, width, height in (
        (x - BEYOND, y - BEYOND, 2 * BEYOND, BEYOND - reach),
        (x - BEYOND, y + reach, 2 * BEYOND, BEYOND),
        (x - BEYOND, y - reach, BEYOND - reach, 2 * reach),
        (x + reach, y - reach, BEYOND, 2 * reach),
    ):
        canvas.rect(left, top, width, height, "night", alpha=0.4)


@jit
def finish(s: State, p: Params) -> str:
    """Measure the ways of a maze that a person has drawn."""
    goals, goal_row, goal_col = 0, 0, 0
    for row in range(p.size):
        for col in range(p.size):
            s.distance[row, col] = UNREACHED
            if s.board[row, col] == GOAL:
                goals, goal_row, goal_col = goals + 1, row, col
            if row in (0, p.size - 1) or col in (0, p.size - 1):
                s.board[row, col] = WALL
    if goals != 1 or s.board[goal_row, goal_col] != GOAL:
        return "it needs one goal, inside the outer wall"
    if s.board[s.row, s.col] == WALL:
        return "the start is in a wall"
    if s.board[s.row, s.col] == GOAL:
        return "the start is at the goal"
    measure(s, p, goal_row, goal_col)
    s.length, s.reached = s.distance[s.row, s.col], 0
    return "" if s.length != UNREACHED else "there is no way to the goal"


ENV = Env(
    params=Params,
    state=State,
    observation=Box(0, 3, ("sight", "sight"), np.uint8),
    action=Discrete(4, ("up", "down", "left", "right")),
    reset=reset,
    step=step,
    observe=observe,
    draw=draw,
    action_mask=mask_walls,
    move_goal=move_goal,
    bots={"shortest": shortest},
    keys={"up": UP, "down": DOWN, "left": LEFT, "right": RIGHT},
    counters=("reached", "length"),
    success="reached",
    ending=ending,
    endings=("reached the goal", "time is up"),
    editor=Editor(
        cells=Painted(
            "board",
            (Brush("floor", FLOOR, "."), Brush("wall", WALL, "#"), Brush("goal", GOAL, "G", single=True)),
            lambda p: (p.size, p.size),
        ),
        things=(standing("start"),),
        finish=finish,
    ),
    waits=True,
    steps_per_second=8.0,
    solved=0.85,
    version=1,
)
