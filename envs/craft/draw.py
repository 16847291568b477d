"""How craft looks."""

import math

from puffer_arena.core import Canvas
from puffer_arena.core.tiles import between, burst, creature, grain, ground
from puffer_arena.envs.craft.state import (
    COAL,
    COLS,
    COW,
    DCOL,
    DIAMOND,
    DROW,
    FURNACE,
    IRON,
    MOBS,
    MOST,
    PLANT,
    RIPE,
    ROWS,
    STONE,
    TABLE,
    TREE,
    WATER,
    ZOMBIE,
    Params,
    State,
    light,
)

SHOWN = (4, 9)  # rows and columns drawn to each side of the player, for wide pictures
TOOLS = ("muted", "plank", "stone", "sky")  # colours of what they are made of
MEADOW, ROCKS = ("grass", "meadow"), ("rock", "stone")
GROUNDS = (  # a colour and a tint, from OUT to RIPE
    MEADOW, ("water", "deep"), ("sand", "wood"), MEADOW, MEADOW, ("soil", "plank"), ROCKS, ROCKS, ROCKS, ROCKS,
    ("orange", "rose"), MEADOW, MEADOW, MEADOW, MEADOW,
)  # fmt: skip


def draw(s: State, p: Params, canvas: Canvas) -> None:
    x, y = between(canvas, s.from_col, s.col), between(canvas, s.from_row, s.row)
    canvas.view(float(COLS), ROWS + 1.2, left=x - COLS // 2, low=y - ROWS // 2, bleed=True)
    canvas.rect(x - 40.0, y - 40.0, 80.0, 80.0, "deep")
    for row in range(s.row - SHOWN[0], s.row + SHOWN[0] + 2):
        for col in range(s.col - SHOWN[1], s.col + SHOWN[1] + 1):
            if 0 <= row < len(s.board) and 0 <= col < len(s.board):
                draw_cell(s, canvas, row, col)
    for k in range(MOBS):
        if s.mob_kind[k] > 0:
            draw_mob(s, k, canvas)
    ahead = DCOL[s.facing], DROW[s.facing]
    hops = (s.row, s.col) != (s.from_row, s.from_col)
    swing = 0.18 * math.sin(math.pi * canvas.moment) if s.did > 0 else 0.0
    at = x + 0.5 + swing * ahead[0], y + 0.5 + swing * ahead[1]
    canvas.agent(0, *at, 0.36)
    creature(canvas, *at, 0.36, "rose" if s.hurt > 0 and canvas.moment < 0.6 else "amber", ahead=ahead, hops=hops)
    if s.pickaxe > 0:
        tip = at[0] + 0.42, at[1] - 0.28
        canvas.line([(at[0] + 0.22, at[1] + 0.18), tip], "plank", width=0.07)
        canvas.line([(tip[0] - 0.16, tip[1] - 0.04), (tip[0] + 0.1, tip[1] + 0.16)], TOOLS[s.pickaxe], width=0.08)
    if s.did in (TREE, STONE, COAL, IRON, DIAMOND):
        burst(canvas, s.col + 0.5 + 0.8 * ahead[0], s.row + 0.5 + 0.8 * ahead[1], "sand", reach=0.5, rays=5)
    dark = 0.72 if s.asleep == 1 else 0.6 * (1.0 - light(s, p))
    if dark > 0.0:
        canvas.rect(x - 40.0, y - 40.0, 80.0, 80.0, "night", alpha=dark)
    draw_belongings(s, canvas, x - COLS // 2, y + ROWS - ROWS // 2)
    canvas.status(
        f"{s.achieved} of 22 achievements, health {s.health}, food {s.food}, drink {s.drink}, energy {s.energy}"
    )


def draw_cell(s: State, canvas: Canvas, row: int, col: int) -> None:
    code, x, y = s.board[row, col], col + 0.5, row + 0.5
    color, tint = GROUNDS[code]
    ground(canvas, row, col, color, tint)
    if code == WATER:
        wave = 0.1 * math.sin(0.9 * s.step_count + 0.9 * canvas.moment + row + 2.0 * col)
        canvas.line([(x - 0.2 + wave, y), (x + 0.15 + wave, y)], "sky", width=0.06, alpha=0.6)
    elif code == TREE:
        canvas.circle(x, y + 0.28, 0.34, "shadow", alpha=0.3)
        canvas.rect(x - 0.08, y, 0.16, 0.4, "plank")
        for dx, dy, size in ((0.0, -0.02, 0.42), (-0.1, -0.2, 0.3), (0.08, -0.26, 0.24)):
            canvas.circle(x + dx, y + dy, size, "leaf")
        canvas.circle(x - 0.12, y - 0.24, 0.14, "lime", alpha=0.6)
    elif code in (STONE, COAL, IRON, DIAMOND):
        canvas.rect(col, row + 0.74, 1.0, 0.26, "slate")
        canvas.rect(col, row, 1.0, 0.06, "white", alpha=0.14)
        for k in range(4 if code != STONE else 0):
            at = col + 0.2 + 0.18 * k, row + 0.2 + 0.12 * grain(row + k, col, 4)
            canvas.circle(*at, 0.09, "ink" if code == COAL else "orange" if code == IRON else "white")
    elif code == TABLE:
        canvas.rect(x - 0.42, y - 0.34, 0.84, 0.76, "plank", radius=0.06)
        canvas.rect(x - 0.42, y - 0.38, 0.84, 0.52, "wood", radius=0.06)
        canvas.line([(x - 0.2, y - 0.2), (x + 0.2, y)], "stone", width=0.08)
    elif code == FURNACE:
        canvas.rect(x - 0.4, y - 0.42, 0.8, 0.86, "rock", radius=0.1)
        canvas.rect(x - 0.22, y, 0.44, 0.3, "ink", radius=0.06)
        canvas.circle(x, y + 0.18, 0.1, "orange")
    elif code in (PLANT, RIPE):
        canvas.line([(x, y + 0.3), (x, y - 0.05)], "lime", width=0.08)
        canvas.circle(x - 0.12, y, 0.12, "lime")
        canvas.circle(x + 0.12, y - 0.06, 0.12, "lime")
        if code == RIPE:
            canvas.circle(x, y - 0.2, 0.15, "rose")


def draw_mob(s: State, k: int, canvas: Canvas) -> None:
    x = between(canvas, s.mob_from_col[k], s.mob_col[k]) + 0.5
    y = between(canvas, s.mob_from_row[k], s.mob_row[k]) + 0.5
    ahead = s.mob_col[k] - s.mob_from_col[k], max(s.mob_row[k] - s.mob_from_row[k], 0)
    color = "wood" if s.mob_kind[k] == COW else "leaf" if s.mob_kind[k] == ZOMBIE else "white"
    if s.mob_kind[k] == COW:
        for dx in (-0.2, 0.2):
            canvas.circle(x + dx, y - 0.32, 0.1, "sand")
    creature(canvas, x, y, 0.34, color, ahead=ahead if ahead[0] != 0 or ahead[1] != 0 else (0, 1))
    if s.mob_kind[k] == COW:
        canvas.circle(x, y + 0.14, 0.15, "sand")
    elif s.mob_kind[k] == ZOMBIE:
        canvas.line([(x - 0.12, y + 0.15), (x + 0.12, y + 0.15)], "ink", width=0.07)


def draw_belongings(s: State, canvas: Canvas, left: float, top: float) -> None:
    """Draw what the player has under the picture: bars of what keeps it alive, then things and their numbers."""
    canvas.rect(left - 40.0, top, 80.0 + COLS, 40.0, "background")
    for k, (value, color) in enumerate(((s.health, "rose"), (s.food, "orange"), (s.drink, "sky"), (s.energy, "lime"))):
        x = left + 0.15 + 2.2 * k
        canvas.rect(x, top + 0.14, 2.0, 0.26, "raised", radius=0.12)
        if value > 0:
            canvas.rect(x, top + 0.14, 2.0 * min(value, MOST) / MOST, 0.26, color, radius=0.12)
    things = ((s.sapling, "lime"), (s.wood, "plank"), (s.stone, "stone"), (s.coal, "slate"), (s.iron, "orange"))
    for k, (number, color) in enumerate((*things, (s.diamond, "white"))):
        x = left + 0.4 + 1.1 * k
        canvas.rect(x - 0.2, top + 0.6, 0.4, 0.4, color, radius=0.08, alpha=1.0 if number else 0.25)
        canvas.text(x + 0.45, top + 0.8, str(number), "text" if number else "muted", size=0.36)
    for k, tool in enumerate((s.pickaxe, s.sword)):
        x = left + 7.2 + 0.9 * k
        canvas.line([(x, top + 1.02), (x + 0.4, top + 0.62)], TOOLS[tool], width=0.1, alpha=1.0 if tool else 0.3)
        if k == 0:
            canvas.line(
                [(x + 0.2, top + 0.56), (x + 0.46, top + 0.82)], TOOLS[tool], width=0.1, alpha=1.0 if tool else 0.3
            )
