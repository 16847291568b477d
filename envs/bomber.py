"""Bomber: two to four players blast bricks, pick up what lies there, and keep out of flames.

Bombs burn down and send flames along their row and column, up to walls and the first brick.  A flame that meets a bomb
sets it off at once.  All players act at the same time, several may stand in one cell, and bombs bar the way.  A bomb
that is laid goes off `fuse` steps later; its flames last for one step, in which they kill whom they find.

Actions       Discrete(6): STAY, UP, DOWN, LEFT, RIGHT, BOMB.  What cannot be done is barred by the mask.
Observation   Dict: `board` uint8 (sight, sight), the agent in the middle: WALL (also beyond sight), FLOOR, BRICK, BOMB,
              FLAME, EXTRA (one bomb more), FIRE (longer flames) or RIVAL; `danger` uint8 (sight, sight), steps until
              flames come, or 0; `me` in [0, 1]: bombs in hand, reach of flames, time that has passed.
Reward        reward_brick for a brick, reward_kill for a rival, 1 for who is left alone, -1 for who is killed.
Termination   a player: being killed.  All: one is left, or none.  Truncation: max_steps.
Parameters    players, size, bricks, items, fuse, sight, reward_brick, reward_kill, max_steps.
Source        Bomberman, Hudson Soft 1983; Resnick et al. 2018, "Pommerman: A Multi-Agent Playground".
"""

import math
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
    Env,
    Header,
    Memory,
    Painted,
    Things,
    i8,
    i32,
    jit,
    param,
    randint,
    random_bits,
)
from puffer_arena.core.tiles import between, block, burst, creature, ground, surround

WALL, FLOOR, BRICK, BOMB, FLAME, EXTRA, FIRE, RIVAL = range(8)
STAY, UP, DOWN, LEFT, RIGHT, LAY = range(6)
DROW = (0, -1, 1, 0, 0, 0)
DCOL = (0, 0, 0, -1, 1, 0)
MOST_BOMBS = 4  # of one player at a time
MOST_REACH = 6
MOST_FUSE = 9
UNREACHED = -1
SAFE, WORK = 0, 1  # what a bot looks for
COLORS = ("sky", "rose", "lime", "violet")
TIME_UP, ONE_LEFT, NONE_LEFT = range(3)  # endings


@dataclass(frozen=True)
class Params:
    players: int = param(4, 2, 4, "how many play")
    size: int = param(11, 7, 15, "rows and columns, the outer wall included; odd")
    bricks: float = param(0.6, 0.0, 1.0, "share of the free cells with a brick", at_reset=True)
    items: float = param(0.4, 0.0, 1.0, "share of the bricks with something under them", at_reset=True)
    fuse: int = param(6, 3, MOST_FUSE, "steps from a bomb's laying to its flames")
    sight: int = param(9, 5, 15, "rows and columns in sight, odd")
    reward_brick: float = param(0.02, 0.0, 1.0, "for a brick")
    reward_kill: float = param(0.5, 0.0, 5.0, "for a rival")
    max_steps: int = param(300, 10, 2000, "steps before the episode is truncated")

    def __post_init__(self) -> None:
        if self.sight % 2 == 0 or self.size % 2 == 0:
            raise ValueError(f"sight = {self.sight} and size = {self.size}; both must be odd")

    @property
    def cells(self) -> int:
        return self.size * self.size

    @property
    def slots(self) -> int:
        return self.players * MOST_BOMBS


class State(Header):
    row: Array = i32("players", below="size")
    col: Array = i32("players", below="size")
    from_row: Array = i32("players", below="size")  # before the last step
    from_col: Array = i32("players", below="size")
    holds: Array = i32("players")  # bombs that may lie at a time
    reach: Array = i32("players")  # of the flames
    kills: Array = i32("players")
    bricks: int = i32()  # that were blasted
    killed: int = i32()  # players
    bomb_cell: Array = i32("slots", below="cells")  # row * size + col; a player's bombs lie in MOST_BOMBS slots
    bomb_fuse: Array = i32("slots")  # steps until it goes off, 0 where the slot is free
    bomb_reach: Array = i32("slots")
    board: Array = i8("size", "size")  # WALL, FLOOR or BRICK; beyond p.size all is WALL
    item: Array = i8("size", "size")  # 0, EXTRA or FIRE; hidden while a brick is on it
    bomb: Array = i8("size", "size")  # 1 where one lies
    seen: Array = i8("size", "size", below=RIVAL)  # what is shown of a cell, beside players
    danger: Array = i8("size", "size")  # steps until flames come, or 0
    lit_by: Array = i8("size", "size", below="players")  # whose flames those are
    flame: Array = i8("size", "size")  # 1 while it burns, 2 where it took a brick


