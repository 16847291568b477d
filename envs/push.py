"""Push: move every box of a store room onto a target; all levels are new, and can be solved.

A level is made backwards: its boxes stand on their targets and are pulled away, so that what undoes the pulls, last
pull first, solves it.  The bot knows that plan and follows it; where somebody pushed otherwise, it moves by chance.

Actions       Discrete(4): UP, DOWN, LEFT, RIGHT; into a box pushes it.  What would move nothing is barred by the mask.
Observation   uint8 (size, size): WALL, FLOOR, TARGET, BOX, HOME (a box on a target), PLAYER or PLAYER_ON_TARGET.
Reward        1 for a box that gets home, -1 for one that leaves, 10 when all are home, and -reward_step a step.
Termination   all boxes are home.  Truncation: max_steps.
Parameters    size, boxes, walls, pulls, reward_step, max_steps.
Source        Sokoban, H. Imabayashi 1981; levels and rewards as in Racaniere et al. 2017, "Imagination-Augmented
              Agents for Deep Reinforcement Learning".
"""

import math
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
from puffer_arena.core.tiles import between, block, burst, creature, ground, surround

WALL, FLOOR, TARGET, BOX, HOME, PLAYER, PLAYER_ON_TARGET = range(7)
UP, DOWN, LEFT, RIGHT = range(4)
DROW = (-1, 1, 0, 0)
DCOL = (0, 0, -1, 1)
UNREACHED = -1
TRIES = 32
REWARD_SOLVED = 10.0
SOLVED, TIME_UP = range(2)  # endings


@dataclass(frozen=True)
class Params:
    size: int = param(8, 6, 12, "rows and columns, the outer wall included")
    boxes: int = param(2, 1, 6, "boxes, and as many targets", at_reset=True)
    walls: float = param(0.3, 0.0, 0.6, "share of the inner cells that are left as walls, about", at_reset=True)
    pulls: int = param(16, 1, 64, "pulls that a level is made by, at most: pushes that solve it")
    reward_step: float = param(0.1, 0.0, 1.0, "cost of a step")
    max_steps: int = param(120, 10, 2000, "steps before the episode is truncated")

    @property
    def cells(self) -> int:
        return self.size * self.size

    @property
    def moves(self) -> int:
        return 4 * self.size * self.size

    @property
    def plans(self) -> int:
        return self.pulls + 1


class State(Header):
    row: int = i32(below="size")
    col: int = i32(below="size")
    facing: int = i32(below=4)  # the last move that was tried
    moved: int = i32(below=3)  # in the last step: 0 nothing, 1 the player, 2 the player and a box
    brought: int = i32()  # boxes that got home in the last step, -1 for one that left
    home: int = i32()  # boxes on targets
    away: int = i32()  # boxes that are not
    solved: int = i32()
    pushes: int = i32()
    left: int = i32(below="plans")  # pushes of the plan that are left; 0 where it was not followed
    plan: Array = i32("pulls", below="moves")  # the last one first: 4 (row * size + col) + way, where the player stands
    board: Array = i8("size", "size", below=5)  # WALL, FLOOR, TARGET, BOX or HOME; beyond p.size all is WALL
    steps: Array = i32("size", "size")  # the two are in hand while a level is made
    queue: Array = i32("cells", below="cells")


class Search(Memory):
    steps: Array = i32("size", "size")  # to where the next push of the plan begins, or UNREACHED
    queue: Array = i32("cells", below="cells")


@jit
def cell(s: State, row: int, col: int) -> int:
    """Return what stands in a cell; beyond the board there are walls."""
    inside = 0 <= row < len(s.board) and 0 <= col < len(s.board)
    code: int = s.board[row, col] if inside else WALL
    return code


@jit
def is_free(s: State, row: int, col: int) -> bool:
    code = cell(s, row, col)
    return code in (FLOOR, TARGET)


@jit
def flood(s: State, steps: Array, queue: Array, row: int, col: int) -> None:
    """Fill `steps` with how far the free cells are from one that is free."""
    size = len(s.board)
    for other_row in range(size):
        for other_col in range(size):
            steps[other_row, other_col] = UNREACHED
    steps[row, col] = 0
    queue[0], taken, count = row * size + col, 0, 1
    while taken < count:
        at_row, at_col = queue[taken] // size, queue[taken] % size
        taken += 1
        for way in range(4):
            to_row, to_col = at_row + DROW[way], at_col + DCOL[way]
            if is_free(s, to_row, to_col) and steps[to_row, to_col] == UNREACHED:
                steps[to_row, to_col] = steps[at_row, at_col] + 1
                queue[count] = to_row * size + to_col
                count += 1


