"""What a step of craft does."""

from typing import Any

from puffer_arena.core import Array, jit, randint, random_bits
from puffer_arena.envs.craft.state import (
    COAL,
    COLS,
    COW,
    DAMAGE,
    DCOL,
    DIAMOND,
    DO,
    DOWN,
    DROW,
    FURNACE,
    GRASS,
    IRON,
    LAVA,
    LEFT,
    MAKE_PICKAXE,
    MAKE_SWORD,
    MOBS,
    MOST,
    OUT,
    PATH,
    PLACE_FURNACE,
    PLACE_PLANT,
    PLACE_STONE,
    PLACE_TABLE,
    PLANT,
    RIGHT,
    RIPE,
    ROWS,
    SAND,
    SKELETON,
    SLEEP,
    STONE,
    TABLE,
    TREE,
    UP,
    WATER,
    ZOMBIE,
    Params,
    State,
    can,
    is_open,
    light,
    what,
)
from puffer_arena.envs.craft.world import come, terrain

TIME_UP, BURNT, BITTEN, STARVED, PARCHED, WORN = range(6)  # endings


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