class Search(Memory):
    first: Array = i8("size", "size", below=LAY)  # the move with which the way to a cell begins
    steps: Array = i32("size", "size")  # of that way, or UNREACHED
    queue: Array = i32("cells", below="cells")


@jit
def reset(s: State, p: Params) -> None:
    s.bricks = s.killed = 0
    s.bomb_cell[:] = s.bomb_fuse[:] = s.bomb_reach[:] = 0
    bricks, items = int(p.bricks * 1024.0), int(p.items * 1024.0)  # parts of 1024
    end = p.size - 2
    for row in range(len(s.board)):
        for col in range(len(s.board)):
            s.item[row, col] = s.bomb[row, col] = s.danger[row, col] = s.lit_by[row, col] = s.flame[row, col] = 0
            pillar = row % 2 == 0 and col % 2 == 0
            s.board[row, col] = FLOOR if 0 < row <= end and 0 < col <= end and not pillar else WALL
            corner = min(row - 1, end - row) + min(col - 1, end - col)  # steps from the nearest
            if s.board[row, col] == FLOOR and corner > 1:
                bits = random_bits(s)
                if bits >> 22 < bricks:
                    s.board[row, col] = BRICK
                    s.item[row, col] = EXTRA + (bits & 1) if bits >> 1 & 1023 < items else 0
    first = randint(s, 4)
    for k in range(len(s.alive)):
        s.alive[k] = 1 if k < p.players else 0
        corner = (first + k) % 4  # neighbours in number start in opposite corners
        s.row[k] = s.from_row[k] = 1 if corner % 2 == 0 else end
        s.col[k] = s.from_col[k] = 1 if corner in (0, 3) else end
        s.holds[k], s.reach[k], s.kills[k] = 1, 2, 0
    show(s)


@jit
def is_free(s: State, row: int, col: int) -> bool:
    inside = 0 <= row < len(s.board) and 0 <= col < len(s.board)
    return inside and s.board[row, col] == FLOOR and s.bomb[row, col] == 0


@jit
def step(s: State, p: Params, actions: Array, rewards: Array, terminated: Array) -> bool:
    burn(s, p, rewards)
    left = 0
    for k in range(len(s.alive)):
        if s.alive[k]:
            act(s, p, k, actions[k])
    for k in range(len(s.alive)):
        if s.alive[k]:
            row, col = s.row[k], s.col[k]
            s.holds[k] += s.item[row, col] == EXTRA
            s.reach[k] = min(s.reach[k] + (s.item[row, col] == FIRE), MOST_REACH)
            if s.flame[row, col] > 0:
                terminated[k] = True
                rewards[k] -= 1.0
                s.killed += 1
                if s.lit_by[row, col] != k:
                    rewards[s.lit_by[row, col]] += p.reward_kill
                    s.kills[s.lit_by[row, col]] += 1
            else:
                left += 1
    for k in range(len(s.alive)):
        if s.alive[k]:
            s.item[s.row[k], s.col[k]] = 0  # only now: who come together all get it
            if left == 1 and not terminated[k]:
                rewards[k] += 1.0
            if left <= 1:
                terminated[k] = True
    spread(s)
    show(s)
    return s.step_count >= p.max_steps