@jit
def reset(s: State, p: Params) -> None:
    for _ in range(TRIES):
        carve(s, p)
        place(s, p)
        pull_apart(s, p)
        if s.away > 0:
            break
    s.facing = DOWN
    s.moved = s.brought = s.solved = s.pushes = 0


@jit
def carve(s: State, p: Params) -> None:
    """Carve a room by a walk that clears two by two cells at each of its steps."""
    for row in range(len(s.board)):
        for col in range(len(s.board)):
            s.board[row, col] = WALL
    inner = p.size - 3  # places of the walk's upper left cell, in each direction
    missing = int((1.0 - p.walls) * (p.size - 2) * (p.size - 2))
    row, col, bits = 1 + randint(s, inner), 1 + randint(s, inner), 0
    for k in range(16 * p.size * p.size):
        for square in range(4):
            at_row, at_col = row + (square >> 1), col + (square & 1)
            missing -= s.board[at_row, at_col] == WALL
            s.board[at_row, at_col] = FLOOR
        if missing <= 0:
            break
        bits = random_bits(s) if k % 16 == 0 else bits >> 2
        row = min(max(row + DROW[bits & 3], 1), inner)
        col = min(max(col + DCOL[bits & 3], 1), inner)
    s.row, s.col = row, col


@jit
def place(s: State, p: Params) -> None:
    """Put boxes on targets, each where it can be pulled away."""
    s.home = s.away = 0
    for _ in range(TRIES * p.boxes):
        row, col, way = 1 + randint(s, p.size - 2), 1 + randint(s, p.size - 2), randint(s, 4)
        taken = row == s.row and col == s.col
        near = is_free(s, row + DROW[way], col + DCOL[way])
        if near and is_free(s, row + 2 * DROW[way], col + 2 * DCOL[way]) and is_free(s, row, col) and not taken:
            s.board[row, col] = HOME
            s.home += 1
            if s.home == p.boxes:
                return


@jit
def pull_apart(s: State, p: Params) -> None:
    """Pull boxes about, each of the pulls that are possible as likely; note the pushes that undo them."""
    s.left = 0
    s.plan[:] = 0
    while s.left < p.pulls:
        flood(s, s.steps, s.queue, s.row, s.col)
        chosen, count = 0, 0
        for row in range(1, p.size - 1):
            for col in range(1, p.size - 1):
                if s.board[row, col] >= BOX:
                    for way in range(4):
                        far_row, far_col = row + 2 * DROW[way], col + 2 * DCOL[way]
                        reached = s.steps[row + DROW[way], col + DCOL[way]] != UNREACHED
                        if reached and is_free(s, far_row, far_col):
                            # Boxes at home are likelier, so that they leave.
                            count += 4 if s.board[row, col] == HOME else 1
                            if randint(s, count) < (4 if s.board[row, col] == HOME else 1):
                                chosen = 4 * (row * len(s.board) + col) + way
        if count == 0:
            return
        pull(s, chosen)


@jit
def pull(s: State, chosen: int) -> None:
    size, way = len(s.board), chosen % 4
    row, col = chosen // 4 // size, chosen // 4 % size
    shift(s, row, col, row + DROW[way], col + DCOL[way])
    s.row, s.col = row + 2 * DROW[way], col + 2 * DCOL[way]
    s.plan[s.left] = 4 * (s.row * size + s.col) + (way ^ 1)
    s.left += 1


@jit
def shift(s: State, row: int, col: int, to_row: int, to_col: int) -> int:
    """Move a box; return by how much the number of boxes at home changes."""
    change = int(s.board[to_row, to_col] == TARGET) - int(s.board[row, col] == HOME)
    s.board[row, col] -= BOX - FLOOR
    s.board[to_row, to_col] += BOX - FLOOR
    s.home += change
    s.away = s.away - change
    return change


