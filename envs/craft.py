"""Craft: live through days and nights in a new world; gather, make tools, reach 22 achievements.

Food, drink and energy run down; health follows them, and creatures that bite.  Trees give wood; a table, made of wood,
lets one make pickaxes and swords beside it, and a furnace those of iron.  Zombies come at night, skeletons live in caves.

Actions       Discrete(17): NOOP, UP, DOWN, LEFT, RIGHT (turn and walk), DO (with the cell ahead: gather, drink, eat, hit),
              SLEEP, PLACE_STONE, PLACE_TABLE, PLACE_FURNACE, PLACE_PLANT, and MAKE_ a wooden, stone or iron pickaxe, then
              a sword.  What cannot be placed or made is barred by the mask; who sleeps does nothing.
Observation   Dict: `map` uint8 (7, 9), what is around the player, creatures included; `self` in [0, 1], (19,): health, food,
              drink, energy; saplings, wood, stone, coal, iron, diamonds; pickaxe, sword; light, asleep, way faced (4), time.
Reward        1 for an achievement's first time in the episode, and reward_health for health won, as much lost.
Cost          The signal `cost`: health lost to creatures and to lava.
Termination   no health left.  Truncation: max_steps.
Parameters    size, day, zombies, hunger, reward_health, max_steps.
Source        Hafner 2022, "Benchmarking the Spectrum of Agent Capabilities" (Crafter); Matthews et al. 2024, "Craftax".
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
from puffer_arena.core.tiles import between, burst, creature, grain, ground

OUT, WATER, SAND, GRASS, TREE, PATH, STONE, COAL, IRON, DIAMOND, LAVA, TABLE, FURNACE, PLANT, RIPE = range(15)
COW, ZOMBIE, SKELETON = 15, 16, 17
NOOP, UP, DOWN, LEFT, RIGHT, DO, SLEEP, PLACE_STONE, PLACE_TABLE, PLACE_FURNACE, PLACE_PLANT = range(11)
MAKE_PICKAXE, MAKE_SWORD = 11, 14  # of wood; those of stone and iron follow
DROW = (0, -1, 1, 0, 0)
DCOL = (0, 0, 0, -1, 1)
ROWS, COLS = 7, 9  # in sight
MOBS = 10
MOST = 9  # of anything one has
GRID = 8  # cells between two points of the noise
DAMAGE = (1, 2, 3, 5)  # by sword: none, wood, stone, iron
FAR = 30_000
SHOWN = (4, 9)  # rows and columns drawn to each side of the player, for wide pictures
TOOLS = ("muted", "plank", "stone", "sky")  # colours of what they are made of
MEADOW, ROCKS = ("grass", "meadow"), ("rock", "stone")
GROUNDS = (  # a colour and a tint, from OUT to RIPE
    MEADOW, ("water", "deep"), ("sand", "wood"), MEADOW, MEADOW, ("soil", "plank"), ROCKS, ROCKS, ROCKS, ROCKS,
    ("orange", "rose"), MEADOW, MEADOW, MEADOW, MEADOW,
)  # fmt: skip
TIME_UP, BURNT, BITTEN, STARVED, PARCHED, WORN = range(6)  # endings


@dataclass(frozen=True)
class Params:
    size: int = param(32, 16, 48, "rows and columns of the world")
    day: int = param(300, 50, 1000, "steps of a day and a night")
    zombies: float = param(0.5, 0.0, 1.0, "chance that a free place at night has one come up")
    hunger: int = param(25, 10, 200, "steps in which food, drink or energy goes down by one, about")
    reward_health: float = param(0.1, 0.0, 1.0, "for a point of health")
    max_steps: int = param(1000, 10, 10_000, "steps before the episode is truncated")

    @property
    def cells(self) -> int:
        return self.size * self.size

    @property
    def points(self) -> int:
        return self.size // GRID + 2


class State(Header):
    cost: float
    row: int = i32(below="size")
    col: int = i32(below="size")
    from_row: int = i32(below="size")  # before the last step
    from_col: int = i32(below="size")
    facing: int = i32(below=5)
    asleep: int = i32(below=2)
    hurt: int = i32()  # health lost in the last step
    did: int = i32()  # what the last DO met, or 0
    health: int = i32()
    food: int = i32()
    drink: int = i32()
    energy: int = i32()
    sapling: int = i32()
    wood: int = i32()
    stone: int = i32()
    coal: int = i32()
    iron: int = i32()
    diamond: int = i32()
    pickaxe: int = i32(below=4)  # none, wood, stone, iron
    sword: int = i32(below=4)
    achieved: int = i32()  # how many of what follows
    collect_wood: int = i32()
    collect_sapling: int = i32()
    collect_drink: int = i32()
    collect_stone: int = i32()
    collect_coal: int = i32()
    collect_iron: int = i32()
    collect_diamond: int = i32()
    place_table: int = i32()
    place_furnace: int = i32()
    place_stone: int = i32()
    place_plant: int = i32()
    make_wood_pickaxe: int = i32()
    make_stone_pickaxe: int = i32()
    make_iron_pickaxe: int = i32()
    make_wood_sword: int = i32()
    make_stone_sword: int = i32()
    make_iron_sword: int = i32()
    eat_cow: int = i32()
    eat_plant: int = i32()
    defeat_zombie: int = i32()
    defeat_skeleton: int = i32()
    wake_up: int = i32()
    mob_kind: Array = i32(MOBS, below=SKELETON + 1)  # COW, ZOMBIE, SKELETON, or 0 where the slot is free
    mob_row: Array = i32(MOBS, below="size")
    mob_col: Array = i32(MOBS, below="size")
    mob_from_row: Array = i32(MOBS, below="size")
    mob_from_col: Array = i32(MOBS, below="size")
    mob_health: Array = i32(MOBS)
    mob_rest: Array = i32(MOBS)  # steps until it bites again
    board: Array = i8("size", "size", below=COW)  # beyond p.size all is OUT
    who: Array = i8("size", "size", below=MOBS + 1)  # slot of the creature there, plus 1
    noise: Array = i32(3, "points", "points")  # in hand while a world is made


class Search(Memory):
    steps: Array = i32("size", "size")
    first: Array = i8("size", "size", below=5)  # the move with which the way to a cell begins
    queue: Array = i32("cells", below="cells")


@jit
def what(s: State, row: int, col: int) -> int:
    """Return what is in a cell, creatures first."""
    if not (0 <= row < len(s.board) and 0 <= col < len(s.board)):
        return OUT
    code: int = s.board[row, col]
    if s.who[row, col] > 0:
        code = s.mob_kind[s.who[row, col] - 1]
    return code


@jit
def is_open(s: State, row: int, col: int) -> bool:
    """Tell whether the player can stand in a cell."""
    return what(s, row, col) in (SAND, GRASS, PATH, LAVA) and not (row == s.row and col == s.col)


@jit
def level_of(s: State, layer: int, row: int, col: int) -> int:
    """Return smooth noise, 0 to 255: what lies between the four points around a cell."""
    top, left, down, right = row // GRID, col // GRID, row % GRID, col % GRID
    above = s.noise[layer, top, left] * (GRID - right) + s.noise[layer, top, left + 1] * right
    below = s.noise[layer, top + 1, left] * (GRID - right) + s.noise[layer, top + 1, left + 1] * right
    level: int = (above * (GRID - down) + below * down) // (GRID * GRID)
    return level


@jit
def terrain(s: State, p: Params, row: int, col: int, bits: int) -> int:
    """Return what a cell of a new world is; `bits` are its own random ones."""
    middle = max(abs(row - p.size // 2), abs(col - p.size // 2))  # steps from where the player begins
    calm = max(60 - 15 * middle, 0)
    height, rough, caves = level_of(s, 0, row, col), level_of(s, 1, row, col), level_of(s, 2, row, col)
    chance = bits & 255
    if height + calm < 84:
        return WATER
    if height + calm < 94:
        return SAND
    if rough - calm > 138:
        if caves > 150 or chance < 10:
            return LAVA if rough > 190 and chance > 225 else PATH
        if rough > 158 and chance > 249:
            return DIAMOND
        if rough > 148 and chance > 236:
            return IRON
        return COAL if chance < 32 else STONE
    return TREE if middle > 1 and caves < 118 and chance < 110 else GRASS


@jit
def reset(s: State, p: Params) -> None:
    for layer in range(3):
        for row in range(s.noise.shape[1]):
            for col in range(s.noise.shape[1]):
                s.noise[layer, row, col] = random_bits(s) & 255
    bits = 0
    for row in range(len(s.board)):
        for col in range(len(s.board)):
            bits = random_bits(s) if col % 4 == 0 else bits >> 8
            s.board[row, col] = terrain(s, p, row, col, bits) if row < p.size and col < p.size else OUT
            s.who[row, col] = 0
    s.row = s.col = s.from_row = s.from_col = p.size // 2
    s.board[s.row, s.col] = GRASS
    s.facing, s.asleep, s.hurt, s.did = DOWN, 0, 0, 0
    s.health = s.food = s.drink = s.energy = MOST
    s.sapling = s.wood = s.stone = s.coal = s.iron = s.diamond = s.pickaxe = s.sword = s.achieved = 0
    s.collect_wood = s.collect_sapling = s.collect_drink = s.collect_stone = s.collect_coal = s.collect_iron = 0
    s.collect_diamond = s.place_table = s.place_furnace = s.place_stone = s.place_plant = 0
    s.make_wood_pickaxe = s.make_stone_pickaxe = s.make_iron_pickaxe = 0
    s.make_wood_sword = s.make_stone_sword = s.make_iron_sword = 0
    s.eat_cow = s.eat_plant = s.defeat_zombie = s.defeat_skeleton = s.wake_up = 0
    for k in range(MOBS):
        s.mob_kind[k] = s.mob_row[k] = s.mob_col[k] = s.mob_health[k] = s.mob_rest[k] = 0
        s.mob_from_row[k] = s.mob_from_col[k] = 0
    for _ in range(24):
        come(s, p, 4 + randint(s, 8), False)


@jit
def count(s: State) -> int:
    """Return how many achievements there are so far."""
    gathered = s.collect_wood + s.collect_sapling + s.collect_drink + s.collect_stone + s.collect_coal
    gathered += s.collect_iron + s.collect_diamond + s.eat_cow + s.eat_plant
    placed = s.place_table + s.place_furnace + s.place_stone + s.place_plant
    made = s.make_wood_pickaxe + s.make_stone_pickaxe + s.make_iron_pickaxe
    made += s.make_wood_sword + s.make_stone_sword + s.make_iron_sword
    total: int = gathered + placed + made + s.defeat_zombie + s.defeat_skeleton + s.wake_up
    return total


@jit
def light(s: State, p: Params) -> float:
    """Return daylight, 0 to 1; the day begins in the morning, and its last two fifths are dusk, night and dawn."""
    phase = (s.step_count % p.day) / p.day
    return 1.0 - min(max(2.0 - abs(phase - 0.8) / 0.1, 0.0), 1.0)


@jit
def is_near(s: State, code: int) -> bool:
    for row in range(max(s.row - 3, 0), min(s.row + 4, len(s.board))):
        for col in range(max(s.col - 3, 0), min(s.col + 4, len(s.board))):
            if s.board[row, col] == code:
                return True
    return False


@jit
def can(s: State, action: int) -> bool:
    """Tell whether something can be placed or made; anything else can be tried."""
    if s.asleep == 1:
        return action == NOOP
    if action < PLACE_STONE:
        return True
    ahead = what(s, s.row + DROW[s.facing], s.col + DCOL[s.facing])
    if action == PLACE_STONE:
        return s.stone > 0 and (ahead in (WATER, SAND, GRASS, PATH, LAVA))
    if action == PLACE_PLANT:
        return s.sapling > 0 and ahead == GRASS
    if action == PLACE_TABLE:
        return s.wood > 0 and ahead in (SAND, GRASS, PATH)
    if action == PLACE_FURNACE:
        return s.stone > 0 and ahead in (SAND, GRASS, PATH) and is_near(s, TABLE)
    kind = (action - MAKE_PICKAXE) % 3  # wood, stone, iron
    if s.wood < 1 or (kind == 1 and s.stone < 1) or (kind == 2 and min(s.coal, s.iron) < 1):
        return False
    return is_near(s, TABLE) and (kind < 2 or is_near(s, FURNACE))


@jit
def step(s: State, p: Params, action: int) -> tuple[float, bool, bool]:
    before = s.health
    s.from_row, s.from_col, s.hurt, s.did = s.row, s.col, 0, 0
    if can(s, action):
        act(s, p, action)
    roam(s, p)
    live(s, p)
    s.health = min(max(s.health - s.hurt, 0), MOST)
    s.cost += s.hurt
    new = count(s) - s.achieved
    s.achieved += new
    reward = new + p.reward_health * (s.health - before)
    return reward, s.health == 0, s.step_count >= p.max_steps


@jit
def act(s: State, p: Params, action: int) -> None:
    if UP <= action <= RIGHT:
        s.facing = action
        row, col = s.row + DROW[action], s.col + DCOL[action]
        if is_open(s, row, col):
            s.row, s.col = row, col
            if s.board[row, col] == LAVA:
                s.hurt += s.health
        return
    if action == SLEEP:
        s.asleep = 1 if s.energy < MOST else 0
        return
    row, col = s.row + DROW[s.facing], s.col + DCOL[s.facing]
    if action == DO:
        s.did = what(s, row, col)
        gather(s, row, col)
    elif action == PLACE_STONE:
        s.board[row, col] = STONE
        s.stone, s.place_stone = s.stone - 1, 1
    elif action == PLACE_TABLE:
        s.board[row, col] = TABLE
        s.wood, s.place_table = s.wood - 1, 1
    elif action == PLACE_FURNACE:
        s.board[row, col] = FURNACE
        s.stone, s.place_furnace = s.stone - 1, 1
    elif action == PLACE_PLANT:
        s.board[row, col] = PLANT
        s.sapling, s.place_plant = s.sapling - 1, 1
    elif action >= MAKE_PICKAXE:
        make(s, action)


@jit
def gather(s: State, row: int, col: int) -> None:
    """Do what can be done with the cell ahead."""
    if s.did >= COW:
        hit(s, s.who[row, col] - 1)
    elif s.did == TREE:
        s.wood, s.collect_wood = min(s.wood + 1, MOST), 1
    elif s.did == WATER:
        s.drink, s.collect_drink = min(s.drink + 1, MOST), 1
    elif s.did == GRASS:
        if randint(s, 10) == 0:
            s.sapling, s.collect_sapling = min(s.sapling + 1, MOST), 1
    elif s.did == RIPE:
        s.board[row, col] = PLANT
        s.food, s.eat_plant = min(s.food + 4, MOST), 1
    elif s.did == STONE and s.pickaxe >= 1:
        s.board[row, col] = PATH
        s.stone, s.collect_stone = min(s.stone + 1, MOST), 1
    elif s.did == COAL and s.pickaxe >= 1:
        s.board[row, col] = PATH
        s.coal, s.collect_coal = min(s.coal + 1, MOST), 1
    elif s.did == IRON and s.pickaxe >= 2:
        s.board[row, col] = PATH
        s.iron, s.collect_iron = min(s.iron + 1, MOST), 1
    elif s.did == DIAMOND and s.pickaxe >= 3:
        s.board[row, col] = PATH
        s.diamond, s.collect_diamond = min(s.diamond + 1, MOST), 1


@jit
def hit(s: State, k: int) -> None:
    s.mob_health[k] -= DAMAGE[s.sword]
    if s.mob_health[k] > 0:
        return
    if s.mob_kind[k] == COW:
        s.food, s.eat_cow = min(s.food + 6, MOST), 1
    elif s.mob_kind[k] == ZOMBIE:
        s.defeat_zombie = 1
    else:
        s.defeat_skeleton = 1
    s.who[s.mob_row[k], s.mob_col[k]] = 0
    s.mob_kind[k] = 0


@jit
def make(s: State, action: int) -> None:
    kind = (action - MAKE_PICKAXE) % 3
    s.wood -= 1
    s.stone -= kind == 1
    s.coal -= kind == 2
    s.iron -= kind == 2
    if action < MAKE_SWORD:
        s.pickaxe = max(s.pickaxe, kind + 1)
        s.make_wood_pickaxe |= kind == 0
        s.make_stone_pickaxe |= kind == 1
        s.make_iron_pickaxe |= kind == 2
    else:
        s.sword = max(s.sword, kind + 1)
        s.make_wood_sword |= kind == 0
        s.make_stone_sword |= kind == 1
        s.make_iron_sword |= kind == 2


@jit
def live(s: State, p: Params) -> None:
    """Let hunger, thirst, weariness and sleep take their course, and health follow them."""
    t = s.step_count
    if t % p.hunger == 0:
        s.food, s.drink = max(s.food - 1, 0), max(s.drink - (t // p.hunger % 4 > 0), 0)
    if s.asleep == 0 and t % (2 * p.hunger) == 0:
        s.energy = max(s.energy - 1, 0)
    if s.asleep == 1:
        s.energy = min(s.energy + (t % 4 == 0), MOST)
        if s.hurt > 0 or (s.energy == MOST and light(s, p) > 0.3):
            s.asleep, s.wake_up = 0, max(s.wake_up, 1 if s.hurt == 0 else 0)
    if t % 10 == 0:
        s.health += 1 if min(s.food, s.drink, s.energy) > 0 else -1


@jit
def roam(s: State, p: Params) -> None:
    """Move creatures, let them bite, and let others come."""
    bits = random_bits(s)
    come(s, p, bits >> 8 & 7, True)
    for k in range(MOBS):
        s.mob_from_row[k], s.mob_from_col[k] = s.mob_row[k], s.mob_col[k]
        if s.mob_kind[k] == 0:
            continue
        bits = bits >> 3 | (bits & 7) << 29  # three bits for each
        down, across = s.row - s.mob_row[k], s.col - s.mob_col[k]
        away = abs(down) + abs(across)
        if away > 16:
            s.who[s.mob_row[k], s.mob_col[k]] = 0
            s.mob_kind[k] = 0
            continue
        way = 1 + (bits & 3)
        s.mob_rest[k] = max(s.mob_rest[k] - 1, 0)
        if s.mob_kind[k] > COW and away == 1:
            if s.mob_rest[k] == 0:
                s.hurt += 4 if s.asleep == 1 else 2 if s.mob_kind[k] == ZOMBIE else 1
                s.mob_rest[k] = 5
            continue
        if s.mob_kind[k] > COW and away < 8 and bits & 7 > 1:
            way = (DOWN if down > 0 else UP) if abs(down) >= abs(across) else (RIGHT if across > 0 else LEFT)
        elif bits & 4:
            continue
        row, col = s.mob_row[k] + DROW[way], s.mob_col[k] + DCOL[way]
        code = what(s, row, col)
        stays = code == PATH if s.mob_kind[k] == SKELETON else code in (GRASS, SAND)
        if stays and not (row == s.row and col == s.col):
            s.who[s.mob_row[k], s.mob_col[k]] = 0
            s.mob_row[k], s.mob_col[k] = row, col
            s.who[row, col] = k + 1


@jit
def come(s: State, p: Params, far: int, ripens: bool) -> None:
    """Look at a cell near the player: a creature may come up there, or a plant ripen."""
    bits = random_bits(s)
    row = min(max(s.row + (bits & 15) - 7, 0), p.size - 1)
    col = min(max(s.col + (bits >> 4 & 15) - 7, 0), p.size - 1)
    chance = (bits >> 8 & 1023) / 1024.0
    code = what(s, row, col)
    if ripens and code == PLANT:
        s.board[row, col] = RIPE
    if abs(row - s.row) + abs(col - s.col) < 4:
        return
    kind, health = 0, 3
    if code == PATH and chance < 0.15:
        kind = SKELETON
    elif code == GRASS and chance < 0.15 * p.zombies * (1.1 - light(s, p)):
        kind, health = ZOMBIE, 5
    elif code == GRASS and chance > (0.97 if ripens else 0.5):
        kind = COW
    for k in range(MOBS):
        if kind > 0 and s.mob_kind[k] == 0 and (kind > COW or k < MOBS // 2):
            s.mob_kind[k], s.mob_health[k], s.mob_rest[k] = kind, health, 2
            s.mob_row[k] = s.mob_from_row[k] = row
            s.mob_col[k] = s.mob_from_col[k] = col
            s.who[row, col] = k + 1
            return


@jit
def ending(s: State, p: Params) -> int:
    """Tell what the player died of, or what was achieved when time was up."""
    code = TIME_UP
    if s.health == 0 and s.hurt > 0:
        code = BURNT if s.board[s.row, s.col] == LAVA else BITTEN
    elif s.health == 0:
        code = STARVED if s.food == 0 else PARCHED if s.drink == 0 else WORN
    return code + 6 * s.achieved


@jit
def observe(s: State, p: Params, obs: Any) -> None:
    for row in range(ROWS):
        for col in range(COLS):
            obs.map[row, col] = what(s, s.row + row - ROWS // 2, s.col + col - COLS // 2)
    mine = (s.health, s.food, s.drink, s.energy, s.sapling, s.wood, s.stone, s.coal, s.iron, s.diamond)
    for k in range(10):
        obs.self[k] = min(max(mine[k], 0), MOST) / MOST
    obs.self[10], obs.self[11] = s.pickaxe / 3.0, s.sword / 3.0
    obs.self[12], obs.self[13] = light(s, p), s.asleep
    for way in range(4):
        obs.self[14 + way] = 1.0 if s.facing == way + 1 else 0.0
    obs.self[18] = min(1.0, s.step_count / p.max_steps)


@jit
def mask_actions(s: State, p: Params, mask: Array) -> None:
    for action in range(17):
        mask[action] = can(s, action)


@jit
def go(s: State, m: Search, wanted: int) -> int:
    """Return what brings the player to the nearest cell with something and does it there, or -1."""
    ahead = what(s, s.row + DROW[s.facing], s.col + DCOL[s.facing])
    if ahead == wanted:
        return DO
    size = len(s.board)
    m.steps[:] = FAR
    m.steps[s.row, s.col] = 0
    m.queue[0], taken, found = s.row * size + s.col, 0, 1
    while taken < found:
        row, col = m.queue[taken] // size, m.queue[taken] % size
        taken += 1
        for way in range(UP, RIGHT + 1):
            to_row, to_col = row + DROW[way], col + DCOL[way]
            code = what(s, to_row, to_col)
            first = way if m.steps[row, col] == 0 else m.first[row, col]
            if code == wanted:
                return first
            if code in (SAND, GRASS, PATH) and m.steps[to_row, to_col] == FAR:
                m.steps[to_row, to_col] = m.steps[row, col] + 1
                m.first[to_row, to_col] = first
                m.queue[found] = to_row * size + to_col
                found += 1
    return -1


@jit
def wish(s: State, m: Search) -> int:
    """Return an action that can be placed or made now, or what to look for, as a negative number."""
    kind = min(s.pickaxe, s.sword)
    if s.wood < (4 if kind < 2 else 2):
        return -TREE
    if kind > 0 and s.stone < 4:
        return -STONE
    if kind == 3:
        return -DIAMOND if s.collect_diamond == 0 else -PLANT
    if kind == 2 and s.coal < 1:
        return -COAL
    if kind == 2 and s.iron < 1:
        return -IRON
    if not is_near(s, TABLE):
        return PLACE_TABLE
    if kind == 2 and not is_near(s, FURNACE):
        return PLACE_FURNACE
    return MAKE_PICKAXE + kind if s.pickaxe == kind else MAKE_SWORD + kind


@jit
def settler(s: State, p: Params, m: Search) -> int:
    """Fight what bites, drink, eat and sleep in time, and else gather and make one tool after another."""
    if s.asleep == 1:
        return NOOP
    for way in range(UP, RIGHT + 1):
        if what(s, s.row + DROW[way], s.col + DCOL[way]) > COW:
            return DO if s.facing == way else way
    wanted = -WATER if s.drink < 5 else -COW if s.food < 5 else 0
    if s.energy < 3:
        return SLEEP
    if wanted == 0:
        ahead = what(s, s.row + DROW[s.facing], s.col + DCOL[s.facing])
        if ahead == GRASS and s.collect_sapling == 0:
            return DO
        if s.place_plant == 0 and can(s, PLACE_PLANT):
            return PLACE_PLANT
        if s.place_stone == 0 and s.stone > 1 and can(s, PLACE_STONE):
            return PLACE_STONE
        wanted = wish(s, m)
    action = go(s, m, -wanted) if wanted <= 0 else wanted
    if action >= 0 and can(s, action):
        return action
    return UP + randint(m, 4)


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
    hop = 0.3 * math.sin(math.pi * canvas.moment) if (s.row, s.col) != (s.from_row, s.from_col) else 0.0
    swing = 0.18 * math.sin(math.pi * canvas.moment) if s.did > 0 else 0.0
    at = x + 0.5 + swing * ahead[0], y + 0.5 + swing * ahead[1]
    canvas.agent(0, *at, 0.36)
    creature(canvas, *at, 0.36, "rose" if s.hurt > 0 and canvas.moment < 0.6 else "amber", ahead=ahead, hop=hop)
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
            canvas.circle(*at, 0.09, "shadow" if code == COAL else "orange" if code == IRON else "white")
    elif code == TABLE:
        canvas.rect(x - 0.42, y - 0.34, 0.84, 0.76, "plank", radius=0.06)
        canvas.rect(x - 0.42, y - 0.38, 0.84, 0.52, "wood", radius=0.06)
        canvas.line([(x - 0.2, y - 0.2), (x + 0.2, y)], "stone", width=0.08)
    elif code == FURNACE:
        canvas.rect(x - 0.4, y - 0.42, 0.8, 0.86, "rock", radius=0.1)
        canvas.rect(x - 0.22, y, 0.44, 0.3, "shadow", radius=0.06)
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
    creature(canvas, x, y, 0.34, color, ahead=ahead if any(ahead) else (0, 1))
    if s.mob_kind[k] == COW:
        canvas.circle(x, y + 0.14, 0.15, "sand")
    elif s.mob_kind[k] == ZOMBIE:
        canvas.line([(x - 0.12, y + 0.15), (x + 0.12, y + 0.15)], "shadow", width=0.07)


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


ACHIEVEMENTS = tuple(
    name for name in vars(State) if name.startswith(("collect_", "place_", "make_", "eat_", "defeat_", "wake_"))
)


def find_player(s: State, p: Params) -> list[tuple[float, float]]:
    return [(s.col, s.row)]


def put_player(s: State, p: Params, k: int, x: float, y: float) -> None:
    s.row = s.from_row = int(y)
    s.col = s.from_col = int(x)


def finish(s: State, p: Params) -> str:
    """Begin in a world that a person has drawn; creatures that stand in the way of it are gone."""
    if s.board[s.row, s.col] not in (SAND, GRASS, PATH):
        return "the player does not stand on sand, grass or a path"
    for k in range(MOBS):
        row, col = s.mob_row[k], s.mob_col[k]
        there = row == s.row and col == s.col
        if s.mob_kind[k] and (there or s.board[row, col] not in (SAND, GRASS, PATH)):
            s.mob_kind[k] = s.who[row, col] = 0
    return ""


BRUSHES = (
    Brush("grass", GRASS, "."),
    Brush("water", WATER, "w"),
    Brush("sand", SAND, "s"),
    Brush("tree", TREE, "t"),
    Brush("path", PATH, "p"),
    Brush("stone", STONE, "#"),
    Brush("coal", COAL, "c"),
    Brush("iron", IRON, "i"),
    Brush("diamond", DIAMOND, "d"),
    Brush("lava", LAVA, "l"),
    Brush("table", TABLE, "T"),
    Brush("furnace", FURNACE, "F"),
)


ENV = Env(
    params=Params,
    state=State,
    observation=Dict({"map": Box(0, SKELETON, (ROWS, COLS), np.uint8), "self": Box(0.0, 1.0, (19,))}),
    action=Discrete(
        17,
        (
            *("noop", "up", "down", "left", "right", "do", "sleep"),
            *("place stone", "place table", "place furnace", "place plant"),
            *("make wood pickaxe", "make stone pickaxe", "make iron pickaxe"),
            *("make wood sword", "make stone sword", "make iron sword"),
        ),
    ),
    reset=reset,
    step=step,
    observe=observe,
    draw=draw,
    action_mask=mask_actions,
    bots={"settler": settler},
    bot_memory=Search,
    keys={
        "up": UP,
        "down": DOWN,
        "left": LEFT,
        "right": RIGHT,
        "space": DO,
        "shift": PLACE_STONE,
        "z": SLEEP,
        "t": PLACE_TABLE,
        "f": PLACE_FURNACE,
        "g": PLACE_PLANT,
        **{str(k + 1): MAKE_PICKAXE + k for k in range(6)},
    },
    idle=NOOP,
    editor=Editor(
        cells=Painted("board", BRUSHES, lambda p: (p.size, p.size)),
        things=(Things("player", find_player, put_player),),
        finish=finish,
    ),
    counters=("achieved", *ACHIEVEMENTS),
    ending=ending,
    endings=(
        "time is up; achievements: {}",
        "walked into lava",
        "killed by a creature",
        "died of hunger",
        "died of thirst",
        "died of weariness",
    ),
    signals=("cost",),
    cost_limit=4.0,
    steps_per_second=6.0,
)