@jit
def act(s: State, p: Params, k: int, action: int) -> None:
    s.from_row[k], s.from_col[k] = s.row[k], s.col[k]
    row, col = s.row[k] + DROW[action], s.col[k] + DCOL[action]
    if action == LAY:
        for slot in range(MOST_BOMBS * k, MOST_BOMBS * k + min(s.holds[k], MOST_BOMBS)):
            if s.bomb_fuse[slot] == 0 and s.bomb[row, col] == 0:
                s.bomb_cell[slot] = row * len(s.board) + col
                s.bomb_fuse[slot], s.bomb_reach[slot] = p.fuse, s.reach[k]
                s.bomb[row, col] = 1
    elif is_free(s, row, col):
        s.row[k], s.col[k] = row, col


@jit
def burn(s: State, p: Params, rewards: Array) -> None:
    """Let time pass for the bombs: what is to burn in this step burns."""
    for row in range(p.size):
        for col in range(p.size):
            burns = s.danger[row, col] == 1
            s.danger[row, col] = max(s.danger[row, col] - 1, 0)
            s.flame[row, col] = 1 if burns else 0
            if burns and s.board[row, col] == BRICK:
                s.board[row, col], s.flame[row, col] = FLOOR, 2
                s.bricks += 1
                rewards[s.lit_by[row, col]] += p.reward_brick
            elif burns:
                s.item[row, col] = 0
    for slot in range(len(s.bomb_fuse)):
        if s.bomb_fuse[slot] > 0:
            s.bomb_fuse[slot] -= 1
            if s.bomb_fuse[slot] == 0:
                s.bomb[s.bomb_cell[slot] // len(s.board), s.bomb_cell[slot] % len(s.board)] = 0


@jit
def spread(s: State) -> None:
    """Note when flames come to each cell; a bomb that flames meet before its time goes off with them."""
    changed = True
    while changed:
        changed = False
        s.danger[:] = 0
        for slot in range(len(s.bomb_fuse)):
            if s.bomb_fuse[slot] > 0:
                blast(s, slot)
        for slot in range(len(s.bomb_fuse)):
            row, col = s.bomb_cell[slot] // len(s.board), s.bomb_cell[slot] % len(s.board)
            if s.bomb_fuse[slot] > s.danger[row, col]:
                s.bomb_fuse[slot] = s.danger[row, col]
                changed = True


@jit
def show(s: State) -> None:
    """Note what is to be seen in each cell, once for all who look."""
    for row in range(len(s.board)):
        for col in range(len(s.board)):
            code = s.board[row, col]
            code = s.item[row, col] if code == FLOOR and s.item[row, col] > 0 else code
            code = FLAME if s.flame[row, col] > 0 else code
            s.seen[row, col] = BOMB if s.bomb[row, col] > 0 else code


@jit
def blast(s: State, slot: int) -> None:
    """Note when the flames of one bomb come."""
    for way in range(UP, LAY):
        row, col = s.bomb_cell[slot] // len(s.board), s.bomb_cell[slot] % len(s.board)
        for _ in range(min(s.bomb_reach[slot], MOST_REACH) + 1):
            inside = 0 <= row < len(s.board) and 0 <= col < len(s.board)
            if not inside or s.board[row, col] == WALL:
                break
            if s.danger[row, col] == 0 or s.bomb_fuse[slot] < s.danger[row, col]:
                s.danger[row, col] = s.bomb_fuse[slot]
                s.lit_by[row, col] = slot // MOST_BOMBS
            if s.board[row, col] == BRICK:
                break
            row, col = row + DROW[way], col + DCOL[way]


@jit
def laid(s: State, agent: int) -> int:
    count = 0
    for slot in range(MOST_BOMBS * agent, MOST_BOMBS * agent + MOST_BOMBS):
        count += s.bomb_fuse[slot] > 0
    return count


@jit
def ending(s: State, p: Params) -> int:
    """Tell whether one was left, or how many of them when time was up."""
    left = len(s.alive) - s.killed
    return NONE_LEFT if left == 0 else ONE_LEFT if left == 1 else TIME_UP + 3 * left


@jit
def observe(s: State, p: Params, agent: int, obs: Any) -> None:
    middle, reach = len(obs.board) // 2, (p.sight - 1) // 2
    top, left = s.row[agent] - middle, s.col[agent] - middle
    for row in range(len(obs.board)):
        for col in range(len(obs.board)):
            obs.board[row, col], obs.danger[row, col] = WALL, 0
    for row in range(max(middle - reach, -top), min(middle + reach + 1, len(s.board) - top)):
        for col in range(max(middle - reach, -left), min(middle + reach + 1, len(s.board) - left)):
            obs.board[row, col] = s.seen[top + row, left + col]
            obs.danger[row, col] = s.danger[top + row, left + col]
    for k in range(len(s.alive)):
        row, col = s.row[k] - top, s.col[k] - left
        if s.alive[k] and k != agent and abs(row - middle) <= reach and abs(col - middle) <= reach:
            obs.board[row, col] = RIVAL
    obs.me[0] = min(max(s.holds[agent] - laid(s, agent), 0), MOST_BOMBS) / MOST_BOMBS
    obs.me[1] = s.reach[agent] / MOST_REACH
    obs.me[2] = min(1.0, s.step_count / p.max_steps)


@jit
def can(s: State, agent: int, action: int) -> bool:
    if action == LAY:
        here = s.bomb[s.row[agent], s.col[agent]] > 0
        return not here and laid(s, agent) < min(s.holds[agent], MOST_BOMBS)
    return action == STAY or is_free(s, s.row[agent] + DROW[action], s.col[agent] + DCOL[action])


@jit
def mask_actions(s: State, p: Params, agent: int, mask: Array) -> None:
    for action in range(UP, LAY + 1):
        mask[action] = can(s, agent, action)


@jit
def is_struck(s: State, agent: int, row: int, col: int) -> bool:
    """Tell whether a bomb where the agent stands would reach a cell, bricks left aside."""
    down, across = abs(row - s.row[agent]), abs(col - s.col[agent])
    struck: bool = min(down, across) == 0 and max(down, across) <= s.reach[agent]
    return struck


@jit
def is_work(s: State, agent: int, row: int, col: int) -> bool:
    """Tell whether something waits in a cell: an item, a brick beside it, or a rival no farther than flames."""
    if s.item[row, col] > 0:
        return True
    for way in range(UP, LAY):
        to_row, to_col = row + DROW[way], col + DCOL[way]
        inside = 0 <= to_row < len(s.board) and 0 <= to_col < len(s.board)
        if inside and s.board[to_row, to_col] == BRICK and s.danger[to_row, to_col] == 0:
            return True
    for k in range(len(s.alive)):
        if s.alive[k] and k != agent and abs(s.row[k] - row) + abs(s.col[k] - col) <= 2:
            return True
    return False


@jit
def seek(s: State, p: Params, agent: int, m: Search, goal: int, laying: bool) -> int:
    """Return the move with which the shortest way to a goal begins that meets no flames, or -1.

    `laying` asks as if the agent laid a bomb first.
    """
    size = len(s.board)
    m.steps[:] = UNREACHED
    m.queue[0] = s.row[agent] * size + s.col[agent]
    m.first[s.row[agent], s.col[agent]], m.steps[s.row[agent], s.col[agent]] = STAY, 0
    taken, count = 0, 1
    while taken < count:
        row, col = m.queue[taken] // size, m.queue[taken] % size
        time = m.steps[row, col]
        if laying and time > p.fuse - 2:  # too late
            return -1
        taken += 1
        calm = s.danger[row, col] == 0 and not (laying and is_struck(s, agent, row, col))
        if calm and (goal == SAFE or (time > 0 and is_work(s, agent, row, col))):
            move: int = m.first[row, col]
            return move
        for way in range(UP, LAY):
            to_row, to_col = row + DROW[way], col + DCOL[way]
            if (
                is_free(s, to_row, to_col)
                and m.steps[to_row, to_col] == UNREACHED
                and s.danger[to_row, to_col] != time + 1
            ):
                m.first[to_row, to_col] = way if time == 0 else m.first[row, col]
                m.steps[to_row, to_col] = time + 1
                m.queue[count] = to_row * size + to_col
                count += 1
    return -1


@jit
def miner(s: State, p: Params, agent: int, memory: Search) -> int:
    """Leave where flames will come; lay bombs where there is work and a way out; else go to work."""
    row, col = s.row[agent], s.col[agent]
    if s.danger[row, col] > 0:
        return max(seek(s, p, agent, memory, SAFE, False), STAY)
    wants = can(s, agent, LAY) and is_work(s, agent, row, col) and randint(memory, 8) > 0
    if wants and seek(s, p, agent, memory, SAFE, True) > STAY:
        return LAY
    way = seek(s, p, agent, memory, WORK, False)
    if way > STAY and s.danger[row + DROW[way], col + DCOL[way]] == 0:
        return way
    way = randint(memory, 5)
    free = can(s, agent, way) and s.danger[row + DROW[way], col + DCOL[way]] == 0
    return way if free else STAY


def draw(s: State, p: Params, canvas: Canvas) -> None:
    canvas.view(p.size, p.size, bleed=True)
    surround(canvas, p.size, p.size, "rock", "slate")
    for row in range(p.size):
        for col in range(p.size):
            code = s.board[row, col]
            below = row + 1 < p.size and s.board[row + 1, col] == FLOOR
            if code == WALL:
                block(canvas, row, col, "rock", "slate", open_below=below)
                continue
            ground(canvas, row, col, "grass", "meadow", shaded=row > 0 and s.board[row - 1, col] != FLOOR)
            if code == BRICK:
                brick(canvas, col, row)
            elif s.item[row, col] > 0:
                draw_item(canvas, col + 0.5, row + 0.5, s.item[row, col])
            if s.flame[row, col] > 0:
                draw_flame(canvas, col + 0.5, row + 0.5, s.flame[row, col] == 2)
    for slot in range(len(s.bomb_fuse)):
        if s.bomb_fuse[slot] > 0:
            row, col = s.bomb_cell[slot] // len(s.board), s.bomb_cell[slot] % len(s.board)
            draw_bomb(canvas, col + 0.5, row + 0.5, s.bomb_fuse[slot])
    for k in range(p.players):
        draw_player(s, k, canvas)
    canvas.status(f"{p.players - s.killed} of {p.players} players left, {s.bricks} bricks blasted")


def brick(canvas: Canvas, x: float, y: float) -> None:
    canvas.rect(x, y, 1.0, 1.0, "plank")
    canvas.rect(x, y, 1.0, 0.74, "wood")
    for line, left, right in ((0.25, 0.5, 0.5), (0.5, 0.25, 0.75), (0.74, 0.5, 0.5)):
        canvas.rect(x, y + line - 0.02, 1.0, 0.04, "plank")
        for joint in (left, right):
            canvas.rect(x + joint - 0.02, y + line - 0.24, 0.04, 0.22, "plank")
    canvas.rect(x, y, 1.0, 0.06, "white", alpha=0.25)


def draw_item(canvas: Canvas, x: float, y: float, item: int) -> None:
    canvas.circle(x, y + 0.05, 0.34, "shadow", alpha=0.35)
    canvas.circle(x, y, 0.33, "white")
    canvas.circle(x, y, 0.28, "sky" if item == EXTRA else "orange")
    if item == EXTRA:
        canvas.circle(x - 0.02, y + 0.03, 0.14, "shadow")
        canvas.line([(x + 0.06, y - 0.09), (x + 0.14, y - 0.17)], "white", width=0.05)
    else:
        canvas.polygon([(x - 0.13, y + 0.12), (x, y - 0.2), (x + 0.13, y + 0.12)], "amber")
        canvas.circle(x, y + 0.07, 0.1, "white")


def draw_bomb(canvas: Canvas, x: float, y: float, fuse: int) -> None:
    """Draw a bomb that swells and reddens as its time runs out."""
    left = fuse - canvas.moment + 1.0
    size = 0.32 + 0.05 * math.sin(12.0 / max(left, 0.6))
    canvas.circle(x, y + 0.2, size, "shadow", alpha=0.35)
    canvas.circle(x, y, size, "night")
    canvas.circle(x, y, size, "rose", alpha=max(0.0, 0.6 - 0.2 * left))
    canvas.circle(x - 0.1, y - 0.12, 0.09, "white", alpha=0.5)
    canvas.line([(x + 0.15, y - 0.22), (x + 0.24, y - 0.36)], "sand", width=0.06)
    canvas.circle(x + 0.25, y - 0.38, 0.06 + 0.04 * (canvas.moment % 0.5), "amber")


def draw_flame(canvas: Canvas, x: float, y: float, took_brick: bool) -> None:
    """Draw a flame that bursts out and dies down within its step."""
    size = math.sin(math.pi * (0.25 + 0.6 * canvas.moment))
    for part, color in ((0.62, "rose"), (0.5, "orange"), (0.36, "amber"), (0.2, "white")):
        canvas.rect(x - part * size, y - part * size, 2 * part * size, 2 * part * size, color, radius=0.24)
    if took_brick:
        burst(canvas, x, y, "wood", reach=0.8, rays=6)


def draw_player(s: State, k: int, canvas: Canvas) -> None:
    x, y = s.col[k] + 0.5, s.row[k] + 0.5
    canvas.agent(k, x, y, 0.36)
    if not s.alive[k]:  # a grave
        canvas.circle(x, y + 0.2, 0.3, "shadow", alpha=0.3)
        canvas.rect(x - 0.2, y - 0.22, 0.4, 0.46, "stone", radius=0.18)
        canvas.circle(x, y - 0.04, 0.08, COLORS[k])
        return
    dx, dy = s.col[k] - s.from_col[k], s.row[k] - s.from_row[k]
    x, y = between(canvas, x - dx, x), between(canvas, y - dy, y)
    together = sum(int(s.alive[j]) for j in range(k) if s.row[j] == s.row[k] and s.col[j] == s.col[k])
    hop = 0.3 * math.sin(math.pi * canvas.moment) if dx or dy else 0.0
    ahead = (dx, dy) if dx or dy else (0, 1)
    creature(canvas, x + 0.18 * together, y - 0.1 * together, 0.36, COLORS[k], ahead=ahead, hop=hop)


def find_players(s: State, p: Params) -> list[tuple[float, float]]:
    return [(s.col[k], s.row[k]) for k in range(p.players)]


def put_player(s: State, p: Params, k: int, x: float, y: float) -> None:
    s.row[k] = s.from_row[k] = int(y)
    s.col[k] = s.from_col[k] = int(x)


def finish(s: State, p: Params) -> str:
    """Begin in an arena that a person has drawn; what bricks hide stays where there still is one."""
    for row in range(p.size):
        for col in range(p.size):
            if row in (0, p.size - 1) or col in (0, p.size - 1):
                s.board[row, col] = WALL
            if s.board[row, col] != BRICK:
                s.item[row, col] = 0
    places = [(s.row[k], s.col[k]) for k in range(p.players)]
    if any(s.board[place] != FLOOR for place in places):
        return "a player is in a wall"
    if len(set(places)) < len(places):
        return "two players are in one cell"
    show(s)
    return ""


ENV = Env(
    params=Params,
    state=State,
    observation=Dict(
        {
            "board": Box(0, RIVAL, ("sight", "sight"), np.uint8),
            "danger": Box(0, MOST_FUSE, ("sight", "sight"), np.uint8),
            "me": Box(0.0, 1.0, (3,)),
        }
    ),
    action=Discrete(6, ("stay", "up", "down", "left", "right", "bomb")),
    reset=reset,
    step=step,
    observe=observe,
    draw=draw,
    agents={"bomber": "players"},
    action_mask=mask_actions,
    bots={"miner": miner},
    bot_memory=Search,
    keys={"up": UP, "down": DOWN, "left": LEFT, "right": RIGHT, "space": LAY},
    idle=STAY,
    editor=Editor(
        cells=Painted(
            "board",
            (Brush("floor", FLOOR, "."), Brush("wall", WALL, "#"), Brush("brick", BRICK, "b")),
            lambda p: (p.size, p.size),
        ),
        things=(Things("players", find_players, put_player),),
        finish=finish,
    ),
    counters=("bricks", "killed"),
    ending=ending,
    endings=("time is up: {} are left", "one is left", "nobody is left"),
    steps_per_second=6.0,
)