@jit
def is_open(s: State, row: int, col: int, way: int) -> bool:
    """Tell whether a move from a cell moves anything."""
    ahead = cell(s, row + DROW[way], col + DCOL[way])
    return ahead != WALL and (ahead < BOX or is_free(s, row + 2 * DROW[way], col + 2 * DCOL[way]))


@jit
def step(s: State, p: Params, action: int) -> tuple[float, bool, bool]:
    s.facing, s.moved, s.brought = action, 0, 0
    if is_open(s, s.row, s.col, action):
        row, col = s.row + DROW[action], s.col + DCOL[action]
        s.moved = 1
        if s.board[row, col] >= BOX:
            follow(s, 4 * (s.row * len(s.board) + s.col) + action)
            s.brought = shift(s, row, col, row + DROW[action], col + DCOL[action])
            s.moved = 2
            s.pushes += 1
        s.row, s.col = row, col
    s.solved = 1 if s.away == 0 else 0
    reward = s.brought - p.reward_step + REWARD_SOLVED * s.solved
    return reward, s.solved == 1, s.step_count >= p.max_steps


@jit
def follow(s: State, push: int) -> None:
    """Take a push off the plan, or drop the plan where it is another."""
    planned = s.left > 0 and s.plan[min(s.left, len(s.plan)) - 1] == push
    s.left = s.left - 1 if planned else 0


@jit
def ending(s: State, p: Params) -> int:
    return SOLVED if s.solved else TIME_UP + 2 * s.home


@jit
def observe(s: State, p: Params, obs: Array) -> None:
    for row in range(len(s.board)):
        for col in range(len(s.board)):
            obs[row, col] = s.board[row, col]
    obs[s.row, s.col] = PLAYER_ON_TARGET if s.board[s.row, s.col] == TARGET else PLAYER


@jit
def mask_moves(s: State, p: Params, mask: Array) -> None:
    shut = True
    for way in range(4):
        mask[way] = is_open(s, s.row, s.col, way)
        shut = shut and not mask[way]
    if shut:  # never by play, which can always go back; a row from outside may say so
        mask[:] = True


@jit
def move_goal(s: State, p: Params, later: State) -> None:
    """Put the targets where the boxes are later on."""
    s.home = s.away = s.left = 0
    for row in range(len(s.board)):
        for col in range(len(s.board)):
            if s.board[row, col] == WALL:
                continue
            box, wanted = s.board[row, col] >= BOX, later.board[row, col] >= BOX
            s.board[row, col] = (BOX if box else FLOOR) + (1 if wanted else 0)
            s.home += int(box and wanted)
            s.away += int(box and not wanted)


@jit
def planner(s: State, p: Params, memory: Search) -> int:
    """Walk to the next push of the plan and push; without a plan move by chance."""
    if s.left > 0:
        push: int = s.plan[min(s.left, len(s.plan)) - 1]
        row, col = push // 4 // len(s.board), push // 4 % len(s.board)
        if row == s.row and col == s.col:
            return push % 4
        flood(s, memory.steps, memory.queue, row, col)
        for way in range(4):
            to_row, to_col = s.row + DROW[way], s.col + DCOL[way]
            if is_free(s, to_row, to_col) and memory.steps[to_row, to_col] < memory.steps[s.row, s.col]:
                return way
    first = randint(memory, 4)
    for turn in range(4):
        if is_open(s, s.row, s.col, (first + turn) % 4):
            return (first + turn) % 4
    return first


def draw(s: State, p: Params, canvas: Canvas) -> None:
    canvas.view(p.size, p.size, bleed=True)
    surround(canvas, p.size, p.size, "rock", "slate")
    for row in range(p.size):
        for col in range(p.size):
            code = s.board[row, col]
            if code == WALL:
                block(canvas, row, col, "rock", "slate", open_below=cell(s, row + 1, col) != WALL)
                continue
            ground(canvas, row, col, "sand", "wood", shaded=cell(s, row - 1, col) == WALL)
            if code in (TARGET, HOME):
                canvas.circle(col + 0.5, row + 0.5, 0.3, "plank", alpha=0.35)
                canvas.ring(col + 0.5, row + 0.5, 0.3, "rose", width=0.09)
    dx, dy = (DCOL[s.facing], DROW[s.facing]) if s.moved else (0, 0)
    for row in range(p.size):
        for col in range(p.size):
            if s.board[row, col] >= BOX:
                pushed = s.moved == 2 and row == s.row + dy and col == s.col + dx
                x = between(canvas, col - dx, col) if pushed else col
                y = between(canvas, row - dy, row) if pushed else row
                crate(canvas, x, y, s.board[row, col])
    if s.brought == 1:
        burst(canvas, s.col + dx + 0.5, s.row + dy + 0.5, "lime")
    x, y = between(canvas, s.col - dx, s.col) + 0.5, between(canvas, s.row - dy, s.row) + 0.5
    hop = math.sin(math.pi * canvas.moment) if s.moved == 1 else 0.0
    creature(canvas, x, y, 0.36, "sky", ahead=(DCOL[s.facing], DROW[s.facing]), hop=0.3 * hop)
    canvas.agent(0, x, y, 0.36)
    canvas.status(
        f"{s.home} of {s.home + s.away} boxes home, {s.pushes} pushes, {p.max_steps - s.step_count} steps left"
    )


def crate(canvas: Canvas, x: float, y: float, code: int) -> None:
    """Draw a crate with its cell's upper left corner at (x, y), painted green when it is home."""
    top, side = ("lime", "leaf") if code == HOME else ("amber", "plank")
    canvas.rect(x + 0.04, y + 0.16, 0.96, 0.86, "shadow", radius=0.1, alpha=0.4)
    canvas.rect(x + 0.07, y + 0.05, 0.86, 0.9, side, radius=0.08)
    canvas.rect(x + 0.07, y + 0.05, 0.86, 0.68, top, radius=0.08)
    canvas.line([(x + 0.18, y + 0.16), (x + 0.82, y + 0.62)], side, width=0.08)
    canvas.line([(x + 0.18, y + 0.62), (x + 0.82, y + 0.16)], side, width=0.08)
    canvas.rect(x + 0.07, y + 0.05, 0.86, 0.08, "white", radius=0.08, alpha=0.3)


@jit
def finish(s: State, p: Params) -> str:
    """Count what a person has drawn; whether the boxes can all be brought home is not searched for."""
    targets, boxes, home = 0, 0, 0
    for row in range(p.size):
        for col in range(p.size):
            if row in (0, p.size - 1) or col in (0, p.size - 1):
                s.board[row, col] = WALL
            targets += s.board[row, col] == TARGET
            boxes += s.board[row, col] == BOX
            home += s.board[row, col] == HOME
            if s.board[row, col] == BOX and stuck(s, row, col):
                return "a box is stuck in a corner"
    if not is_free(s, s.row, s.col):
        return "the player is in a wall or a box"
    if boxes == 0:
        return "it needs a box that is not home"
    if targets < boxes:
        return "there are fewer targets than boxes"
    s.home, s.away, s.left = home, boxes, 0
    return ""


@jit
def stuck(s: State, row: int, col: int) -> bool:
    """Tell whether a box can never be pushed again: walls above or below, and to the left or right."""
    upright = WALL in (cell(s, row - 1, col), cell(s, row + 1, col))
    return upright and WALL in (cell(s, row, col - 1), cell(s, row, col + 1))


ENV = Env(
    params=Params,
    state=State,
    observation=Box(0, 6, ("size", "size"), np.uint8),
    action=Discrete(4, ("up", "down", "left", "right")),
    reset=reset,
    step=step,
    observe=observe,
    draw=draw,
    action_mask=mask_moves,
    move_goal=move_goal,
    bots={"planner": planner},
    bot_memory=Search,
    keys={"up": UP, "down": DOWN, "left": LEFT, "right": RIGHT},
    editor=Editor(
        cells=Painted(
            "board",
            (
                Brush("floor", FLOOR, "."),
                Brush("wall", WALL, "#"),
                Brush("target", TARGET, "o"),
                Brush("box", BOX, "b"),
                Brush("box at home", HOME, "h"),
            ),
            lambda p: (p.size, p.size),
        ),
        things=(standing("player"),),
        finish=finish,
    ),
    counters=("solved", "home", "pushes"),
    sounds={"pushes": "hit", "home": "goal"},
    success="solved",
    ending=ending,
    endings=("every box is home", "time is up; boxes home: {}"),
    waits=True,
    steps_per_second=8.0,
    solved=10.0,
)
